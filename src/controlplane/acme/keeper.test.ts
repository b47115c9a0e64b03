import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttp, type Server } from 'node:http';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createServer as createTls, type Server as TlsServer } from 'node:tls';
import type { ChallengeAnswers } from '../../contracts/certificate.ts';
import type { Store } from '../../contracts/store.ts';
import { limitsWith } from '../../core/limits.ts';
import { createMemoryStore } from '../../modules/stores/memory.ts';
import { withBadNonces } from '../../../test/acme/bad-nonces.ts';
import { noPebble, startPebble, type Pebble } from '../../../test/acme/pebble.ts';
import { shareAnswers } from './answers.ts';
import { createCaHttps } from './https.ts';
import { serialOf } from './issued.ts';
import { findState, listCertificates } from './kept.ts';
import { Keeper, type AcmeEvent } from './keeper.ts';
import type { AcmePlan } from './plan.ts';

/** A gateway's part of it: answers on both of pebble's ports, and a keeper. */
async function startKeeper(pebble: Pebble, store: Store, changes: Partial<AcmePlan> = {}, name = 'blog.example.org') {
  const answers = await shareAnswers(store.records, Date.now);
  const events: AcmeEvent[] = [];
  const heard = Promise.withResolvers<AcmeEvent>();
  const plan: AcmePlan = {
    email: 'ana@example.org',
    directory: pebble.directory,
    agree: true,
    challenge: 'http-01',
    hook: null,
    profile: null,
    ca: pebble.caPath,
    watch: 'alert',
    feed: null,
    known: [],
    ...changes,
  };
  const https = withBadNonces(createCaHttps({ ca: pebble.ca, signal: new AbortController().signal }));
  const keeper = new Keeper({
    plan,
    records: store.records,
    counters: store.counters,
    https,
    answers,
    limits: limitsWith({ acmeLeaseMs: 3_000 }),
    now: Date.now,
    env: process.env,
    ways: [],
    chance: Math.random,
    onEvent: (event) => {
      events.push(event);
      heard.resolve(event);
    },
  });
  await keeper.keep([name]);
  const close = async (): Promise<void> => {
    await keeper.close();
    await answers.close();
  };
  return { keeper, answers, events, first: heard.promise, refused: https.refused, close };
}

const doors: (Server | TlsServer)[] = [];

function httpDoor(port: number, answers: () => readonly ChallengeAnswers[]): Promise<unknown> {
  const server = createHttp((request, response) => {
    const token = (request.url ?? '').replace('/.well-known/acme-challenge/', '');
    const host = (request.headers.host ?? '').replace(/:\d+$/, '');
    const found = answers()
      .map((each) => each.http(host, token))
      .find((each) => each !== null);
    response.writeHead(found === undefined ? 404 : 200).end(found ?? '');
  });
  doors.push(server.listen(port, '127.0.0.1'));
  return once(server, 'listening');
}

function tlsDoor(port: number, answers: () => readonly ChallengeAnswers[]): Promise<unknown> {
  const server = createTls({
    ALPNProtocols: ['acme-tls/1'],
    SNICallback: (name, done) => {
      const context = answers()
        .map((each) => each.tls(name))
        .find((each) => each !== null);
      if (context === undefined || context === null) done(new Error('none'));
      else done(null, context);
    },
  });
  server.on('tlsClientError', () => undefined);
  doors.push(server.listen(port, '127.0.0.1'));
  return once(server, 'listening');
}

describe('certificates of a real authority', { skip: noPebble }, () => {
  let pebble: Pebble;
  let answering: ChallengeAnswers[] = [];
  const closers: (() => Promise<void>)[] = [];
  const start: typeof startKeeper = async (...words) => {
    const started = await startKeeper(...words);
    closers.push(started.close);
    answering.push(started.answers);
    return started;
  };
  before(async () => {
    // Every second good nonce is refused, by turns and not by chance: a client that gives up at the first gets nothing.
    pebble = await startPebble({ nonces: 0 });
    await httpDoor(pebble.httpPort, () => answering);
    await tlsDoor(pebble.tlsPort, () => answering);
  });
  after(async () => {
    for (const close of closers) await close();
    for (const door of doors) door.close();
    await pebble?.close();
  });

  it('come by HTTP-01, and are trusted by who trusts the authority', async () => {
    const store = createMemoryStore({ now: Date.now });
    const { keeper, first, refused } = await start(pebble, store);
    const event = await first;
    assert.equal(event.event, 'certificate', JSON.stringify(event));
    assert.ok(refused() >= 5, `${refused()} nonces were refused`);
    const [material] = keeper.current();
    assert.ok(material !== undefined);
    assert.deepEqual(material.names, ['blog.example.org']);
    const [own, issuer] = material.chain.match(/-----BEGIN[^]*?-----END CERTIFICATE-----/g) ?? [];
    const root = new X509Certificate(await pebble.root());
    assert.ok(new X509Certificate(own ?? '').checkIssued(new X509Certificate(issuer ?? '')));
    assert.ok(new X509Certificate(issuer ?? '').verify(root.publicKey));
    await store.close();
  });

  it('come by TLS-ALPN-01', async () => {
    const { keeper, first } = await start(pebble, createMemoryStore({ now: Date.now }), { challenge: 'tls-alpn-01' }, 'tls.example.org');
    const event = await first;
    assert.equal(event.event, 'certificate', JSON.stringify(event));
    assert.deepEqual(keeper.current()[0]?.names, ['tls.example.org']);
  });

  it('come by DNS-01 for a name with a star, by a program without a shell', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'hook-'));
    const [hook, log] = [join(folder, 'hook'), join(folder, 'log')];
    // The program is a real one; the record that it says is put where the test's DNS looks.
    // As a good hook it waits until the world sees the record.
    const script = [
      '#!/bin/sh',
      `printf '%s\\n' "$1 $2 $3 $4 $SALLYPORT_RECORD" >> ${log}`,
      `until [ -e ${log}.seen ]; do sleep 0.02; done`,
      '',
    ];
    await writeFile(hook, script.join('\n'));
    await chmod(hook, 0o700);
    const timer = setInterval(() => {
      const show = async (): Promise<void> => {
        const [, , record, value] = (await readFile(log, 'utf8')).split('\n')[0]?.split(' ') ?? [];
        if (record === undefined || value === undefined) return;
        pebble.dns.texts.set(record, value);
        await writeFile(`${log}.seen`, '');
      };
      show().catch(() => undefined);
    }, 5);
    try {
      const store = createMemoryStore({ now: Date.now });
      const { keeper, first } = await start(pebble, store, { challenge: 'auto', hook }, '*.star.example.org');
      const event = await first;
      assert.equal(event.event, 'certificate', JSON.stringify(event));
      assert.deepEqual(keeper.current()[0]?.names, ['*.star.example.org']);
      const lines = (await readFile(log, 'utf8')).trim().split('\n');
      assert.equal(lines.length, 2);
      assert.match(
        lines[0] ?? '',
        /^set star\.example\.org _acme-challenge\.star\.example\.org [\w-]{43} _acme-challenge\.star\.example\.org$/,
      );
      assert.match(lines[1] ?? '', /^clear star\.example\.org /);
    } finally {
      clearInterval(timer);
      await rm(folder, { recursive: true });
    }
  });

  it('are ordered once by several gateways of one name, with one account', async () => {
    const store = createMemoryStore({ now: Date.now });
    const orders = (): number => pebble.log().split('Added order').length;
    const ordered = orders();
    const all = await Promise.all([1, 2, 3].map(() => start(pebble, store, {}, 'many.example.org')));
    await Promise.any(all.map(({ first }) => first));
    for (const { keeper } of all) while (keeper.current().length === 0) await new Promise(setImmediate);
    const prints = new Set(all.map(({ keeper }) => keeper.current()[0]?.fingerprint));
    assert.equal(prints.size, 1);
    assert.equal(orders() - ordered, 1);
    assert.equal(all.flatMap(({ events }) => events).filter(({ event }) => event === 'certificate').length, 1);
    assert.equal((await store.records.list('acme-accounts/')).length, 1);
  });

  it('are renewed by hand with a new key, and the numbers of both are known', async () => {
    const store = createMemoryStore({ now: Date.now });
    const { keeper, first, events } = await start(pebble, store, {}, 'again.example.org');
    await first;
    const [before] = keeper.current();
    let changes = 0;
    const stop = keeper.watch(() => (changes += 1));
    await keeper.renew('again.example.org');
    stop();
    const [later] = keeper.current();
    assert.ok(before !== undefined && later !== undefined);
    assert.notEqual(later.key, before.key);
    assert.equal(changes, 1);
    assert.equal(events.at(-1)?.event, 'certificate');
    assert.deepEqual((await listCertificates(store.records))[0]?.serials, [serialOf(later.chain), serialOf(before.chain)]);
    await assert.rejects(keeper.renew('other.example.org'), { code: 'name-unknown' });
  });

  it('are not asked for before the terms are agreed to', async () => {
    const store = createMemoryStore({ now: Date.now });
    const { first } = await start(pebble, store, { agree: false });
    const event = await first;
    assert.equal(event.event === 'error' ? event.code : '', 'terms-unaccepted');
    assert.equal((await findState(store.records, 'blog.example.org')).failures, 1);
  });

  it('stay when a renewal fails: it is said, and tried again later', async () => {
    const store = createMemoryStore({ now: Date.now });
    const earlier = await start(pebble, store, {}, 'stays.example.org');
    await earlier.first;
    // Pebble asks an account that has proved a name once for no proof in one order of a hundred, whatever it was told: another account.
    for (const { key } of await store.records.list('acme-accounts/')) await store.records.delete(key);
    const { keeper, events, answers } = await start(pebble, store, {}, 'stays.example.org');
    const [before] = keeper.current();
    assert.ok(before !== undefined);
    answering = answering.filter((each) => each !== answers && each !== earlier.answers);
    await assert.rejects(keeper.renew('stays.example.org'), { code: 'certificate-refused' });
    assert.equal(keeper.current()[0], before);
    assert.equal(keeper.fails('stays.example.org'), true);
    const last = events.at(-1);
    assert.ok(last?.event === 'error');
    assert.match(last.message, /stays\.example\.org.*unauthorized.*goes on until.*Next try/);
    const failed = await findState(store.records, 'stays.example.org');
    assert.equal(failed.failures, 1);
    const waitMs = failed.next - Date.now();
    assert.ok(waitMs > 40_000 && waitMs < 70_000, String(waitMs));
    // Also for who starts again: it is not asked at once.
    const again = await start(pebble, store, {}, 'stays.example.org');
    assert.equal(again.keeper.current()[0]?.fingerprint, before.fingerprint);
    assert.deepEqual(again.events, []);
  });
});
