/** Signs of life: who is asked when, and who is given up. */

import { equal, ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Heartbeat } from './heartbeat.ts';

const limits = { carrierIdleMs: 30_000, carrierProbeMs: 3_000 };
const code = (found: ReturnType<Heartbeat['look']>): string => (typeof found === 'object' ? found.code : found);

describe('a heartbeat', () => {
  it('asks after a quarter of the limit, after a tenth while streams wait, and finds the dead by the first ping without an answer', () => {
    const heart = new Heartbeat(limits, 0);
    equal(code(heart.look(3_000, false)), 'fine');
    equal(code(heart.look(3_000, true)), 'ask');
    equal(code(heart.look(7_500, false)), 'ask');
    ok(heart.ask(7_500));
    equal(heart.ask(12_000), null, 'one at a time');
    equal(code(heart.look(13_499, false)), 'ask');
    equal(code(heart.look(13_500, false)), 'carrier-idle');
  });

  it('finds the dead within the limit also where no ping went out, and leaves a slow line its time', () => {
    equal(code(new Heartbeat(limits, 0).look(27_900, false)), 'ask');
    equal(code(new Heartbeat(limits, 0).look(28_000, false)), 'carrier-idle');
    const slow = new Heartbeat(limits, 0);
    ok(slow.ask(8_000));
    slow.wrote(13_000);
    equal(code(slow.look(14_000, true)), 'ask', 'the ping stood behind other bytes until a moment ago');
    const talking = new Heartbeat(limits, 0);
    ok(talking.ask(8_000));
    talking.heard(9_000);
    equal(code(talking.look(15_000, true)), 'ask', 'it said something since');
  });

  it('finds the dead as soon where a ping was under way already when all fell silent', () => {
    const heart = new Heartbeat(limits, 0);
    ok(heart.ask(10_000));
    heart.heard(10_050);
    equal(heart.ask(13_050), null, 'one at a time');
    equal(code(heart.look(19_049, true)), 'ask');
    equal(code(heart.look(19_050, true)), 'carrier-idle', 'a tenth of the limit, and twice the time of a probe');
    equal(code(heart.look(23_549, false)), 'ask');
    equal(code(heart.look(23_550, false)), 'carrier-idle');
  });

  it('gives a peer three seconds after a jump of the clock, however long the silence was', () => {
    const heart = new Heartbeat(limits, 0);
    heart.doubt(3_600_000);
    equal(code(heart.look(3_600_000, true)), 'fine');
    equal(code(heart.look(3_602_999, true)), 'fine');
    equal(code(heart.look(3_603_000, true)), 'carrier-idle');
  });

  it('believes a pong after a jump, and what comes later than from the machine’s own buffers', () => {
    const answered = new Heartbeat(limits, 0);
    const ping = answered.doubt(100_000);
    answered.heard(100_040);
    equal(answered.answered(ping, 100_040), null);
    equal(answered.roundTripMs, 40);
    equal(code(answered.look(104_000, false)), 'fine');

    const stale = new Heartbeat(limits, 0);
    stale.doubt(100_000);
    stale.heard(100_100);
    equal(code(stale.look(104_000, false)), 'carrier-idle');

    const busy = new Heartbeat(limits, 0);
    busy.doubt(100_000);
    busy.heard(101_000);
    equal(code(busy.look(104_000, false)), 'fine');
  });

  it('takes the pong of a ping from before a jump, and measures by the last one only', () => {
    const heart = new Heartbeat(limits, 0);
    const before = heart.ask(0);
    const after = heart.doubt(50_000);
    ok(before);
    equal(heart.answered(before, 50_010), null);
    equal(heart.roundTripMs, null);
    equal(heart.asking, true);
    equal(heart.answered(after, 50_020), null);
    equal(heart.roundTripMs, 20);
    equal(heart.answered(after, 50_030)?.code, 'frame-malformed');
  });

  it('gives up on a peer that talks and does not answer, unless the line still takes bytes', () => {
    const deaf = new Heartbeat(limits, 0);
    deaf.ask(0);
    const slow = new Heartbeat(limits, 0);
    slow.ask(0);
    for (let at = 1_000; at <= 60_000; at += 1_000) {
      deaf.heard(at);
      slow.heard(at);
      if (at % 20_000 === 0) slow.wrote(at);
    }
    equal(code(deaf.look(60_000, true)), 'carrier-idle');
    equal(code(slow.look(60_000, true)), 'ask');
  });

  it('measures anew for who tunes by it only when the last answer is old', () => {
    const heart = new Heartbeat(limits, 0);
    const ping = heart.measure(0);
    ok(ping);
    heart.answered(ping, 30);
    equal(heart.measure(200), null);
    ok(heart.measure(300));
  });
});
