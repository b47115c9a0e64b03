import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { SallyportError } from '../../core/errors.ts';
import type { GatewayEvent } from '../config/running.ts';
import type { Place } from '../places.ts';
import { Readiness, type Reacher } from './readiness.ts';

const place: Place = {
  service: 'web',
  host: 'web.localhost',
  url: 'https://web.localhost:8443',
  dial: { host: '127.0.0.1', port: 8_443 },
  tls: true,
  reach: 'machine',
};
const away = new SallyportError('relay-unreachable', 'The relay is away.', { hint: 'Start it.' });

/** `answers` are given one after the other; the last stays. */
function readiness(context: TestContext, answers: Awaited<ReturnType<Reacher>>[]) {
  const events: GatewayEvent[] = [];
  let waiting: (() => void)[] = [];
  let tries = 0;
  const ready = new Readiness({
    reach: async () => {
      tries += 1;
      return (answers.length > 1 ? answers.shift() : answers[0])!;
    },
    proofOf: () => ({ ca: null, fingerprint: null, expires: null }),
    onEvent: (event) => {
      events.push(event);
      for (const each of waiting) each();
      waiting = [];
    },
  });
  context.after(() => ready.close());
  const told = async (count: number): Promise<readonly string[]> => {
    while (events.length < count) await new Promise<void>((resolve) => waiting.push(resolve));
    return events.map((event) => `${event.event}${'code' in event ? ` ${event.code}` : ''}`);
  };
  return { ready, events, told, tries: () => tries };
}

test('nothing is tried while the way is shut, and its own reason is said once', async (context) => {
  const { ready, events, told, tries } = readiness(context, [{ ok: true }]);
  ready.shut(null);
  ready.watch([place]);
  assert.deepEqual([events, tries(), ready.stateOf('web')], [[], 0, 'waiting']);
  ready.shut(away);
  ready.shut(away);
  assert.deepEqual(events, [{ event: 'waiting', service: 'web', code: 'relay-unreachable', why: 'The relay is away.', hint: 'Start it.' }]);
  ready.open();
  assert.deepEqual(await told(2), ['waiting relay-unreachable', 'ready']);
  assert.equal(tries(), 1);
});

test('what was ready is lost with the way, and reached anew before it is ready again', async (context) => {
  const { ready, told, tries } = readiness(context, [{ ok: true }]);
  ready.watch([place]);
  await told(1);
  ready.shut(away);
  ready.shut(away);
  assert.equal(ready.stateOf('web'), 'waiting');
  ready.open();
  assert.deepEqual(await told(3), ['ready', 'lost relay-unreachable', 'ready']);
  ready.open();
  assert.equal(tries(), 2);
});

test('a check that goes on failing is said once, also when it begins anew', async (context) => {
  const wrong = { ok: false, code: 'self-check-failed', why: 'somebody else answers' } as const;
  const { ready, events, told, tries } = readiness(context, [wrong]);
  ready.watch([place]);
  assert.deepEqual(await told(1), ['waiting self-check-failed']);
  assert.equal(tries(), 4, 'the blink of an eye that every start takes is not said');
  ready.watch([place]);
  ready.open();
  assert.equal(events.length, 1);
});
