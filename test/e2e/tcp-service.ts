/** A TCP service that sends back what it gets, ends when its visitor has ended, and knows how each of its connections ended. */

import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import type { freshHome } from './program.ts';

type Context = Parameters<typeof freshHome>[0];

export type TcpService = Readonly<{
  port: number;
  /** Connections so far, with the address that each came from. */
  from: readonly string[];
  /** The first bytes of each connection. */
  first: readonly Buffer[];
  live: () => number;
  /** The next connection that ends: `end` in order, `reset` broken. */
  ended: () => Promise<'end' | 'reset'>;
  close: () => Promise<void>;
}>;

export async function startTcpService(context: Context, greeting = ''): Promise<TcpService> {
  const from: string[] = [];
  const first: Buffer[] = [];
  const live = new Set<Socket>();
  const waiting: ((how: 'end' | 'reset') => void)[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    let how: 'end' | 'reset' = 'reset';
    from.push(socket.remoteAddress ?? '');
    live.add(socket);
    socket.once('data', (bytes: Buffer) => first.push(bytes));
    if (greeting !== '') socket.write(greeting);
    socket.on('error', () => undefined);
    socket.on('end', () => (how = 'end'));
    socket.on('close', () => {
      live.delete(socket);
      waiting.shift()?.(how);
    });
    socket.pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = async (): Promise<void> => {
    for (const socket of live) socket.destroy();
    if (server.listening) await new Promise((done) => server.close(done));
  };
  context.after(close);
  const { port } = server.address() as AddressInfo;
  return { port, from, first, live: () => live.size, ended: () => new Promise((resolve) => waiting.push(resolve)), close };
}
