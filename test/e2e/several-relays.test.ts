/** A gateway at several relays, by the words of its person: joined, written down, lost one by one, left again. All in this process. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { get } from 'node:https';
import type { AddressInfo, LookupFunction } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { TestContext } from 'node:test';
import { run } from '../../src/cli/run.ts';
import { scriptedTerminal, temporaryFolder } from '../../src/cli/scripted-terminal.ts';
import type { ScriptedTerminal } from '../../src/cli/scripted-terminal.ts';
import { listMemberships } from '../../src/controlplane/enrolment/memberships.ts';
import { openSqliteStore } from '../../src/modules/stores/sqlite.ts';
import { identityOf, until } from '../tunnel/relay.ts';
import { relayProgram } from './machines.ts';
import { oneRelay, type OneRelay } from '../tunnel/several-relays.ts';

type Line = Readonly<Record<string, unknown>>;

async function said(home: string, words: readonly string[], stdin?: string): Promise<readonly Line[]> {
  const terminal = scriptedTerminal(stdin === undefined ? { home } : { home, stdin });
  await run([...words, '--json'], terminal);
  return terminal.events();
}

async function joinedHome(test: TestContext, ...codes: readonly string[]): Promise<string> {
  const home = join(await temporaryFolder(test), 'home');
  for (const code of codes) assert.equal((await said(home, ['join', '-'], code))[0]?.['event'], 'joined');
  return home;
}

async function service(test: TestContext): Promise<number> {
  const server = createServer((_request, response) => void response.end('hello'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  test.after(() => void server.close());
  return (server.address() as AddressInfo).port;
}

/** `up` with these lines, until the test ends. */
async function up(test: TestContext, home: string, lines: readonly string[]): Promise<ScriptedTerminal> {
  const path = join(home, 'sallyport.yaml');
  await writeFile(path, [...lines, ''].join('\n'));
  const terminal = scriptedTerminal({ home });
  const running = run(['up', '--config', path, '--json'], terminal);
  test.after(async () => {
    terminal.signal('end');
    await running;
  });
  return terminal;
}

async function line(terminal: ScriptedTerminal, fits: (line: Line) => boolean): Promise<Line> {
  await until(() => terminal.events().some(fits), 20_000);
  return terminal.events().find(fits) ?? {};
}

const last = (terminal: ScriptedTerminal): Line => terminal.events().at(-1) ?? {};
const isReady = ({ event }: Line): boolean => event === 'ready';
const awaited = ({ waiting }: Line): readonly unknown[] => ((waiting ?? []) as readonly Line[]).map(({ relay, code }) => [relay, code]);

const urlsOf = ({ url, urls }: Line): readonly unknown[] => (urls ?? [url]) as readonly unknown[];
/** Not only the first line: on a busy machine one relay may be reached long before the other. */
const isWhole = (line: Line): boolean => isReady(line) && line['waiting'] === undefined;

/** Between two visits of a load: each comes with a handshake, and the load is not what is measured. */
const breath = (): Promise<void> => new Promise((resolve) => void setTimeout(resolve, 10));

/** One request on a connection of its own to these addresses, tried in turn as by a browser: its status, or why there was none. */
function visit(name: string, port: number, addresses: readonly string[]): Promise<number | string> {
  const lookup: LookupFunction = (_host, _options, done) =>
    done(
      null,
      addresses.map((address) => ({ address, family: 4 })),
    );
  return new Promise((resolve) => {
    const request = get({ host: name, servername: name, port, lookup, agent: false, rejectUnauthorized: false }, (response) => {
      response.resume();
      response.once('end', () => resolve(response.statusCode ?? 0));
      response.once('error', (error) => resolve(error.message));
    });
    request.once('error', (error: Error & { code?: string }) => resolve(error.code ?? error.message));
  });
}

describe('one name at two relays', () => {
  test('two A records: one relay dies, the other serves on without a failed request, and the first is found again', async (context) => {
    const one = await oneRelay(context, { key: 'relay', domain: 'example.test' });
    const two = await oneRelay(context, { key: 'other relay', domain: 'example.test', host: '127.0.0.2', port: one.port }).catch(
      () => null,
    );
    if (two === null) return context.skip('not run: this machine has no second loopback address');
    const home = await joinedHome(context, await one.invite('blog'), await two.invite('blog'));
    const terminal = await up(context, home, [
      `relay: [${one.address}, ${two.address}]`,
      // A carrier that breaks under a request is waited for so long.
      'limits: { resumeMs: 500 }',
      'services:',
      `  blog: { to: ${await service(context)}, access: [public] }`,
    ]);
    const name = 'blog.example.test';
    const ready = await line(terminal, isWhole);
    assert.deepEqual([ready['url'], ready['urls'], ready['waiting']], [`https://${name}:${one.port}`, undefined, undefined]);

    // One visitor knows the second relay only, others ask DNS; each comes with a new connection.
    const got = { second: [] as unknown[], either: [] as unknown[] };
    const state = { over: false };
    const visitor = async (list: unknown[], addresses: readonly string[]): Promise<void> => {
      for (; !state.over; await breath()) list.push(await visit(name, one.port, addresses));
    };
    const visitors = [visitor(got.second, ['127.0.0.2']), visitor(got.either, ['127.0.0.1', '127.0.0.2'])];
    await until(() => got.second.length > 5 && got.either.length > 5);
    await one.stop();
    const before = [got.second.length, got.either.length + 1] as const;
    await until(() => got.second.length > before[0] + 10 && got.either.length > before[1] + 10);
    await line(terminal, (each) => isReady(each) && awaited(each).length === 1);
    assert.deepEqual(awaited(last(terminal)), [[one.address, 'relay-unreachable']]);
    const [status] = await said(home, ['status']);
    const [blog] = status?.['services'] as readonly Line[];
    const relays = status?.['relays'] as readonly Line[];
    assert.equal(blog?.['state'], 'ready');
    assert.deepEqual(
      relays.map(({ relay, state, code, carriers, names }) => [relay, state, code, carriers, names]),
      [
        [one.address, 'waiting', 'relay-unreachable', 0, [name]],
        [two.address, 'ready', null, 2, [name]],
      ],
    );
    assert.equal(typeof relays[1]?.['roundTripMs'], 'number');

    await one.again();
    await until(() => isReady(last(terminal)) && awaited(last(terminal)).length === 0, 20_000);
    state.over = true;
    await Promise.all(visitors);
    assert.deepEqual([...new Set(got.second)], [200], 'who comes by the other relay notices nothing');
    assert.deepEqual([...new Set(got.either.slice(before[1]))], [200], 'who comes after it died goes to the other');
    context.diagnostic(`${got.second.length} requests by the second relay, ${got.either.length} by either`);
    assert.deepEqual(
      terminal.events().filter(({ event }) => event === 'lost' || event === 'error'),
      [],
    );
  });
});

test('a relay that is killed (SIGKILL) under load takes what ran on it, and no request at the other', async (context) => {
  const killed = await relayProgram(context);
  const other = await oneRelay(context, { key: 'other relay', domain: 'example.test', host: '127.0.0.2', port: killed.port }).catch(
    () => null,
  );
  if (other === null) return context.skip('not run: this machine has no second loopback address');
  const [invited] = await said(killed.home, ['relay', 'invite', 'blog']);
  const home = await joinedHome(context, String(invited?.['code']), await other.invite('blog'));
  const terminal = await up(context, home, ['services:', `  blog: { to: ${await service(context)}, access: [public] }`]);
  await line(terminal, isWhole);
  const got: unknown[] = [];
  const state = { over: false };
  const load = async (): Promise<void> => {
    for (; !state.over; await breath()) got.push(await visit('blog.example.test', killed.port, ['127.0.0.2']));
  };
  const running = load();
  await until(() => got.length > 5);
  for (const pid of [killed.program.child.pid ?? 0, killed.pid]) process.kill(pid, 'SIGKILL');
  const before = got.length;
  await until(() => got.length > before + 20);
  assert.equal(await visit('blog.example.test', killed.port, ['127.0.0.1', '127.0.0.2']), 200);
  await line(terminal, (each) => isReady(each) && awaited(each).length === 1);
  state.over = true;
  await running;
  assert.deepEqual([...new Set(got)], [200]);
});

describe('relays of different names', () => {
  const two = async (context: TestContext): Promise<readonly [OneRelay, OneRelay]> => [
    await oneRelay(context, { key: 'relay', domain: 'example.test' }),
    await oneRelay(context, { key: 'other relay', domain: 'example.net' }),
  ];

  test('object authz: each has an address of each service, is told its own names alone, and a name of one label is at both', async (context) => {
    const [org, net] = await two(context);
    const home = await joinedHome(context, await org.invite('ana'), await net.invite('an'));
    const port = await service(context);
    const terminal = await up(context, home, [
      `relay: [${org.address}, ${net.address}]`,
      'services:',
      `  web: { to: ${port}, access: [public] }`,
      `  shop: { to: ${port}, access: [public], at: shop.an.example.net }`,
      `  blog: { to: ${port}, access: [public], at: ana }`,
    ]);
    const url = async (name: string) => {
      const found = await line(terminal, (each) => isWhole(each) && each['service'] === name);
      return [found['url'], found['urls']];
    };
    const at = (name: string): string => `https://${name}:${name.endsWith('.net') ? net.port : org.port}`;
    assert.deepEqual(await url('web'), [at('web.ana.example.test'), [at('web.ana.example.test'), at('web.an.example.net')]]);
    assert.deepEqual(await url('shop'), [at('shop.an.example.net'), undefined]);
    assert.deepEqual(await url('blog'), [at('ana.example.test'), [at('ana.example.test'), at('ana.an.example.net')]]);
    const told = (relay: OneRelay): readonly string[] => relay.running().gateways()[0]?.names ?? [];
    assert.ok(told(org).every((name) => name.endsWith('.example.test')) && told(net).every((name) => name.endsWith('.example.net')));

    // The switch is one for all relays.
    await said(home, ['close', 'web']);
    await until(() => [org, net].every((relay) => told(relay).every((name) => !name.startsWith('web.'))));
    await said(home, ['open', 'web']);
    await until(() => [org, net].every((relay) => told(relay).some((name) => name.startsWith('web.'))));
    assert.equal(await visit('web.an.example.net', net.port, ['127.0.0.1']), 200);

    // A key of one's own is changed at both, under what runs.
    const [key] = await said(home, ['rotate-key']);
    assert.deepEqual(key?.['missed'], []);
    for (const relay of [org, net]) await until(() => relay.running().gateways()[0]?.fingerprint === key?.['fingerprint'], 10_000);
  });

  test('without relay: all that were joined; the same again updates, another one is added, and one is left', async (context) => {
    const [org, net] = await two(context);
    const home = await joinedHome(context, await org.invite('ana'), await net.invite('an'), await org.invite('shop'));
    const [notThere] = await said(home, ['leave', 'relay.nowhere.test']);
    assert.deepEqual([notThere?.['event'], notThere?.['code']], ['error', 'relay-unreachable']);
    assert.match(String(notThere?.['hint']), new RegExp(`${org.address}.*${net.address}`));
    const terminal = await up(context, home, ['services:', `  web: { to: ${await service(context)}, access: [public] }`]);
    const ready = await line(terminal, isWhole);
    assert.deepEqual(ready['urls'], [`https://web.ana.example.test:${org.port}`, `https://web.an.example.net:${net.port}`]);
    assert.deepEqual(await said(home, ['leave', net.address]), [
      { event: 'forgotten', relay: net.address, grants: ['an.example.net', '*.an.example.net'] },
    ]);
    assert.equal((await said(home, ['leave', net.address]))[0]?.['code'], 'relay-unreachable', 'it is forgotten');
    const [left] = await said(home, ['leave', org.address]);
    assert.deepEqual([left?.['relay'], (left?.['grants'] as readonly string[]).length], [org.address, 4], 'what both invitations gave');
  });

  test('a backup has them all, and a new key is told to those that are there before it is used', async (context) => {
    const [org, net] = await two(context);
    const home = await joinedHome(context, await org.invite('ana'), await net.invite('an'));
    const file = join(home, '..', 'backup.tar');
    const copy = join(home, '..', 'copy');
    assert.equal((await said(home, ['backup', file]))[0]?.['change'], 'written');
    assert.equal((await said(copy, ['restore', file]))[0]?.['change'], 'restored');
    const terminal = await up(context, copy, ['services:', `  web: { to: ${await service(context)}, access: [public] }`]);
    await line(terminal, (each) => isReady(each) && urlsOf(each).length === 2);
    await net.stop();
    const [rotation] = await said(copy, ['rotate-key']);
    assert.deepEqual(rotation?.['missed'], [net.address]);
    await until(() => org.running().gateways()[0]?.fingerprint === rotation?.['fingerprint'], 10_000);
    await org.stop();
    assert.equal((await said(copy, ['rotate-key']))[0]?.['code'], 'relay-unreachable', 'nobody was told, and nothing changed');
  });

  test('the key of one relay is changed: what it announces is pinned for it alone, and the other hears nothing of it', async (context) => {
    const [org, net] = await two(context);
    const home = await joinedHome(context, await org.invite('ana'), await net.invite('an'));
    const terminal = await up(context, home, ['services:', `  web: { to: ${await service(context)}, access: [public] }`]);
    await line(terminal, (each) => isReady(each) && urlsOf(each).length === 2);
    const store = await openSqliteStore({ path: join(home, 'store.sqlite'), now: Date.now });
    context.after(() => store.close());
    const [now, next, other] = await Promise.all(['relay', 'relay to come', 'other relay'].map((key) => identityOf(key)));
    assert.ok(now !== undefined && next !== undefined && other !== undefined);
    const pinned = async (wanted: readonly unknown[]): Promise<void> => {
      for (;;) {
        const pins = (await listMemberships(store)).map((each) => [each.address, each.fingerprint, each.next ?? null]);
        if (JSON.stringify(pins) === JSON.stringify(wanted)) return;
        await new Promise((resolve) => void setTimeout(resolve, 5));
      }
    };
    const untouched = [net.address, other.fingerprint, null];
    org.running().useKeys(now, next.fingerprint);
    await pinned([untouched, [org.address, now.fingerprint, next.fingerprint]]);
    org.running().useKeys(next, null);
    await pinned([untouched, [org.address, next.fingerprint, null]]);
    assert.equal(await visit('web.ana.example.test', org.port, ['127.0.0.1']), 200);
    assert.equal(await visit('web.an.example.net', net.port, ['127.0.0.1']), 200);
    assert.deepEqual(
      terminal.events().filter(({ event }) => event === 'lost'),
      [],
    );
  });

  test('one that was never there: the other is ready, and its line says who is awaited; a third that was not joined is a mistake', async (context) => {
    const [org, net] = await two(context);
    const home = await joinedHome(context, await org.invite('ana'), await net.invite('an'));
    await net.stop();
    const services = ['services:', `  web: { to: ${await service(context)}, access: [public] }`];
    const terminal = await up(context, home, [`relay: [${net.address}, ${org.address}]`, ...services]);
    const ready = await line(terminal, isReady);
    assert.deepEqual([ready['url'], ready['urls']], [`https://web.ana.example.test:${org.port}`, undefined]);
    assert.deepEqual(awaited(ready), [[net.address, 'relay-unreachable']]);
    await net.again();
    await until(() => awaited(last(terminal)).length === 0, 20_000);
    assert.deepEqual(last(terminal)['urls'], [`https://web.an.example.net:${net.port}`, `https://web.ana.example.test:${org.port}`]);
    const config = join(home, 'other.yaml');
    await writeFile(config, ['relay: [relay.nowhere.test]', ...services, ''].join('\n'));
    assert.equal((await said(home, ['up', '--config', config]))[0]?.['code'], 'relay-unreachable');
  });
});

test('a share ends when no relay will ever have it, and not before', async (context) => {
  const one = await oneRelay(context, { key: 'relay', domain: 'example.test' });
  const two = await oneRelay(context, { key: 'other relay', domain: 'example.net' });
  const home = await joinedHome(context, await one.invite('ana'), await two.invite('an'));
  const port = String(await service(context));
  await two.stop();
  const stranger = await oneRelay(context, { key: 'stranger', domain: 'example.net', port: two.port });
  const terminal = scriptedTerminal({ home });
  const running = run(['http', port, '--public', '--json'], terminal);
  await line(terminal, (each) => isReady(each) && String(awaited(each)) === `${stranger.address},relay-untrusted`);
  terminal.signal('end');
  assert.equal(await running, 0);
  await one.stop();
  await oneRelay(context, { key: 'another stranger', domain: 'example.test', port: one.port });
  const [ended, ...more] = (await said(home, ['http', port, '--public'])).filter(({ event }) => event === 'error');
  assert.deepEqual([ended?.['code'], more], ['relay-untrusted', []]);
});

test('a name beside the own one, granted by a pattern, is an address', async (context) => {
  const relay = await oneRelay(context, { key: 'relay', domain: 'example.test' });
  const home = await joinedHome(context, await relay.invite('team', { names: ['**.team', 'team-*'] }));
  const port = await service(context);
  const terminal = await up(context, home, [
    'services:',
    `  web: { to: ${port}, access: [public], at: team-a.example.test }`,
    `  api: { to: ${port}, access: [public], at: other.example.test }`,
  ]);
  const web = await line(terminal, (each) => isReady(each) && each['service'] === 'web');
  assert.equal(web['url'], `https://team-a.example.test:${relay.port}`);
  assert.equal(await visit('team-a.example.test', relay.port, ['127.0.0.1']), 200);
  // What is not granted is said, and the service is where it may be.
  const refused = await line(terminal, ({ event }) => event === 'error');
  assert.deepEqual([refused['code'], String(refused['message']).includes('other.example.test')], ['name-refused', true]);
  const api = await line(terminal, (each) => isReady(each) && each['service'] === 'api');
  assert.equal(api['url'], `https://api.team.example.test:${relay.port}`);
});
