/** Wraps a line into a WebSocket over TLS, for networks that let nothing else through. The carrier's own TLS runs inside. */

import { isIP } from 'node:net';
import type { Socket } from 'node:net';
import { connect } from 'node:tls';
import { WebSocket } from 'ws';
import { hostPort } from '../../core/address.ts';
import type { Limits } from '../../core/limits.ts';
import { unreachable } from './faults.ts';
import type { Hold, Target } from './line.ts';
import { WebSocketStream, carrierPath } from './websocket-stream.ts';

export type WrapOptions = Readonly<{ target: Target; limits: Limits; hold: Hold }>;

/**
 * The outer certificate is not judged: networks that look into TLS show their own, and nothing secret passes before
 * the TLS inside has seen the relay's pinned key. It has no deadline of its own.
 * Errors: `relay-unreachable`.
 */
export async function wrapInWebSocket(line: Socket, options: WrapOptions): Promise<WebSocketStream> {
  const { target, limits, hold } = options;
  const address = hostPort(target.host, target.port);
  const outer = connect({
    socket: line,
    // RFC 6066, 3: an address is no server name.
    servername: isIP(target.host) === 0 ? target.host : '',
    ALPNProtocols: ['http/1.1'],
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
  });
  hold(outer);
  await new Promise<void>((resolve, reject) => {
    outer.on('error', (error) => reject(unreachable(address, error.message, error)));
    outer.once('close', () => reject(unreachable(address, 'it closed the connection')));
    outer.once('secureConnect', resolve);
  });
  return new Promise((resolve, reject) => {
    const ws = new WebSocket(`wss://${address}${carrierPath}`, {
      createConnection: () => outer,
      perMessageDeflate: false,
      maxPayload: limits.frameBytesMax,
      maxHeaderSize: limits.headBytesMax,
      followRedirects: false,
      autoPong: false,
    });
    const failed = (error: Error): void => reject(unreachable(address, `it takes no carrier in a WebSocket (${error.message})`, error));
    ws.on('error', failed);
    outer.once('close', () => failed(new Error('it closed the connection')));
    ws.once('open', () => {
      const stream = new WebSocketStream(ws, limits.frameBytesMax);
      hold(stream);
      // The outer TLS may go without the WebSocket's hearing of it.
      outer.once('close', () => stream.destroy());
      resolve(stream);
    });
  });
}
