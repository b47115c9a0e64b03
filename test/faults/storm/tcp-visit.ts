/** One TCP connection of a visitor: an id's content goes there in pieces, and comes back byte for byte. */

import { setTimeout as pause } from 'node:timers/promises';
import { connect, type Socket } from 'node:net';
import { Content, Expectation } from './content.ts';
import type { Outcome } from './tally.ts';
import { codeOf } from './visit.ts';

export type TcpVisit = Readonly<{
  port: number;
  id: string;
  bytes: number;
  pieces: number;
  /** Between two pieces. */
  pauseMs: number;
  from: string | undefined;
  patienceMs: number;
  signal: AbortSignal;
  /** Who is told to leave by the signal has so long to come to an end. */
  leaveMs: number;
}>;

/** Never rejects, and always ends: who hears nothing for `patienceMs` leaves. */
export async function tcpVisit(asked: TcpVisit): Promise<Outcome> {
  const { port, id, bytes, from, patienceMs, signal, leaveMs } = asked;
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true, ...(from === undefined ? {} : { localAddress: from }) });
  const expected = Expectation.ofContent(id, bytes);
  const state = { outcome: null as Outcome | null, back: 0 };
  const settle = (found: Outcome): void => {
    state.outcome ??= found;
    socket.destroy();
  };
  const cut = (code: string): void => settle({ is: state.back > 0 ? 'broken' : 'refused', code });
  socket.setTimeout(patienceMs, () => cut('silent'));
  const leave = (): void => void setTimeout(() => cut('left'), leaveMs).unref();
  if (signal.aborted) leave();
  signal.addEventListener('abort', leave, { once: true });
  socket.on('error', (error) => cut(codeOf(error)));
  socket.on('data', (chunk: Buffer) => {
    state.back += chunk.length;
    const why = expected.take(chunk);
    if (why !== null) settle({ is: 'wrong', why });
  });
  socket.on('end', () => {
    // TCP itself does not say that something is missing: whoever knows the length sees it.
    if (state.back === bytes) settle({ is: 'whole' });
    else cut('ended early');
  });
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  await send(socket, asked, closed);
  await closed;
  signal.removeEventListener('abort', leave);
  return state.outcome ?? { is: state.back > 0 ? 'broken' : 'refused', code: 'closed' };
}

async function send(socket: Socket, { id, bytes, pieces, pauseMs }: TcpVisit, closed: Promise<void>): Promise<void> {
  const content = new Content(id);
  const most = Math.min(65_536, Math.max(1, Math.ceil(bytes / pieces)));
  socket.write(`${id} ${bytes}\n`);
  for (let left = bytes; left > 0 && !socket.destroyed; left -= most) {
    if (!socket.write(content.next(Math.min(left, most)))) await Promise.race([drained(socket), closed]);
    if (pauseMs > 0) await Promise.race([pause(pauseMs), closed]);
  }
  if (!socket.destroyed) socket.end();
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('drain', () => resolve()));
}
