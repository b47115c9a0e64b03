/** When the owner is told that a service takes visitors for local ones, or does not take us. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { AuditEvent } from '../../core/audit/event.ts';
import type { ServicePlan } from '../config/plan.ts';
import type { GatewayEvent } from '../config/running.ts';
import { whoListens, type Listening } from './listening.ts';
import type { SourceFinding } from './loopback.ts';
import { Sources } from './sources.ts';

const plan: ServicePlan = {
  name: 'blog',
  at: [],
  behind: { is: 'http', host: 'localhost', port: 3000 },
  access: null,
  firewall: 'on',
  from: null,
  proxy: null,
  rewriteHost: { to: 'keep' },
  rawHeaders: false,
  expires: null,
  forMs: null,
};

const ready = { event: 'ready', service: 'blog', url: 'x', reach: 'machine', ca: null, fingerprint: null, expires: null } as const;

function exchange(changes: Partial<AuditEvent>): GatewayEvent {
  const record: AuditEvent = {
    time: '2026-11-21T10:00:00.000Z',
    id: 'x',
    service: 'blog',
    listener: 'x',
    visitor: '192.0.2.7',
    viaRelay: false,
    who: 'user:ana',
    method: 'GET',
    host: 'blog.localhost',
    path: '/',
    verdict: 'pass',
    code: null,
    why: null,
    status: 200,
    bytesIn: 0,
    bytesOut: 0,
    durationMs: 1,
    ...changes,
  };
  return { event: 'exchange', record };
}

type Heard = Readonly<{ codes: readonly string[]; hints: readonly (string | null)[]; probes: number; sources: Sources }>;

/** What comes of some events; the world answers as it is told. */
async function hear(
  events: readonly GatewayEvent[],
  world: Readonly<{ plan?: Partial<ServicePlan>; platform?: string; listening?: Listening; probe?: SourceFinding }> = {},
): Promise<Heard> {
  const warnings: Extract<GatewayEvent, { event: 'warning' }>[] = [];
  let probes = 0;
  const sources = new Sources({
    platform: world.platform ?? 'linux',
    onEvent: (event) => event.event === 'warning' && warnings.push(event),
    listening: async () => world.listening ?? 'v4',
    probe: async () => {
      probes += 1;
      return world.probe ?? { is: 'same' };
    },
  });
  sources.watch([{ ...plan, ...world.plan }]);
  for (const event of events) {
    sources.hear(event);
    await new Promise(setImmediate);
  }
  return { codes: warnings.map(({ code }) => code), hints: warnings.map(({ hint }) => hint), probes, sources };
}

const refused: SourceFinding = { is: 'source-refused', why: 'it answers 403', lines: ['allow 127.83.0.0/16;'] };

test('a service is sent nothing before it has refused somebody who was let in', async () => {
  const quiet = [ready, exchange({}), exchange({ status: 404 }), exchange({ verdict: 'refuse', status: 401, code: 'credentials-missing' })];
  assert.deepEqual((await hear(quiet)).probes, 0);
  assert.deepEqual((await hear([...quiet, exchange({ status: 403 }), exchange({ status: 403 })])).probes, 1);
});

test('who answers 127.0.0.1 alone is named with the line to write, once, and status shows it', async () => {
  const { codes, hints, sources } = await hear([ready, exchange({ status: 403 }), ready, exchange({ status: 403 })], { probe: refused });
  assert.deepEqual([codes, hints, sources.risksOf('blog')], [['source-refused'], ['allow 127.83.0.0/16;'], ['source-refused']]);
});

test('who has closed three connections and answered none is asked as well', async () => {
  const broken = exchange({ verdict: 'fail', status: 502, code: 'upstream-broken' });
  assert.equal((await hear([ready, broken, broken])).probes, 0);
  assert.equal((await hear([ready, broken, broken, broken, broken])).probes, 1);
  assert.equal((await hear([ready, exchange({}), broken, broken, broken])).probes, 0);
});

test('where there is no second loopback address, it is said so', async () => {
  for (const world of [{ platform: 'darwin' }, { listening: 'v6' }] as const) {
    const { codes, sources } = await hear([ready, ready, exchange({})], world);
    assert.deepEqual([codes, sources.risksOf('blog')], [['source-shared'], ['source-shared']]);
  }
});

test('a port where nobody listens is said once, and looked at again when it answers', async () => {
  assert.deepEqual((await hear([ready], { listening: 'nobody' })).codes, ['upstream-refused']);
  assert.deepEqual((await hear([exchange({}), ready, ready], { listening: 'nobody' })).codes, []);
});

test('folders, other machines and addresses that the owner chose are left alone; 127.0.0.1 is shown as a risk', async () => {
  const events = [ready, exchange({ status: 403 })];
  for (const changes of [
    { behind: { is: 'folder', path: '/x', indexes: false } },
    { behind: { is: 'http', host: '192.0.2.9', port: 80 } },
    { from: '127.9.9.9' },
  ] as const) {
    const { codes, probes, sources } = await hear(events, { plan: changes, probe: refused });
    assert.deepEqual([codes, probes, sources.risksOf('blog')], [[], 0, []]);
  }
  const local = await hear(events, { plan: { from: '127.0.0.1' }, probe: refused });
  assert.deepEqual([local.codes, local.probes, local.sources.risksOf('blog')], [[], 0, ['source-local']]);
});

test('what did not change is not asked again after a new configuration', async () => {
  const { sources } = await hear([ready, exchange({ status: 403 })], { probe: refused });
  sources.watch([{ ...plan, firewall: 'off' }]);
  assert.deepEqual(sources.risksOf('blog'), ['source-refused']);
  sources.watch([{ ...plan, from: '127.9.9.9' }]);
  assert.deepEqual(sources.risksOf('blog'), []);
});

const folder = mkdtempSync(join(tmpdir(), 'sallyport-listening-'));
after(() => rmSync(folder, { recursive: true }));

/** The kernel's table, with one socket that listens on port 3000. */
function table(address: string, state = '0A'): readonly string[] {
  const path = join(folder, address);
  writeFileSync(path, `  sl  local_address rem_address   st\n   0: ${address}:0BB8 00000000:0000 ${state} 00000000:00000000\n`);
  return [path];
}

test('tells who listens from the table of the kernel', async () => {
  for (const [address, listening] of [
    ['0100007F', 'v4'],
    ['0501537F', 'v4'],
    ['00000000', 'v4'],
    ['00000000000000000000000000000000', 'v4'],
    ['0000000000000000FFFF00000100007F', 'v4'],
    ['00000000000000000000000001000000', 'v6'],
    ['0A00A8C0', 'nobody'],
  ] as const)
    assert.equal(await whoListens(3000, table(address)), listening, address);
  assert.equal(await whoListens(3001, table('0100007F')), 'nobody');
  assert.equal(await whoListens(3000, table('0100007F', '01')), 'nobody', 'a connection is no listener');
  assert.equal(await whoListens(3000, ['/nowhere']), 'unknown');
});

test('tells it of a real socket', { skip: process.platform !== 'linux' }, async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  assert.equal(await whoListens(port), 'v4');
  await new Promise((resolve) => server.close(resolve));
  assert.equal(await whoListens(port), 'nobody');
});
