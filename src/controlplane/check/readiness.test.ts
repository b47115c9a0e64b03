import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { SallyportError } from '../../core/errors.ts';
import type { GatewayEvent } from '../config/running.ts';
import type { Place } from '../places.ts';
import { Readiness } from './readiness.ts';

const place = (service: string): Place => ({
  service,
  host: `${service}.localhost`,
  url: `https://${service}.localhost:8443`,
  dial: { host: '127.0.0.1', port: 8443 },
  tls: true,
  reach: 'machine',
});

class World {
  readonly events: GatewayEvent[] = [];
  reachable = false;
  tries = 0;
  readonly readiness = new Readiness({
    reach: async () => {
      this.tries += 1;
      return this.reachable ? { ok: true } : { ok: false, code: 'self-check-failed', why: 'nothing listens' };
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
  it.readiness.shut(new SallyportError('relay-unreachable', 'the relay is away'));
  await it.pass(30);
  assert.deepEqual(it.said, ['ready', 'lost']);
  it.reachable = true;
  await it.pass(1_000);
  assert.deepEqual(it.said, ['ready', 'lost'], 'nothing is tried while the relay is away');
  it.readiness.open();
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
