import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { duplexPair, type Duplex } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, it } from 'node:test';
import { CarrierLine } from './carrier-line.ts';

/** One end of a line: what it heard, and how often it lost its connection. */
class End {
  readonly line: CarrierLine;
  readonly heard = createHash('sha256');
  readonly lost: [string, boolean][] = [];
  bytes = 0;
  drains = 0;

  constructor(socket: Duplex, unackedBytesMax: number) {
    this.line = new CarrierLine(
      socket,
      {
        receive: (bytes) => {
          this.heard.update(bytes);
          this.bytes += bytes.length;
        },
        drained: () => (this.drains += 1),
        lost: (why, may) => this.lost.push([why, may]),
      },
      { unackedBytesMax },
    );
  }
}

/** Two ends and what joins them for the moment. */
function pair(
  unackedBytesMax = 1_000_000,
): Readonly<{ here: End; there: End; sockets: () => readonly [Duplex, Duplex]; join: () => void }> {
  let [left, right] = duplexPair();
  const here = new End(left, unackedBytesMax);
  const there = new End(right, unackedBytesMax);
  return {
    here,
    there,
    sockets: () => [left, right],
    join: () => {
      [left, right] = duplexPair();
      const [has, wants] = [here.line.received, there.line.received];
      assert.ok(here.line.attach(left, wants));
      assert.ok(there.line.attach(right, has));
    },
  };
}

async function pass(): Promise<void> {
  for (let each = 0; each < 8; each += 1) await turn();
}

describe('the line below a carrier', () => {
  it('loses and repeats no byte, wherever and however often it breaks', async () => {
    const { here, there, sockets, join } = pair();
    for (const end of [here, there]) end.line.begin(true);
    const sent = createHash('sha256');
    let bytes = 0;
    for (let round = 0; round < 200; round += 1) {
      const pieces = Array.from({ length: 1 + (round % 4) }, () => randomBytes(1 + ((round * 7_919) % 5_000)));
      for (const piece of pieces) {
        sent.update(piece);
        bytes += piece.length;
      }
      here.line.write(pieces);
      if (round % 3 === 0) await turn();
      const acknowledged = there.line.toAcknowledge(round % 5 === 0);
      if (acknowledged !== null) assert.ok(here.line.acknowledged(acknowledged));
      if (round % 4 === 1) sockets()[round % 2]?.destroy();
      if (round % 8 === 5) {
        await pass();
        join();
      }
    }
    join();
    await pass();
    assert.equal(there.bytes, bytes);
    assert.equal(there.heard.digest('hex'), sent.digest('hex'));
    assert.ok(here.lost.length > 20 && here.lost.every(([, may]) => may));
  });

  it('makes its writer wait when too much is not acknowledged, and tells when there is room', () => {
    const { here } = pair(1_000);
    here.line.begin(true);
    here.line.write([Buffer.alloc(600)]);
    assert.equal(here.line.full, false);
    here.line.write([Buffer.alloc(400)]);
    assert.equal(here.line.full, true);
    assert.ok(here.line.acknowledged(1));
    assert.deepEqual([here.line.full, here.drains], [false, 1]);
  });

  it('retransmission abuse: an acknowledgement of what was never sent is refused, and nobody goes on behind what they had', () => {
    const { here } = pair();
    assert.equal(here.line.acknowledged(0), false, 'nothing is counted during the greeting');
    here.line.begin(true);
    here.line.write([Buffer.alloc(100)]);
    assert.ok(here.line.acknowledged(60));
    assert.ok(here.line.acknowledged(59), 'an old one that was sent again');
    for (const position of [59, 101, -1, Number.NaN, Infinity]) {
      assert.equal(position === 59 || !here.line.acknowledged(position), true, String(position));
      assert.equal(here.line.attach(duplexPair()[0], position), false, String(position));
    }
    assert.ok(here.line.acknowledged(100));
  });

  it('cannot be resumed in the greeting, and not where one side cannot', async () => {
    const { here, there, sockets } = pair();
    here.line.write([Buffer.from('hello')]);
    await pass();
    assert.deepEqual([there.bytes, there.line.received, there.line.toAcknowledge(true)], [5, 5, null]);
    there.line.begin(false);
    assert.equal(there.line.acknowledged(0), false);
    sockets()[0].destroy();
    await pass();
    assert.deepEqual(
      [...here.lost, ...there.lost].map(([, may]) => may),
      [false, false],
    );
  });

  it('a connection that was replaced says nothing any more, and is destroyed', async () => {
    const { here, there, sockets, join } = pair();
    for (const end of [here, there]) end.line.begin(true);
    const [old] = sockets();
    join();
    await pass();
    assert.ok(old.destroyed);
    assert.deepEqual([here.lost, there.lost], [[], []]);
    here.line.write([Buffer.from('over the new one')]);
    await pass();
    assert.equal(there.bytes, 16);
  });

  it('says goodbye once, and keeps nothing after it', async () => {
    const { here, there, join } = pair();
    for (const end of [here, there]) end.line.begin(true);
    here.line.write([Buffer.from('last words')]);
    here.line.end();
    here.line.write([Buffer.from('too late')]);
    await pass();
    assert.equal(there.bytes, 10);
    assert.equal(there.lost.length, 1);
    assert.throws(join);
    assert.deepEqual(here.lost, []);
  });
});
