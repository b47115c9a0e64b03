/** Ownership at a relay as its operator runs it: every command is a process, while relay and gateway run. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import { text } from './lines.ts';
import { invitation, join, joinedHome, relayInside, shareInside, type Inside } from './machines.ts';
import { freshHome, run, runRefused, runToEnd, type Line } from './program.ts';
import { dial } from '../tunnel/relay.ts';
import { startService } from './service.ts';

type Context = Parameters<typeof relayInside>[0];

async function operator(context: Context, relay: Inside, ...words: readonly string[]): Promise<readonly Line[]> {
  const { code, lines, stderr } = await runToEnd(context, ['relay', ...words], { home: relay.home });
  assert.equal(code, 0, `${words.join(' ')}: ${JSON.stringify(lines)} ${stderr}`);
  return lines;
}

async function refusal(context: Context, relay: Inside, ...words: readonly string[]): Promise<unknown> {
  const { code, lines } = await runToEnd(context, ['relay', ...words], { home: relay.home });
  assert.notEqual(code, 0);
  return lines[0]?.['code'];
}

/** A visitor who has come in and stays. */
async function stayingVisitor(relay: Inside, name: string): Promise<TLSSocket> {
  const socket = connect({ host: relay.host, port: relay.port, servername: name, rejectUnauthorized: false });
  socket.on('error', () => undefined);
  await once(socket, 'secureConnect');
  return socket;
}

test('revoke: when the command returns, the streams have ended; a revoked key that goes on gets nothing, and nobody gets its name', async (context) => {
  const { port } = await startService(context);
  const relay = await relayInside(context);
  const home = await joinedHome(context, await invitation(context, relay, 'blog'));
  const shared = await shareInside(context, port, ['--name', 'blog', '--public'], { home });
  const visitor = await stayingVisitor(relay, 'blog.example.test');
  const [status] = (await runToEnd(context, ['status'], { home: relay.home })).lines;
  assert.equal(status?.event, 'relay');
  const [gateway] = status?.['gateways'] as readonly Readonly<{ fingerprint: string; names: string[]; streams: number }>[];
  assert.deepEqual([gateway?.names, gateway?.streams], [['blog.example.test'], 1]);
  const key = gateway?.fingerprint ?? '';
  const [shown, name] = await operator(context, relay, 'gateways', 'show', key.slice(0, 12));
  assert.deepEqual([shown?.event, shown?.['fingerprint'], name?.['name'], name?.['held']], ['gateway', key, 'blog.example.test', true]);

  const gone = once(visitor, 'close');
  const [revoked] = await operator(context, relay, 'gateways', 'revoke', key);
  assert.deepEqual([revoked?.['names'], revoked?.['live']], [[], null]);
  await gone;
  const lost = await shared.program.line('waiting', (line) => line['code'] === 'relay-refused');
  assert.match(text(lost, 'why'), /refused this gateway/);
  // The dangling name: an invitation to it is worth nothing for another key, and something for the one that had it.
  const code = await invitation(context, relay, 'blog');
  const stranger = await freshHome(context);
  assert.deepEqual((await join(context, code, stranger)).lines[0]?.['code'], 'name-taken');
  assert.equal((await join(context, code, home)).code, 0);
  await shared.program.line('ready', (line) => line !== shared.ready);
  const [again] = await operator(context, relay, 'names', 'list');
  assert.deepEqual([again?.['owner'], again?.['released']], [key, null]);
  // Until the operator says that it may go.
  await operator(context, relay, 'names', 'release', 'blog');
  const free = await invitation(context, relay, 'blog', '--now');
  assert.equal((await join(context, free, stranger)).code, 0);
});

test('block: a gateway, a name and an address, each at once, with the reason told to its owner', async (context) => {
  const { port } = await startService(context);
  const relay = await relayInside(context);
  const home = await joinedHome(context, await invitation(context, relay, 'blog'));
  const shared = await shareInside(context, port, ['--name', 'blog', '--public'], { home });
  const [owned] = await operator(context, relay, 'names', 'list');
  const key = text(owned, 'owner');

  const gone = once(await stayingVisitor(relay, 'blog.example.test'), 'close');
  await operator(context, relay, 'block', key, '--why', 'stolen machine');
  await gone;
  const told = await shared.program.line('waiting', (line) => line['code'] === 'relay-blocked');
  assert.match(text(told, 'why'), /stolen machine/);
  const [shown] = await operator(context, relay, 'gateways', 'list');
  assert.deepEqual([shown?.['blocked'], shown?.['live']], ['stolen machine', null]);
  // A key that is blocked spends no invitation either.
  assert.equal((await join(context, await invitation(context, relay, 'shop'), home)).lines[0]?.['code'], 'relay-blocked');
  await shared.program.stop();
  await operator(context, relay, 'unblock', key);

  await operator(context, relay, 'block', 'blog', '--why', 'phishing');
  const refused = await runRefused(context, ['http', String(port), '--name', 'blog', '--public'], { home });
  assert.deepEqual([refused.code, refused.lines.map((line) => line['code'])], [77, ['relay-blocked']]);
  assert.equal(await refusal(context, relay, 'invite', 'blog', '--now'), 'name-taken');
  await operator(context, relay, 'names', 'release', 'blog', '--now');
  assert.equal(await refusal(context, relay, 'invite', 'blog'), 'relay-blocked', 'a blocked name goes to no other key');
  await operator(context, relay, 'unblock', 'blog');

  const waiting = dial(relay.port);
  await once(waiting, 'connect');
  const cut = once(waiting, 'close');
  await operator(context, relay, 'block', '127.0.0.0/8', '--why', 'floods');
  await cut;
  const newcomer = dial(relay.port);
  newcomer.on('data', () => assert.fail('a blocked address was answered'));
  await once(newcomer, 'close');
  const blocks = await operator(context, relay, 'blocks');
  assert.deepEqual(
    blocks.map((line) => [line['kind'], line['what'], line['why']]),
    [['address', '127.0.0.0/8', 'floods']],
  );
});

test('a grant holds as far as it was made: names by glob, streams at once, an end', async (context) => {
  const { port } = await startService(context);
  const relay = await relayInside(context);
  const words = ['--names', 'team-*', '--max-streams', '1', '--expires', '1h'];
  const home = await joinedHome(context, await invitation(context, relay, 'team', ...words));
  await shareInside(context, port, ['--name', 'team', '--at', 'team-a.example.test', '--public'], { home });
  const below = run(context, ['http', String(port), '--name', 'b', '--public'], { home });
  assert.equal((await below.line('error', (line) => line['code'] !== undefined))['code'], 'name-refused');
  const first = await stayingVisitor(relay, 'team-a.example.test');
  const second = connect({ host: relay.host, port: relay.port, servername: 'team-a.example.test', rejectUnauthorized: false });
  const [error] = (await once(second, 'error')) as [Error];
  assert.match(error.message, /alert|reset|socket/i);
  first.destroy();
  for (;;) {
    const third = connect({ host: relay.host, port: relay.port, servername: 'team-a.example.test', rejectUnauthorized: false });
    const came = await Promise.race([once(third, 'secureConnect').then(() => true), once(third, 'close').then(() => false)]).catch(
      () => false,
    );
    third.on('error', () => undefined).destroy();
    if (came) break;
  }
});
