/** `sallyport clients` from words to exit code. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { partnerEvent } from '../../../test/doubles/audit-event.ts';
import { openClientDesk } from '../../controlplane/clients/desk.ts';
import { codes } from '../../core/errors.ts';
import { limitsWith } from '../../core/limits.ts';
import { openSqliteStore } from '../../modules/stores/sqlite.ts';
import { run } from '../run.ts';
import { scriptedTerminal, temporaryFolder } from '../scripted-terminal.ts';

async function desk(context: TestContext) {
  const home = join(await temporaryFolder(context), 'home');
  return async (...words: string[]) => {
    const terminal = scriptedTerminal({ home });
    const code = await run(words, terminal);
    return { code, event: words.includes('--json') ? (terminal.events()[0] ?? {}) : {}, written: terminal.written() };
  };
}

test('a client is made with a key that is shown once, suspended, resumed, rotated and removed with its key', async (context) => {
  const told = await desk(context);
  const made = await told(
    'clients',
    'add',
    'Partner',
    '--contact',
    'ops@partner.example',
    '--role',
    'web',
    '--per-month',
    '500GB',
    '--json',
  );
  const key = String(made.event['key']);
  assert.match(key, /^sallyport_[0-9A-Za-z]{39}$/);
  assert.deepEqual(
    [made.event['name'], made.event['members'], made.event['roles'], made.event['state'], made.event['change']],
    ['partner', ['key:partner'], ['web'], 'active', 'added'],
  );
  const listed = await told('clients', 'list', '--json');
  assert.deepEqual([listed.event['key'], listed.written.includes(key)], [null, false]);
  assert.equal((listed.event['limits'] as Record<string, unknown>)['bytesPerMonth'], 500e9);
  const suspended = await told('clients', 'suspend', 'partner', '--why', 'invoice 17', '--json');
  assert.deepEqual([suspended.event['state'], suspended.event['why']], ['suspended', 'invoice 17']);
  assert.match((await told('clients', 'list')).written, /partner {2}suspended: invoice 17/);
  assert.equal((await told('clients', 'resume', 'partner', '--json')).event['state'], 'active');
  const changed = await told('clients', 'set', 'partner', '--per-month', 'none', '--tunnels', '3', '--json');
  const limits = changed.event['limits'] as Record<string, unknown>;
  assert.deepEqual([limits['bytesPerMonth'], limits['tunnels']], [null, 3]);
  const rotated = await told('clients', 'rotate', 'partner', '--now', '--json');
  assert.notEqual(rotated.event['key'], key);
  assert.match((await told('clients', 'show', 'partner')).written, /contact +ops@partner\.example[^]*limits +3 tunnels/);
  assert.equal((await told('clients', 'remove', 'partner', '--json')).event['change'], 'removed');
  assert.equal((await told('keys', 'list')).written, 'There is no key.\n');
  for (const verb of ['show', 'suspend', 'resume', 'rotate', 'remove', 'set'])
    assert.equal((await told('clients', verb, 'partner')).code, codes['client-missing'].exit, verb);
});

test('a key or a user that exists becomes a client, and only of one', async (context) => {
  const told = await desk(context);
  await told('keys', 'add', 'ci');
  assert.deepEqual((await told('clients', 'add', 'farm', '--key', 'ci', '--json')).event['members'], ['key:ci']);
  assert.equal((await told('clients', 'add', 'other', '--key', 'ci')).code, codes['client-taken'].exit);
  assert.equal((await told('clients', 'add', 'other', '--key', 'nobody')).code, codes['key-missing'].exit);
  assert.equal((await told('clients', 'add', 'other', '--user', 'nobody')).code, codes['user-missing'].exit);
  // Of a client that came to nothing no key is left.
  assert.equal((await told('clients', 'add', 'FARM')).code, codes['client-taken'].exit);
  assert.equal((await told('clients', 'add', 'no/name')).code, codes['name-malformed'].exit);
  for (const wrong of [
    ['--tunnels', '0'],
    ['--bandwidth', '1KB'],
    ['--per-day', '5'.repeat(20)],
    ['--tunnel-life', 'soon'],
    ['--contact', 'a\u001b[31m'],
  ])
    assert.equal((await told('clients', 'add', 'other', ...wrong)).code, codes['usage-wrong'].exit, wrong.join(' '));
  assert.match((await told('keys', 'list')).written, /^ci [^\n]*\n$/);
});

test('what a client used is told in a line, by destination and as CSV that no spreadsheet takes for a formula', async (context) => {
  const home = join(await temporaryFolder(context), 'home');
  const ask = async (...words: string[]) => {
    const terminal = scriptedTerminal({ home });
    return { code: await run(['clients', ...words], terminal), written: terminal.written() };
  };
  await ask('add', 'partner');
  const store = await openSqliteStore({ path: join(home, 'store.sqlite'), now: Date.now });
  const desk = await openClientDesk({ store, now: Date.now, limits: limitsWith({}) });
  for (const host of ['www.example.org:443', '=cmd.example.org:443'])
    desk.account({ ...partnerEvent, time: new Date().toISOString(), host });
  desk.connected('partner', 'www.example.org:443', 20);
  await desk.close();
  await store.close();
  assert.match(
    (await ask('usage')).written,
    /^partner, .*2 requests {2}200 B to the client, 20 B from it {2}95 of 100 connected in 23 ms\n$/,
  );
  assert.match((await ask('usage', 'partner')).written, /\n {2}www\.example\.org:443 {2}1 request /);
  const csv = (await ask('usage', '--csv')).written.split('\r\n');
  assert.deepEqual([csv.length, csv[0]?.split(',').length], [5, 13]);
  assert.match(csv.join('\n'), /^partner,[-\d]+,[-\d]+,'=cmd\.example\.org:443,1,10,100,/m);
  assert.equal((await ask('usage', 'nobody')).code, codes['client-missing'].exit);
  for (const wrong of ['2026-13-01', 'today', '2026-02-30'])
    assert.equal((await ask('usage', '--from', wrong)).code, codes['usage-wrong'].exit);
});
