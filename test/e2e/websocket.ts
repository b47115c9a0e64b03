/** A WebSocket visitor: the name of the address is dialled on this machine. */

import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import { WebSocket, type ClientOptions } from 'ws';

export type WebSocketOptions = Readonly<{ ca: string; cookie?: string; origin?: string; headers?: Readonly<Record<string, string>> }>;

/** Resolves with the open socket, or with the status of the refusal. Rejects when nobody answers. */
export function openWebSocket(url: string, options: WebSocketOptions): Promise<WebSocket | number> {
  const { host, hostname, port, pathname } = new URL(url);
  const settings: ClientOptions & ConnectionOptions = {
    servername: hostname,
    ca: readFileSync(options.ca),
    ...(options.origin === undefined ? {} : { origin: options.origin }),
    headers: { Host: host, ...(options.cookie === undefined ? {} : { Cookie: options.cookie }), ...options.headers },
  };
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`wss://127.0.0.1:${port === '' ? 443 : port}${pathname}`, settings);
    socket.once('open', () => resolve(socket));
    socket.once('unexpected-response', (request, response) => {
      request.destroy();
      resolve(response.statusCode ?? 0);
    });
    socket.on('error', reject);
  });
}

/** Sends one message and resolves with what comes back. */
export function echoed(socket: WebSocket, message: string | Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    socket.once('message', (data: Buffer) => resolve(data));
    socket.once('close', () => reject(new Error('the socket closed before its answer')));
    socket.send(message);
  });
}
