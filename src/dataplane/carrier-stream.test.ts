import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CarrierStream } from './carrier-stream.ts';

/** A carrier that takes so many bytes at once, and the rest when it is asked. */
function streamWithRoom(room: number): Readonly<{ stream: CarrierStream; sent: string[] }> {
  const sent: string[] = [];
  let left = room;
  const stream = new CarrierStream(
    {
      hasRoom: (_id, count) => count <= left,
      send: (_id, bytes) => {
        sent.push(Buffer.from(bytes).toString());
        left -= bytes.length;
        return true;
      },
      finish: () => undefined,
      reset: () => undefined,
      consumed: () => undefined,
    },
    1,
  );
  return { stream, sent };
}

describe('a writer of a stream', () => {
  it('is told before its write returns where the carrier has room', () => {
    const { stream, sent } = streamWithRoom(100);
    const told: string[] = [];
    for (const word of ['one', 'two']) assert.ok(stream.write(Buffer.from(word), () => told.push(word)));
    assert.deepEqual(
      [sent, told],
      [
        ['one', 'two'],
        ['one', 'two'],
      ],
    );
    stream.destroy();
  });

  it('is told later, and in order, where the carrier has none', async () => {
    const { stream, sent } = streamWithRoom(3);
    const told: string[] = [];
    for (const word of ['one', 'four', 'five']) stream.write(Buffer.from(word), () => told.push(word));
    assert.deepEqual(told, ['one'], 'what has no room waits');
    for (let turn = 0; turn < 3; turn += 1) {
      stream.sent();
      await new Promise((next) => void setImmediate(next));
    }
    assert.deepEqual(
      [sent, told],
      [
        ['one', 'four', 'five'],
        ['one', 'four', 'five'],
      ],
    );
    stream.destroy();
  });
});
