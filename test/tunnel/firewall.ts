/** A network that looks at what is said on the way to a relay, and lets HTTPS through and nothing else. */

import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import type { TestContext } from 'node:test';
import tls from 'node:tls';
import { defaults } from '../../src/core/limits.ts';
import { ClientHelloReader } from '../../src/core/tls/client-hello.ts';
import { identityOf } from './relay.ts';

export type Firewall = Readonly<{
  address: string;
  port: number;
  /** What each hello offered: server name and ALPN. */
  hellos: (readonly [string | null, string])[];
  /** Cuts all that passes. */
  cut: () => void;
  /** Takes nothing from the relay any more, until `go`. */
  stall: () => void;
  go: () => void;
}>;

/**
 * `resets` and `is silent` judge the hello; `ends the tls` shows a certificate of its own and reads along,
 * passing on what is HTTP/1.1 inside.
 */
export async function firewall(
  test: TestContext,
  relayPort: number,
  kind: 'resets' | 'is silent' | 'ends the tls' | 'passes',
): Promise<Firewall> {
  const { privateKey, certificate } = await identityOf('firewall');
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  };
  const hellos: (readonly [string | null, string])[] = [];
  const behind = new Set<Socket>();
  const inspector = tls.createServer({ key: privateKey, cert: certificate, ALPNProtocols: ['http/1.1'] });
  inspector.on('secureConnection', (inner) => {
    const outer = tls.connect({
      host: '127.0.0.1',
      port: relayPort,
      servername: 'example.test',
      ALPNProtocols: ['http/1.1'],
      rejectUnauthorized: false,
    });
    for (const socket of [inner, outer]) keep(socket);
    inner.pipe(outer).pipe(inner);
    inner.on('close', () => outer.destroy());
    outer.on('close', () => inner.destroy());
  });
  inspector.on('tlsClientError', (_error, socket) => socket.destroy());
  const pass = (socket: Socket, hello: Buffer): void => {
    const relay = connect({ host: '127.0.0.1', port: relayPort });
    keep(relay);
    behind.add(relay);
    relay.on('close', () => (behind.delete(relay), socket.destroy()));
    socket.on('close', () => relay.destroy());
    relay.write(hello);
    socket.pipe(relay).pipe(socket);
  };
  const server = createServer((socket) => {
    keep(socket);
    const reader = new ClientHelloReader(defaults);
    const read: Buffer[] = [];
    const hear = (bytes: Buffer): void => {
      read.push(bytes);
      const reading = reader.push(bytes);
      if (reading.is !== 'hello') return;
      socket.off('data', hear);
      socket.pause();
      hellos.push([reading.sni, reading.alpn.join()]);
      const isHttps = reading.alpn.includes('http/1.1');
      if (kind === 'passes') pass(socket, Buffer.concat(read));
      else if (kind === 'ends the tls') {
        socket.unshift(Buffer.concat(read));
        inspector.emit('connection', socket);
      } else if (isHttps) pass(socket, Buffer.concat(read));
      else if (kind === 'resets') socket.resetAndDestroy();
    };
    socket.on('data', hear);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = (): void => sockets.forEach((socket) => socket.destroy());
  test.after(() => {
    server.close();
    cut();
  });
  const { port } = server.address() as AddressInfo;
  return {
    address: `127.0.0.1:${port}`,
    port,
    hellos,
    cut,
    stall: () => behind.forEach((socket) => socket.pause()),
    go: () => behind.forEach((socket) => socket.resume()),
  };
}
