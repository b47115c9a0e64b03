/** One flow of a visitor's datagrams: each comes back as it was, or is lost. */

import { createSocket } from 'node:dgram';
import { setTimeout as pause } from 'node:timers/promises';
import { datagramOf, readDatagram } from './content.ts';
import type { Outcome } from './tally.ts';

export type UdpVisit = Readonly<{
  host: string;
  port: number;
  id: string;
  datagrams: number;
  /** Of the largest one. */
  bytesMax: number;
  pauseMs: number;
  /** For the last ones, once all are sent. */
  patienceMs: number;
  from: string | undefined;
  signal: AbortSignal;
  onDatagram: (what: 'sent' | 'back') => void;
}>;

/** Whole when at least one has come back and none was another than it should be. Never rejects, and always ends. */
export async function udpVisit(asked: UdpVisit): Promise<Outcome> {
  const { host, port, id, datagrams, bytesMax, onDatagram } = asked;
  const socket = createSocket('udp4');
  const underWay = new Map<number, number>();
  const all = Promise.withResolvers<void>();
  const state = { wrong: null as string | null, back: 0 };
  socket.on('error', () => undefined);
  socket.on('message', (bytes) => {
    const found = readDatagram(bytes);
    if (found === null || found.id !== id) state.wrong = `a datagram of ${bytes.length} bytes that was not sent`;
    else if (underWay.get(found.number) !== bytes.length)
      state.wrong = `datagram ${found.number} of ${bytes.length} bytes, which was not under way`;
    else {
      underWay.delete(found.number);
      state.back += 1;
      onDatagram('back');
    }
    if (state.wrong !== null || state.back === datagrams) all.resolve();
  });
  await new Promise<void>((resolve) => socket.bind(0, asked.from ?? '127.0.0.1', resolve));
  for (let number = 0; number < datagrams && state.wrong === null && !asked.signal.aborted; number += 1) {
    const bytes = datagramOf(id, number, 60 + ((number * 7_919) % bytesMax));
    underWay.set(number, bytes.length);
    onDatagram('sent');
    socket.send(bytes, port, host, () => undefined);
    await pause(asked.pauseMs);
  }
  const over = new AbortController();
  const signal = AbortSignal.any([over.signal, asked.signal]);
  await Promise.race([all.promise, pause(asked.patienceMs, undefined, { signal }).catch(() => undefined)]);
  over.abort();
  socket.close();
  if (state.wrong !== null) return { is: 'wrong', why: state.wrong };
  return state.back > 0 ? { is: 'whole' } : { is: 'refused', code: 'no datagram came back' };
}
