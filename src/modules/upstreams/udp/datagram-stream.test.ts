/** A flow drops what has no room, and never more than that. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { DatagramStream, WaitingBytes } from './datagram-stream.ts';

const flow = (waitingBytesMax: number, waiting = new WaitingBytes(1_000_000)) =>
  ({ waiting, stream: new DatagramStream({ send: () => undefined, waitingBytesMax, waiting }) }) as const;

const taken = (stream: DatagramStream, count: number): number =>
  Array.from({ length: count }, () => stream.offer(Buffer.alloc(998))).filter(Boolean).length;

test('resource exhaustion: what nobody reads waits up to the bound of the flow, and is given back with it', () => {
  const { stream, waiting } = flow(3_000);
  equal(taken(stream, 50), 3);
  equal(waiting.used, 3_000);
  // One moves into the reader's hands, and makes room for one.
  ok(stream.read());
  equal(taken(stream, 50), 1);
  stream.destroy();
  equal(waiting.used, 0);
  equal(taken(stream, 1), 0);
});

test('resource exhaustion: all flows together have a bound, too', () => {
  const waiting = new WaitingBytes(5_000);
  const flows = [flow(3_000, waiting), flow(3_000, waiting)];
  deepEqual(
    flows.map(({ stream }) => taken(stream, 50)),
    [3, 2],
  );
});

test('who reads gets everything', async () => {
  const { stream, waiting } = flow(3_000);
  let bytes = 0;
  stream.on('data', (piece: Buffer) => (bytes += piece.length));
  await new Promise((resolve) => setImmediate(resolve));
  equal(taken(stream, 50), 50);
  await new Promise((resolve) => setImmediate(resolve));
  deepEqual([bytes, waiting.used], [50_000, 0]);
});
