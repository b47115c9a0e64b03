/** What runs by a client certificate, held against the time. */

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { authority, fingerprint, signed } from '../../../../test/doubles/client-pki.ts';
import { limitsWith } from '../../../core/limits.ts';
import { createMemoryStore } from '../../../modules/stores/memory.ts';
import { createClientDesk } from './desk.ts';
import { openClientRegister } from './register.ts';

test('what runs by a certificate ends within a second of its end', async (context) => {
  const folder = await mkdtemp(join(tmpdir(), 'client-ends-'));
  context.after(() => rm(folder, { recursive: true, force: true }));
  const root = await authority('Root');
  await writeFile(join(folder, 'root.pem'), root.cert);
  const ana = await signed({ cn: ['ana'], issuer: root, toDays: 1 });
  const clock = { now: Date.now() };
  const now = (): number => clock.now;
  const limits = limitsWith({});
  context.mock.timers.enable({ apis: ['setInterval'] });
  const { records } = createMemoryStore({ now: Date.now });
  const desk = createClientDesk({ register: await openClientRegister({ records, now, limits }), limits, now, failed: assert.ifError });
  context.after(() => desk.close());
  desk.begin();
  const judging = desk.authority({ ca: [join(folder, 'root.pem')], crl: [] });
  await desk.settled();
  const { raw, validTo } = new X509Certificate(ana.cert);
  assert.equal((await judging.judge({ chain: [raw], fault: null })).is, 'good');
  desk.letIn(fingerprint(ana), 'certificate:ana');
  const told: (readonly string[])[] = [];
  desk.watch((ended) => told.push(ended));
  clock.now = Date.parse(validTo) - 1_000;
  context.mock.timers.tick(1_000);
  assert.deepEqual(told, []);
  clock.now = Date.parse(validTo) + 1_000;
  context.mock.timers.tick(1_000);
  assert.deepEqual(told, [['certificate:ana']]);
  // Once: it is forgotten with that.
  context.mock.timers.tick(1_000);
  assert.equal(told.length, 1);
});
