/** Backup and restore of both sides, by the real program: taken while all runs, put back elsewhere, and the same relay and gateway again. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect } from 'node:tls';
import { createSqliteWriter } from './store-busy.ts';
import { invitation, joinedHome, relayInside, relayProgram, share, shareInside } from './machines.ts';
import { freshHome, runToEnd } from './program.ts';
import { startService } from './service.ts';

test('a relay and a gateway come back from their backups as who they were', async (context) => {
  const { port } = await startService(context);
  const relay = await relayProgram(context);
  const home = await joinedHome(context, await invitation(context, relay, 'blog'));
  const shared = await share(context, port, ['--name', 'blog', '--public'], { home });
  const shelf = await freshHome(context);
  const files = { relay: join(shelf, 'relay.tar'), gateway: join(shelf, 'gateway.tar') };

  // While somebody writes to the store all the time.
  const busy = await createSqliteWriter(join(relay.home, 'store.sqlite'));
  for (const [side, at] of [
    ['relay', relay.home],
    ['gateway', home],
  ] as const) {
    const { code, lines } = await runToEnd(context, ['backup', files[side]], { home: at });
    assert.deepEqual([code, lines[0]?.['change']], [0, 'written'], JSON.stringify(lines));
    assert.equal((await stat(files[side])).mode & 0o777, 0o600);
  }
  assert.ok((await busy.stop()) > 0);
  assert.deepEqual((await readdir(shelf)).toSorted(), ['gateway.tar', 'relay.tar'], 'nothing is left beside them');
  const before = await readFile(files.relay);
  const again = await runToEnd(context, ['backup', files.relay], { home: relay.home });
  assert.deepEqual([again.code, again.lines[0]?.['code']], [64, 'usage-wrong']);
  assert.deepEqual(await readFile(files.relay), before, 'a backup is never overwritten');

  // Never under a running process, whatever is said.
  for (const words of [
    ['restore', files.relay],
    ['restore', '--force', files.relay],
  ]) {
    const refused = await runToEnd(context, words, { home: relay.home });
    assert.deepEqual([refused.code, refused.lines[0]?.['code']], [73, 'home-occupied']);
  }
  await shared.program.stop();
  await relay.program.stop();

  const [relayHome, gatewayHome] = [await freshHome(context), await freshHome(context)];
  for (const [file, at] of [
    [files.relay, relayHome],
    [files.gateway, gatewayHome],
  ] as const) {
    const { code, lines } = await runToEnd(context, ['restore', file], { home: at });
    assert.deepEqual([code, lines[0]?.['change'], lines[0]?.['replaced']], [0, 'restored', null], JSON.stringify(lines));
  }
  const back = await relayInside(context, { home: relayHome, port: relay.port });
  assert.equal(back.fingerprint, relay.fingerprint);
  await shareInside(context, port, ['--name', 'blog', '--public'], { home: gatewayHome });
  const visitor = connect({ host: back.host, port: back.port, servername: 'blog.example.test', rejectUnauthorized: false });
  await once(visitor, 'secureConnect');
  visitor.destroy();
});

test('a home that is not empty is put aside only when that is said, and nothing is changed by a backup that is damaged', async (context) => {
  const [one, other, shelf] = [await freshHome(context), await freshHome(context), await freshHome(context)];
  for (const [home, name] of [
    [one, 'ana'],
    [other, 'bob'],
  ] as const) {
    const { code } = await runToEnd(context, ['users', 'add', name], { home, env: { SALLYPORT_PASSWORD: 'four unrelated words here' } });
    assert.equal(code, 0);
  }
  const file = join(shelf, 'one.tar');
  assert.equal((await runToEnd(context, ['backup', file], { home: one })).code, 0);
  const users = async (home: string): Promise<readonly unknown[]> =>
    (await runToEnd(context, ['users', 'list'], { home })).lines.map((line) => line['name']);
  const restore = (...words: readonly string[]) => runToEnd(context, ['restore', ...words], { home: other });

  assert.equal((await restore(file)).lines[0]?.['code'], 'home-occupied');
  const damaged = join(shelf, 'damaged.tar');
  const bytes = await readFile(file);
  bytes[bytes.length - 3_000] = (bytes[bytes.length - 3_000] ?? 0) ^ 1;
  await writeFile(damaged, bytes, { mode: 0o600 });
  const refused = await restore('--force', damaged);
  assert.deepEqual([refused.code, refused.lines[0]?.['code']], [65, 'backup-malformed']);
  assert.deepEqual(await users(other), ['bob']);

  const { code, lines } = await restore('--force', file);
  assert.equal(code, 0);
  assert.deepEqual(await users(other), ['ana']);
  const aside = String(lines[0]?.['replaced']);
  assert.equal((await readdir(aside)).includes('store.sqlite'), true);
  assert.deepEqual(
    (await readdir(other)).filter((name) => name.startsWith('restore-')),
    [],
  );
});
