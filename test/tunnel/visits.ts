/** Visitors who come one after the other and count what they got, and a wire that can be cut: for tests of a tunnel that changes. */

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { visitor } from './relay.ts';

export type Visits = Readonly<{
  /** Echoes that came back whole, and why others did not. */
  tally: { whole: number; failed: string[] };
  /** Lets those that run come to their end. */
  end: () => Promise<void>;
}>;

/** Who has been answered comes again after this: they are not all that there is to do. */
const breathMs = 10;

/** So many visitors at once, each with a new connection for each of its requests. */
export function visits(test: TestContext, port: number, name: string, count: number): Visits {
  const tally: Visits['tally'] = { whole: 0, failed: [] };
  const state = { stopped: false };
  const running = Array.from({ length: count }, async () => {
    while (!state.stopped) {
      const failed = await visit(port, name);
      if (failed === null) tally.whole += 1;
      else tally.failed.push(failed);
      await pause(breathMs);
    }
  });
  const end = async (): Promise<void> => {
    state.stopped = true;
    await Promise.all(running);
  };
  test.after(end);
  return { tally, end };
}

/** One connection with one request: null when all of it came back. */
export async function visit(port: number, name: string, bytes = 2_000): Promise<string | null> {
  const sent = randomBytes(bytes);
  const got: Buffer[] = [];
  const socket = visitor(port, name);
  let why = 'closed';
  socket.on('error', (error) => (why = error.message));
  socket.on('data', (piece: Buffer) => got.push(piece));
  socket.end(sent);
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve));
  return Buffer.concat(got).equals(sent) ? null : why;
}

export type Wire = Readonly<{
  address: string;
  /** Connections that stand, in the order in which they came. */
  lines: Socket[];
  /** Breaks one of them at once, at both ends. */
  cut: (index: number) => void;
  /** Cuts all, and leads to another port from now on. */
  leadTo: (port: number) => void;
  /** Passes nothing on any more, on those that stand: as after a change of the network. */
  freeze: () => void;
  /** Cuts all, and takes nobody any more. */
  close: () => void;
}>;

/** A wire to a port of this machine. */
export async function wireTo(test: TestContext, port: number): Promise<Wire> {
  const lines: Socket[] = [];
  const ends: Socket[] = [];
  let target = port;
  const server = createServer((near) => {
    const far = connect({ host: '127.0.0.1', port: target });
    lines.push(near);
    ends.push(near, far);
    near.once('close', () => lines.splice(lines.indexOf(near), 1));
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      one.on('error', () => undefined);
      one.once('close', () => other.destroy());
      one.pipe(other);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  test.after(() => {
    server.close();
    for (const line of lines) line.destroy();
  });
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    lines,
    cut: (index) => void lines[index]?.destroy(),
    close: () => {
      server.close();
      for (const line of lines) line.destroy();
    },
    leadTo: (other) => {
      target = other;
      for (const line of lines) line.destroy();
    },
    freeze: () => {
      for (const end of ends) end.unpipe().pause();
    },
  };
}
