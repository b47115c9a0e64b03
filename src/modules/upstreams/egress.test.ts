import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { addressServer } from '../../../test/doubles/address-server.ts';
import { answersOf, type NamedCase } from '../../../test/doubles/ssrf-answers.ts';
import type { Opened } from '../../contracts/upstream.ts';
import { SallyportError } from '../../core/errors.ts';
import { proxiedSocks } from '../../core/egress/proxied.ts';
import { limitsWith, type Limits } from '../../core/limits.ts';
import { buildEgress, type Outside } from './egress.ts';
import { networkAsk } from './egress/resolver.ts';

type Lists = Readonly<{ allow?: readonly string[]; deny?: readonly string[] }>;
type Scene = Readonly<{
  /** Resolves with `opened`, or with the code of why not. */
  go: (host: string, port?: number) => Promise<string>;
  /** Every address that was dialled, with its port. */
  dials: string[];
  asked: string[];
  clock: { now: number };
  interfaces: string[];
}>;

/** A dialler that writes down whom it was to dial, and connects to nobody. `refuse`: addresses that do not take a connection. */
function scene(ask: Outside['ask'], lists: Lists = {}, changes: Partial<Limits> = {}, refuse: readonly string[] = []): Scene {
  const dials: string[] = [];
  const asked: string[] = [];
  const clock = { now: 1_000_000 };
  const interfaces = ['127.0.0.1/8', '::1/128', '203.0.114.7/24', '2a00:1:2:3::7/64'];
  const listening = (): readonly { host: string; port: number }[] => [{ host: '0.0.0.0', port: 8443 }];
  const limits = limitsWith(changes);
  const upstream = buildEgress(
    {
      allow: (lists.allow ?? []).map((text) => ({ text })),
      deny: (lists.deny ?? []).map((text) => ({ text })),
      mode: 'enforce',
      sni: 'any',
      resolver: null,
    },
    { limits, now: () => clock.now, listening },
    {
      interfaces: () => interfaces,
      ask: (name, version) => (asked.push(name), ask(name, version)),
      connect: ({ host, port }) => {
        dials.push(`${host} ${port}`);
        const socket = new Socket();
        const failure = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
        setImmediate(() => (refuse.includes(host) ? socket.destroy(failure) : socket.emit('connect')));
        return socket;
      },
    },
  );
  const listener = { name: 'test', scheme: 'https', port: 1, via: 'direct', loopback: false } as const;
  const go: Scene['go'] = async (host, port = 443) => {
    const facts = { id: 'x', at: clock.now, listener, from: { ip: '192.0.2.7', port: 1 }, sni: null };
    const exchange = proxiedSocks({ host, port, credentials: null }, facts);
    if ('code' in exchange) return exchange.code;
    try {
      const opened = await upstream.open(exchange, { signal: new AbortController().signal }, false);
      if (opened.is !== 'reply') opened.release(false);
      return 'opened';
    } catch (error) {
      return error instanceof SallyportError ? error.code : String(error);
    }
  };
  return { go, dials, asked, clock, interfaces };
}

const said =
  (answers: Readonly<Record<string, readonly string[]>>): Outside['ask'] =>
  async (name, version) =>
    (answers[name] ?? []).filter((address) => address.includes(':') === (version === 6)).map((address) => ({ address, ttl: 0 }));

const publicAddress = '93.184.215.14';
const read = (file: string): unknown => JSON.parse(readFileSync(new URL(`../../../test/vectors/${file}`, import.meta.url), 'utf8'));

describe('the way out', () => {
  it('SSRF: of the whole corpus nothing that is denied is ever dialled, nor asked for', async () => {
    const corpus = read('ssrf-hosts.json') as readonly { host: string; expect: string }[];
    const { go, dials, asked } = scene(said({}));
    const allowed = corpus.filter(({ expect }) => expect === 'allow').map(({ host }) => host);
    for (const { host } of corpus) await go(host);
    assert.deepEqual(
      dials,
      allowed.map((host) => `${host.replace(/^\[|\]$/g, '')} 443`),
    );
    assert.deepEqual(asked, []);
  });

  it('DNS rebinding: every case of the corpus, with a name server that lies', async (test: TestContext) => {
    const server = await addressServer(test);
    const cases = (read('ssrf-dns.json') as readonly NamedCase[]).filter(({ http }) => http === undefined);
    for (const each of cases) server.says.set(`${each.name}.example.org`, answersOf(each));
    const { go, dials, clock } = scene(networkAsk([server.address], { resolverMs: 300 }), {}, { resolverMs: 300 });
    for (const { name } of cases) {
      await go(`${name}.example.org`);
      clock.now += 5_000;
      await go(`${name}.example.org`);
    }
    assert.ok(dials.length >= 4);
    for (const dial of dials) assert.equal(dial, `${publicAddress} 443`);
    assert.equal(await go('slow-dns.example.org'), 'resolver-timed-out');
    assert.equal(await go('servfail.example.org'), 'destination-unresolved');
    assert.equal(await go('empty.example.org'), 'destination-unresolved');
    for (const asked of server.asked) assert.match(asked, /\.example\.org [46]$/);
  });

  it('DNS that lies to a proxy: of a mixture only what may be reached is dialled, also when it fails', async () => {
    const { go, dials } = scene(said({ 'a.example.org': ['10.0.0.1', publicAddress, '::1'] }), {}, {}, [publicAddress]);
    assert.equal(await go('a.example.org'), 'upstream-refused');
    assert.deepEqual(dials, [`${publicAddress} 443`]);
  });

  it('asks for a name once, and again when what it knows is old; what it knows is judged each time', async () => {
    const { go, asked, clock, dials, interfaces } = scene(said({ 'a.example.org': [publicAddress] }));
    assert.deepEqual(await Promise.all([go('a.example.org'), go('a.example.org')]), ['opened', 'opened']);
    assert.equal(asked.length, 2);
    clock.now += 999;
    await go('a.example.org');
    assert.equal(asked.length, 2);
    // This machine has got a network in the meantime, and what was remembered is on it.
    interfaces.push('93.184.215.1/24');
    clock.now += 1;
    assert.equal(await go('a.example.org'), 'destination-denied');
    assert.equal(dials.length, 3);
  });

  it('remembers no more names, and asks for no more at once, than it may', async () => {
    const { go, asked } = scene(said({ 'a.example.org': [publicAddress], 'b.example.org': [publicAddress] }), {}, { resolverNamesMax: 1 });
    for (const host of ['a.example.org', 'b.example.org', 'a.example.org']) await go(host);
    assert.equal(asked.length, 6);
    const silent = scene(() => new Promise(() => undefined), {}, { resolverQueriesMax: 1, resolverMs: 50 });
    const first = silent.go('a.example.org');
    assert.equal(await silent.go('b.example.org'), 'connections-exceeded');
    assert.equal(await first, 'resolver-timed-out');
  });

  it('CONNECT to own listener: by every address of this machine, whatever is allowed', async () => {
    const { go, dials } = scene(said({}), { allow: ['127.0.0.0/8:*', '203.0.114.0/24:*', '[::1/128]:*', '0.0.0.0/8:*'] });
    for (const host of ['127.0.0.1', '127.9.9.9', '203.0.114.7', '[::1]', '0.0.0.0'])
      assert.equal(await go(host, 8443), 'destination-denied', host);
    assert.deepEqual(dials, []);
    assert.equal(await go('127.0.0.1', 8444), 'opened');
  });

  it('tries the next address when one refuses, and beside one that is silent', async () => {
    const both = said({ 'a.example.org': ['2606:4700::1', publicAddress] });
    const refused = scene(both, {}, {}, ['2606:4700::1']);
    assert.equal(await refused.go('a.example.org'), 'opened');
    assert.deepEqual(refused.dials, ['2606:4700::1 443', `${publicAddress} 443`]);
  });

  it('resource exhaustion: the datagrams of one client leave room for those of others, and places come back', async () => {
    const limits = limitsWith({ associationsMax: 3, associationsPerClientMax: 2 });
    const lists = { allow: [], deny: [], mode: 'enforce', sni: 'any', resolver: null } as const;
    const outside = { interfaces: () => [], ask: said({}), connect: () => new Socket() };
    const { open } = buildEgress(lists, { limits, now: () => 1, listening: () => [] }, outside);
    const proxy = { service: 'out', http: true, socks5: true, hide: false, udp: 'beside' } as const;
    const listener = { name: 'test', scheme: 'https', port: 1, via: 'direct', loopback: false, proxy } as const;
    const associate = async (ip: string): Promise<Opened | string> => {
      const exchange = proxiedSocks(
        { host: '', port: 0, credentials: null, udp: true },
        { id: 'x', at: 1, listener, from: { ip, port: 1 }, sni: null },
      );
      assert.ok(!('code' in exchange));
      try {
        return await open(exchange, { signal: new AbortController().signal }, false);
      } catch (error) {
        return error instanceof SallyportError ? error.code : String(error);
      }
    };
    const greedy = [await associate('192.0.2.1'), await associate('192.0.2.1'), await associate('192.0.2.1')];
    assert.equal(greedy[2], 'connections-exceeded');
    const other = await associate('192.0.2.2');
    assert.ok(typeof other === 'object' && other.is === 'raw');
    assert.equal(await associate('192.0.2.3'), 'connections-exceeded');
    other.stream.destroy();
    await once(other.stream, 'close');
    const last = await associate('192.0.2.3');
    for (const each of [greedy[0], greedy[1], last]) {
      assert.ok(typeof each === 'object' && each.is === 'raw');
      each.release(false);
    }
  });

  it('has as many connections as it may', async () => {
    const { go } = scene(said({}), {}, { tunnelsMax: 0 });
    assert.equal(await go(publicAddress), 'connections-exceeded');
  });
});
