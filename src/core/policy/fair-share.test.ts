import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FairShare, type PartyTerms } from './fair-share.ts';

const piece = 65_536;
const rate = 8 * 1024 * 1024;

/** Parties that always have more to move, each on so many connections; what each moved in so many seconds. */
function moved(
  parties: readonly Readonly<{ terms: PartyTerms; connections: number }>[],
  seconds: number,
  whole: number | null,
): readonly number[] {
  const share = new FairShare(100);
  share.bytesPerSecond = whole;
  let now = 0;
  const sums = parties.map(() => 0);
  const ready = new Set<() => void>();
  for (const [at, { terms, connections }] of parties.entries()) {
    for (let each = 0; each < connections; each += 1) {
      const go = (): void => {
        // What was read is moved, also where it has to be waited after it.
        sums[at] = (sums[at] ?? 0) + piece;
        if (share.take(terms, piece, waiter, now)) ready.add(go);
      };
      const waiter = { resume: () => void ready.add(go) };
      ready.add(go);
    }
  }
  for (now = 0; now < seconds * 1_000; now += 20) {
    share.tick(now);
    while (ready.size > 0) {
      const all = [...ready];
      ready.clear();
      for (const go of all) go();
    }
  }
  return sums.map((sum) => sum / seconds);
}

const party = (name: string, weight = 1, bytesPerSecond: number | null = null): PartyTerms => ({ name, weight, bytesPerSecond });

describe('a bandwidth that is shared', () => {
  it('fairness: of eight one is greedy with 64 connections, and the others keep their shares', () => {
    const sums = moved(
      Array.from({ length: 8 }, (_, at) => ({ terms: party(`p${at}`), connections: at === 0 ? 64 : 1 })),
      10,
      rate,
    );
    for (const [at, sum] of sums.entries()) assert.ok(Math.abs(sum / (rate / 8) - 1) < 0.12, `${at}: ${sum / (rate / 8)} of its share`);
  });

  it('by weight, and what one does not want the others have', () => {
    const [light = 0, heavy = 0, slow = 0] = moved(
      [
        { terms: party('light'), connections: 3 },
        { terms: party('heavy', 3), connections: 3 },
        { terms: party('slow', 1, rate / 16), connections: 3 },
      ],
      10,
      rate,
    );
    assert.ok(Math.abs(slow / (rate / 16) - 1) < 0.2, String(slow));
    assert.ok(Math.abs(heavy / light / 3 - 1) < 0.12, String(heavy / light));
    assert.ok((light + heavy + slow) / rate > 0.95, 'nothing is left over');
  });

  it('who is alone has all of it, and never more on average', () => {
    const [alone = 0] = moved([{ terms: party('alone'), connections: 8 }], 10, rate);
    assert.ok(alone / rate > 0.95 && alone / rate < 1.15, String(alone / rate));
  });

  it('without a whole each has its own rate, and who has none is not counted', () => {
    const [slow = 0] = moved([{ terms: party('slow', 1, 100_000), connections: 20 }], 30, null);
    // Each connection has one piece before it waits: here that is all that comes too much.
    assert.ok(slow < 100_000 + (21 * piece) / 30, String(slow));
    const share = new FairShare(10);
    assert.equal(share.take(party('free'), 1e9, { resume: () => undefined }, 0), true);
    assert.equal(share.size, 0);
  });

  it('clock set back: nobody waits longer for it, and nobody gets more', () => {
    const share = new FairShare(10);
    share.bytesPerSecond = rate;
    let resumed = 0;
    const waiter = { resume: () => void (resumed += 1) };
    assert.equal(share.take(party('a'), rate, waiter, 1_000_000), false);
    share.tick(0);
    assert.equal(resumed, 0);
    for (let now = 0; now <= 1_100; now += 100) share.tick(now);
    assert.equal(resumed, 1);
  });

  it('debts are not forgiven by leaving, and memory is bounded', () => {
    const share = new FairShare(4);
    share.bytesPerSecond = rate;
    const gone = { resume: () => assert.fail('it has left') };
    assert.equal(share.take(party('a'), 10 * rate, gone, 0), false);
    share.leave(party('a'), gone);
    assert.equal(share.waits, false);
    assert.equal(share.take(party('a'), 0, { resume: () => undefined }, 100), false, 'still in debt');
    for (let at = 0; at < 20; at += 1) share.take(party(`b${at}`), 1, { resume: () => undefined }, 100);
    assert.ok(share.size <= 5);
  });
});
