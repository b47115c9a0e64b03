/** Stands on the line before a port and keeps every byte that goes by, both ways: what a packet capture would show. */

import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

type Context = { after: (done: () => Promise<void>) => void };

export type Recorder = Readonly<{
  port: number;
  connections: () => number;
  bytes: () => number;
  /** How often these bytes went by, within one direction of one connection. */
  count: (needle: Uint8Array) => number;
}>;

/** @param target where everything goes on to; asked for at each connection, as it may not listen yet */
export async function startRecorder(context: Context, target: () => number): Promise<Recorder> {
  const kept: Buffer[][] = [];
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (visitor) => {
    const onward = connect({ host: '127.0.0.1', port: target(), allowHalfOpen: true });
    for (const [from, to] of [
      [visitor, onward],
      [onward, visitor],
    ] as const) {
      const bytes: Buffer[] = [];
      kept.push(bytes);
      sockets.add(from);
      from.on('data', (chunk: Buffer) => bytes.push(chunk));
      from.on('error', () => to.destroy());
      from.on('close', () => to.destroy());
      from.pipe(to);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.after(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => kept.length / 2,
    bytes: () => kept.flat().reduce((sum, { length }) => sum + length, 0),
    count: (needle) => kept.reduce((sum, bytes) => sum + (Buffer.concat(bytes).includes(needle) ? 1 : 0), 0),
  };
}
