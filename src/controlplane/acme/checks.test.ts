import assert from 'node:assert/strict';
import type { CaaRecord } from 'node:dns';
import { after, test } from 'node:test';
import { createMemoryStore } from '../../modules/stores/memory.ts';
import { startMockAuthority } from '../../../test/acme/mock-authority.ts';
import { checkClock, checkPorts, checkRuntime } from '../check/machine.ts';
import { accountRecord } from './account.ts';
import { checkCertificates } from './checks.ts';
import { createCaHttps } from './https.ts';
import type { AcmePlan } from './plan.ts';

const closers: (() => unknown)[] = [];
after(async () => {
  for (const close of closers) await close();
});

test('doctor reads the nearest CAA records, and says where they do not help', async () => {
  const mock = await startMockAuthority();
  closers.push(mock.close);
  const { records } = createMemoryStore({ now: Date.now });
  const account = 'https://ca.example/acct/7';
  await records.put(accountRecord(mock.directory), { directory: mock.directory, key: 'k', url: account, agreed: null });
  const host = new URL(mock.directory).host;
  const zone: Readonly<Record<string, CaaRecord[]>> = {
    'example.org': [{ critical: 0, issue: `${host}; accounturi=${account}; validationmethods=dns-01` }],
  };
  const asked: string[] = [];
  const https = createCaHttps({ ca: mock.ca, signal: new AbortController().signal });
  closers.push(() => https.close());
  const plan = { directory: mock.directory, agree: true, challenge: 'dns-01', hook: '/x' } as unknown as AcmePlan;
  const resolve = async (name: string): Promise<readonly CaaRecord[]> => {
    asked.push(name);
    if (name === 'down.net') throw Object.assign(new Error('x'), { code: 'ESERVFAIL' });
    const found = zone[name];
    if (found === undefined) throw Object.assign(new Error('x'), { code: 'ENODATA' });
    return found;
  };
  const names = ['a.blog.example.org', 'free.com', 'down.net', 'ana.relay.example'];
  const { checks, date } = await checkCertificates({ plan, names, relayNames: ['relay.example'], records, https, resolve, now: Date.now });
  const caa = checks.filter(({ check }) => check.startsWith('CAA'));
  assert.deepEqual(
    caa.map(({ state }) => state),
    ['ok', 'warning', 'warning', 'warning'],
  );
  assert.deepEqual(asked, ['a.blog.example.org', 'blog.example.org', 'example.org', 'free.com', 'com', 'down.net']);
  assert.match(caa[1]?.hint ?? '', /free\.com\. IN CAA 0 issue ".*; accounturi=https:\/\/ca\.example\/acct\/7; validationmethods=dns-01"/);
  assert.match(caa[3]?.why ?? '', /does not help for a name of the relay/);
  assert.equal(checkClock(date, Date.now()).state, 'ok');
});

test('doctor sees a clock that is off, a port that is taken and a runtime that is too old', async () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  assert.match(checkClock('Thu, 01 Jan 2026 02:00:00 GMT', now).why, /7200 s behind/);
  assert.equal(checkClock(null, now).state, 'ok');
  assert.deepEqual(
    ['24.21.0', '26.10.0', '27.0.0', '26.9.0', '22.1.0'].map((node) => checkRuntime(node).state),
    ['ok', 'ok', 'ok', 'failed', 'failed'],
  );
  const [free, odd] = await checkPorts([
    { scheme: 'https', host: '127.0.0.1', port: 0 },
    { scheme: 'https', host: '203.0.113.7', port: 0 },
  ]);
  assert.deepEqual([free?.state, odd?.state], ['ok', 'failed']);
});
