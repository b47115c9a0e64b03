/** Relay and gateway on two machines: what may go wrong between them, and what a relay that lies comes to. */

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { startLyingRelay } from '../tunnel/lying-relay.ts';
import { curl, withoutCurl } from './curl.ts';
import { freePort } from './free-port.ts';
import { text } from './lines.ts';
import { invitation, join as joinWith, joinedHome, relayInside, share, shareInside, wordsFor } from './machines.ts';
import { freshHome, runInside, runRefused, runToEnd } from './program.ts';
import { startService } from './service.ts';

const skip = withoutCurl;
const password = 'four unrelated words here';

test('a relay that lies about the visitor’s address gains a wrong line in the log and nothing else', { skip }, async (context) => {
  const { port, seen } = await startService(context);
  const relay = await startLyingRelay(context);
  const home = await joinedHome(context, await relay.invite('blog'));
  const added = await runToEnd(context, ['users', 'add', 'ana'], { home, env: { SALLYPORT_PASSWORD: password } });
  assert.equal(added.code, 0);
  const direct = await freePort();
  const config = join(home, 'sallyport.yaml');
  // Who is on this machine needs no password; who comes from one of these networks needs none either, says `lan`.
  await writeFile(
    config,
    [
      `relay: 127.0.0.1:${relay.port}`,
      `listen: https://127.0.0.1:${direct}`,
      'network: shared',
      'services:',
      `  blog: { to: ${port} }`,
      `  lan: { to: ${port}, access: [{ ip: [10.0.0.0/8], password: { users: [ana] } }] }`,
      '',
    ].join('\n'),
  );
  const up = runInside(context, ['up', '--config', config], { home });
  const blog = await up.line('ready', (line) => line['service'] === 'blog');
  const lan = await up.line('ready', (line) => line['service'] === 'lan');
  const here = [...wordsFor(blog), '--resolve', `blog.example.test:${direct}:127.0.0.1`];
  assert.equal((await curl([...here, `https://blog.example.test:${direct}/`])).status, 200, 'a visitor of this machine is free');
  const lies = ['127.0.0.1', '::1', '127.83.1.1', '::ffff:127.0.0.1', '0.0.0.0', '10.1.2.3'];
  for (const lie of lies) {
    relay.lie(lie);
    for (const ready of [blog, lan]) {
      const got = await curl([...wordsFor(ready), '--max-time', '5', text(ready, 'url')]);
      assert.ok(got.status === 401 || got.exit !== 0, `${JSON.stringify(lie)} at ${String(ready['service'])}: ${got.status}`);
    }
  }
  assert.equal(seen.length, 1);
  relay.lie('127.0.0.1');
  assert.equal((await curl([...wordsFor(blog), '-u', `ana:${password}`, text(blog, 'url')])).status, 200);
  const last = seen.at(-1)?.headers ?? [];
  assert.equal(last[last.findIndex((name) => /^x-forwarded-for$/i.test(name)) + 1], '127.0.0.1');
  // What is no address at all is believed even less: the carrier ends, and stands again for who keeps to the protocol.
  relay.lie('127.0.0.1\r\nX-Forwarded-For: 10.0.0.1');
  assert.notEqual((await curl([...wordsFor(blog), '--max-time', '5', text(blog, 'url')])).exit, 0);
  relay.lie('192.0.2.7');
  assert.equal((await curl([...wordsFor(blog), '-u', `ana:${password}`, '--max-time', '5', text(blog, 'url')])).status, 200);
  await up.stop();
  const { lines } = await runToEnd(context, ['logs', '--lines', '100'], { home });
  const records = lines.map((line) => line['record'] as Readonly<Record<string, unknown>>);
  const record = records.find(({ who }) => who === 'user:ana') ?? {};
  assert.deepEqual([record['visitor'], record['viaRelay'], record['who']], ['127.0.0.1', true, 'user:ana']);
});

test('a name that is taken, and invitations that are wrong, used or over: one sentence, a way out, an exit code', async (context) => {
  const { port } = await startService(context);
  const relay = await relayInside(context);
  const code = await invitation(context, relay, 'blog');
  const home = await joinedHome(context, code);
  const other = await freshHome(context);
  const short = await invitation(context, relay, 'late', '--for', '1s');
  const refused = async (text: string) => {
    const { code: exit, lines, stderr } = await joinWith(context, text, other);
    assert.deepEqual([lines.length, lines[0]?.['event'], stderr], [1, 'error', '']);
    assert.ok(String(lines[0]?.['message']).length < 200 && typeof lines[0]?.['hint'] === 'string', JSON.stringify(lines));
    assert.equal(JSON.stringify(lines).includes(text.slice(-22)), false, 'the secret is not said again');
    return [exit, lines[0]?.['code']];
  };
  assert.deepEqual(await refused(code), [77, 'invite-refused'], 'used');
  assert.deepEqual(await refused(`${code.slice(0, -22)}${'A'.repeat(22)}`), [77, 'invite-refused'], 'wrong');
  assert.deepEqual(await refused(code.slice(0, -3)), [64, 'invite-malformed'], 'not all of it');
  const taken = await runToEnd(context, ['relay', 'invite', 'blog'], { home: relay.home });
  assert.deepEqual([taken.code, taken.lines[0]?.['code']], [69, 'name-taken']);

  const first = await shareInside(context, port, ['--name', 'blog', '--public'], { home });
  const second = await runToEnd(context, ['http', String(port), '--name', 'blog', '--public'], { home });
  assert.deepEqual([second.code, second.lines.map((line) => line['code'])], [69, ['name-taken']]);
  // Another name below the granted one is free, and the first has lost nothing.
  const third = await share(context, port, ['--name', 'shop', '--public'], { home });
  assert.equal(new URL(third.url).hostname, 'shop.blog.example.test');
  assert.deepEqual(
    first.program.lines.map(({ event }) => event),
    ['ready'],
  );
  assert.deepEqual(await refused(short), [77, 'invite-refused'], 'over');
});

test('a relay that is away is waited for; one with another key is refused', { skip }, async (context) => {
  const { port } = await startService(context);
  const relay = await relayInside(context);
  const home = await joinedHome(context, await invitation(context, relay, 'blog'));
  await relay.program.stop();
  const words = ['http', String(port), '--name', 'blog', '--public'];
  const share = runInside(context, words, { home });
  const waiting = await share.line('waiting');
  assert.deepEqual([waiting['service'], waiting['code']], ['blog', 'relay-unreachable']);
  assert.match(text(waiting, 'why'), new RegExp(`127\\.0\\.0\\.1:${relay.port}`));
  const again = await relayInside(context, { home: relay.home, port: relay.port });
  assert.equal(again.fingerprint, relay.fingerprint);
  const ready = await share.line('ready');
  assert.equal((await curl([...wordsFor(ready), text(ready, 'url')])).status, 200);
  assert.deepEqual(
    share.lines.map(({ event }) => event),
    ['waiting', 'ready'],
  );
  assert.equal(await share.stop(), 0);

  await again.program.stop();
  const stranger = await relayInside(context, { port: relay.port });
  assert.notEqual(stranger.fingerprint, relay.fingerprint);
  const refused = await runRefused(context, words, { home });
  assert.deepEqual([refused.code, refused.lines.map((line) => line['code'])], [76, ['relay-untrusted']]);
});
