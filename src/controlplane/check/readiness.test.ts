import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { SallyportError } from '../../core/errors.ts';
import type { GatewayEvent } from '../config/running.ts';
import type { Place } from '../places.ts';
import { Readiness } from './readiness.ts';

const place = (service: string, relay: string | null = null): Place => ({
  service,
  host: `${service}.localhost`,
  url: `https://${service}.${relay ?? 'localhost:8443'}`,
  relay,
  dial: { host: '127.0.0.1', port: 8443 },
  tls: true,
  reach: 'machine',
});

class World {
  readonly events: GatewayEvent[] = [];
  reachable = false;
  readonly away = new Set<string>();
  tries = 0;
  readonly readiness = new Readiness({
    reach: async ({ relay }) => {
      this.tries += 1;
      return this.reachable && !this.away.has(relay ?? '')
        ? { ok: true }
        : { ok: false, code: 'self-check-failed', why: 'nothing listens' };
    },
    proofOf: () => ({ ca: '/ca.pem', fingerprint: 'ab', expires: null }),
    onEvent: (event) => void this.events.push(event),
  });

  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 10) {
      mock.timers.tick(10);
      await turn();
    }
  }

  get said(): string[] {
    return this.events.map((event) => event.event);
  }
}

function world(): World {
  mock.timers.reset();
  mock.timers.enable({ apis: ['setTimeout'] });
  return new World();
}

test('is ready only when it was reached, and says so once', async () => {
  const it = world();
  it.readiness.watch([place('web')]);
  await it.pass(50);
  assert.equal(it.readiness.stateOf('web'), 'waiting');
  assert.deepEqual(it.said, []);
  it.reachable = true;
  await it.pass(500);
  assert.deepEqual(it.said, ['ready']);
  assert.equal(it.readiness.stateOf('web'), 'ready');
});

test('says why it waits once for each reason, not for the blink of an eye that a start takes', async () => {
  const it = world();
  it.readiness.watch([place('web')]);
  await it.pass(30);
  assert.deepEqual(it.said, []);
  await it.pass(20_000);
  assert.deepEqual(it.said, ['waiting']);
  assert.ok(it.tries > 8);
});

test('a way that broke is reached anew before it is ready again', async () => {
  const it = world();
  it.reachable = true;
  it.readiness.watch([place('web')]);
  await it.pass(30);
  it.reachable = false;
  it.readiness.shut(null, new SallyportError('relay-unreachable', 'the relay is away'));
  await it.pass(30);
  assert.deepEqual(it.said, ['ready', 'lost']);
  it.reachable = true;
  await it.pass(1_000);
  assert.deepEqual(it.said, ['ready', 'lost'], 'nothing is tried while the relay is away');
  it.readiness.open(null);
  await it.pass(1_000);
  assert.deepEqual(it.said, ['ready', 'lost', 'ready']);
});

test('a place that did not change is not asked again, one that is gone is not asked any more', async () => {
  const it = world();
  it.reachable = true;
  it.readiness.watch([place('web'), place('other')]);
  await it.pass(30);
  const tries = it.tries;
  it.readiness.watch([place('web')]);
  await it.pass(1_000);
  assert.equal(it.tries, tries);
  assert.equal(it.readiness.stateOf('other'), null);
});

const [one, two] = ['one.example:443', 'two.example:443'];
const away = new SallyportError('relay-unreachable', 'two.example does not answer');
const both = [place('web', one), place('web', two)];
const readyLines = (it: World) =>
  it.events.flatMap((event) =>
    event.event === 'ready' ? [[event.url, event.urls ?? null, event.waiting?.map(({ relay, code }) => [relay, code]) ?? null]] : [],
  );

test('of two relays the first line waits for both, and has the address of each', async () => {
  const it = world();
  it.reachable = true;
  for (const relay of [one, two]) it.readiness.shut(relay, null);
  it.readiness.watch(both);
  it.readiness.open(two);
  await it.pass(50);
  assert.deepEqual(it.said, [], 'the other may follow in a moment');
  assert.equal(it.readiness.stateOf('web'), 'ready');
  it.readiness.open(one);
  await it.pass(50);
  const [first, second] = both.map(({ url }) => url);
  assert.deepEqual(readyLines(it), [[first, [first, second], null]]);
  await it.pass(5_000);
  assert.equal(it.events.length, 1);
});

test('a relay that says nothing does not keep the other’s line for long', async () => {
  const it = world();
  it.reachable = true;
  it.readiness.shut(two, null);
  it.readiness.watch(both);
  await it.pass(900);
  assert.deepEqual(it.said, []);
  await it.pass(300);
  assert.deepEqual(readyLines(it), [[both[0]?.url, null, [[two, 'relay-unreachable']]]]);
});

test('one of two relays is lost and comes again: the service stays ready, and the line says where', async () => {
  const it = world();
  it.reachable = true;
  it.readiness.watch(both);
  await it.pass(50);
  it.readiness.shut(two, away);
  it.readiness.shut(two, away);
  await it.pass(50);
  assert.equal(it.readiness.stateOf('web'), 'ready');
  assert.deepEqual(it.said, ['ready', 'ready'], 'no word of being lost');
  it.readiness.open(two);
  await it.pass(50);
  const [first, second] = both.map(({ url }) => url);
  assert.deepEqual(readyLines(it), [
    [first, [first, second], null],
    [first, null, [[two, 'relay-unreachable']]],
    [first, [first, second], null],
  ]);
  it.readiness.shut(one, away);
  assert.deepEqual(readyLines(it).at(-1), [second, null, [[one, 'relay-unreachable']]]);
  it.readiness.shut(two, away);
  assert.equal(it.readiness.stateOf('web'), 'waiting');
  assert.deepEqual(it.said.slice(-1), ['lost'], 'with the last one');
});

test('says of which relay it waits, when it is reached by none', async () => {
  const it = world();
  it.readiness.shut(one, away);
  it.readiness.shut(two, away);
  it.readiness.watch(both);
  it.readiness.watch(both);
  await it.pass(1_000);
  assert.deepEqual(
    it.events.map((event) => (event.event === 'waiting' ? event.relay : event.event)),
    [one, two],
  );
  assert.equal(it.tries, 0);
});

test('what is not reached by one of two relays is said, and tried again', async () => {
  const it = world();
  it.reachable = true;
  it.away.add(two);
  it.readiness.watch(both);
  await it.pass(3_000);
  assert.deepEqual(readyLines(it), [[both[0]?.url, null, [[two, 'self-check-failed']]]]);
  it.away.clear();
  await it.pass(6_000);
  assert.equal(readyLines(it).length, 2);
  it.readiness.watch([place('web', one)]);
  await it.pass(50);
  assert.deepEqual(readyLines(it).at(-1), [both[0]?.url, null, null], 'a relay that is left out is not spoken of');
});
