/** New keys on both sides, as people change them: while everything runs, and after it was stopped. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { cp, writeFile } from 'node:fs/promises';
import { join as joinPath } from 'node:path';
import { test } from 'node:test';
import { connect } from 'node:tls';
import { openSqliteStore } from '../../src/modules/stores/sqlite.ts';
import { listMemberships } from '../../src/controlplane/enrolment/memberships.ts';
import { text } from './lines.ts';
import { invitation, joinedHome, relayInside, shareInside } from './machines.ts';
import { freshHome, runInside, runRefused, runToEnd, type Line } from './program.ts';
import { startService } from './service.ts';

test('the relay’s key is changed under gateways that run, and that come later', async (context) => {
  const { port } = await startService(context);
  const relay = await relayInside(context);
  const home = await joinedHome(context, await invitation(context, relay, 'blog'));
  const shared = await shareInside(context, port, ['--name', 'blog', '--public'], { home });
  const early = await runToEnd(context, ['relay', 'rotate-key', '--use'], { home: relay.home });
  assert.equal(early.lines[0]?.['code'], 'usage-wrong', 'nothing was announced');
  const announced = (await runToEnd(context, ['relay', 'rotate-key'], { home: relay.home })).lines[0];
  assert.deepEqual([announced?.['fingerprint'], announced?.['missed']], [relay.fingerprint, []]);
  const next = text(announced, 'next');

  // The gateway has written down what it heard when its store says so.
  const store = await openSqliteStore({ path: joinPath(home, 'store.sqlite'), now: Date.now });
  context.after(() => store.close());
  const pinned = async (): Promise<readonly unknown[]> =>
    (await listMemberships(store)).map((each) => [each.fingerprint, each.next ?? null]);
  const become = async (wanted: readonly unknown[]): Promise<void> => {
    const told = Promise.withResolvers<void>();
    const watch = store.records.watch(
      'memberships/',
      () => void pinned().then((now) => JSON.stringify(now) === JSON.stringify(wanted) && told.resolve()),
    );
    if (JSON.stringify(await pinned()) !== JSON.stringify(wanted)) await told.promise;
    watch.close();
  };
  await become([[relay.fingerprint, next]]);
  await runToEnd(context, ['relay', 'rotate-key', '--use'], { home: relay.home });
  await become([[next, null]]);
  const visitor = connect({ host: relay.host, port: relay.port, servername: 'blog.example.test', rejectUnauthorized: false });
  await once(visitor, 'secureConnect');
  visitor.destroy();
  await shared.program.stop();
  await relay.program.stop();
  const again = await relayInside(context, { home: relay.home, port: relay.port });
  assert.equal(again.fingerprint, next);
  await shareInside(context, port, ['--name', 'blog', '--public'], { home });
});

test('a gateway’s key is changed: its names are the new key’s, and a copy of the old one is worth nothing', async (context) => {
  const { port } = await startService(context);
  const relay = await relayInside(context);
  const home = await joinedHome(context, await invitation(context, relay, 'blog'));
  const copy = await freshHome(context);
  await cp(home, copy, { recursive: true });
  const file = joinPath(await freshHome(context), 'sallyport.yaml');
  // Waits between two tries grow with what went before: here it goes through two keys and a relay that is away.
  await writeFile(file, `services:\n  blog: { to: ${port}, access: [public] }\nlimits: { redialMs: 500 }\n`);
  const gateway = runInside(context, ['up', '--config', file], { home });
  const next = (event: string, last: Line) => gateway.line(event, (line) => gateway.lines.indexOf(line) > gateway.lines.indexOf(last));
  const first = await gateway.line('ready');
  const [changed] = (await runToEnd(context, ['rotate-key'], { home })).lines;
  assert.deepEqual([changed?.event, changed?.['of'], changed?.['missed']], ['rotation', 'gateway', []]);
  const [owned] = (await runToEnd(context, ['relay', 'names', 'list'], { home: relay.home })).lines;
  assert.equal(owned?.['owner'], changed?.['fingerprint']);
  const second = await next('ready', first);
  const old = await runRefused(context, ['http', String(port), '--name', 'blog', '--public'], { home: copy });
  assert.deepEqual([old.code, old.lines.map((line) => line['code'])], [77, ['relay-refused']]);

  await relay.program.stop();
  const lost = await next('lost', second);
  const away = await runToEnd(context, ['rotate-key'], { home });
  assert.deepEqual([away.code, away.lines.map((line) => line['code'])], [69, ['relay-unreachable']]);
  await relayInside(context, { home: relay.home, port: relay.port });
  await next('ready', lost);
});
