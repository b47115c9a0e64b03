import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { after, before, describe, it } from 'node:test';
import type { Store } from '../../contracts/store.ts';
import { limitsWith } from '../../core/limits.ts';
import { createMemoryStore } from '../../modules/stores/memory.ts';
import { startMockAuthority, type Asked, type MockAuthority } from '../../../test/acme/mock-authority.ts';
import { shareAnswers } from './answers.ts';
import { createCaHttps, type CaHttpsOptions } from './https.ts';
import { renewalId } from './issued.ts';
import { Keeper, type AcmeEvent } from './keeper.ts';
import type { AcmePlan } from './plan.ts';

const plan: AcmePlan = {
  email: null,
  directory: '',
  agree: true,
  challenge: 'http-01',
  hook: null,
  profile: null,
  ca: null,
  watch: 'alert',
  feed: null,
  known: [],
};

/** Also when a test fails: nothing is left that would keep the process. */
const closers: (() => Promise<void>)[] = [];
after(async () => {
  for (const close of closers) await close();
});

/** Asks a mock for a certificate; the first event, and what was said. */
async function ask(
  mock: MockAuthority,
  options: Readonly<{ plan?: Partial<AcmePlan>; https?: Partial<CaHttpsOptions>; store?: Store; now?: () => number }> = {},
) {
  const store = options.store ?? createMemoryStore({ now: Date.now });
  const answers = await shareAnswers(store.records, Date.now);
  const events: AcmeEvent[] = [];
  const heard = Promise.withResolvers<AcmeEvent>();
  const keeper = new Keeper({
    plan: { ...plan, directory: mock.directory, ...options.plan },
    records: store.records,
    counters: store.counters,
    https: createCaHttps({ ca: mock.ca, signal: new AbortController().signal, ...options.https }),
    answers,
    limits: limitsWith({ acmeLeaseMs: 3_000 }),
    now: options.now ?? Date.now,
    env: process.env,
    ways: [],
    chance: () => 0.5,
    onEvent: (event) => {
      events.push(event);
      heard.resolve(event);
    },
  });
  await keeper.keep(['blog.example.org']);
  const close = async (): Promise<void> => {
    await keeper.close();
    await answers.close();
  };
  closers.push(close);
  return { keeper, events, first: heard.promise, close, store };
}

describe('a certificate authority', () => {
  let mock: MockAuthority;
  before(async () => {
    mock = await startMockAuthority();
  });
  after(() => mock.close());

  /** What happens when it answers so. */
  const hostile = async (
    title: string,
    answer: (asked: Asked, response: ServerResponse) => boolean,
    expected: RegExp,
    https: Partial<CaHttpsOptions> = {},
  ): Promise<void> => {
    mock.hijack.answer = answer;
    const { first, keeper, close } = await ask(mock, { https });
    try {
      const event = await first;
      assert.match(event.event === 'error' ? `${event.code} ${event.message}` : event.event, expected, title);
      assert.deepEqual(keeper.current(), []);
    } finally {
      mock.hijack.answer = null;
      await close();
    }
  };
  const at =
    (path: RegExp, answer: (response: ServerResponse) => void): ((asked: Asked, response: ServerResponse) => boolean) =>
    (asked, response) => {
      if (!path.test(asked.path)) return false;
      answer(response);
      return true;
    };

  it('hostile certificate authority: an endless body ends at a bound, a slow one in time', async () => {
    await hostile(
      'endless',
      at(/^\/dir/, (response) => {
        response.writeHead(200, { 'Content-Type': 'application/json' });
        const more = (): void =>
          void (response.destroyed || (response.write('['.repeat(16_384)) ? setImmediate(more) : response.once('drain', more)));
        more();
      }),
      /^authority-malformed .*more than 1048576 bytes/,
    );
    await hostile(
      'slow',
      at(/^\/dir/, (response) => void response.write('{')),
      /^authority-unreachable .*too long/,
      { timeoutMs: 200 },
    );
  });

  it('hostile certificate authority: a redirect is not followed, neither here nor away', async () => {
    const before = mock.asked.length;
    await hostile(
      'redirect',
      at(/^\/order/, (response) => response.writeHead(307, { Location: `${mock.directory}?secret` }).end()),
      /^authority-malformed .*redirects/,
    );
    assert.equal(
      mock.asked.slice(before).some(({ path }) => path.endsWith('?secret')),
      false,
    );
  });

  it('hostile certificate authority: nothing in the clear is dialled, whatever it names', async () => {
    const json = (body: unknown) => (response: ServerResponse) =>
      void response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
    for (const url of ['http://127.0.0.1:9/', 'file:///etc/passwd', 'https://user:pass@127.0.0.1/', 'gopher://x'])
      await hostile(url, at(/^\/dir/, json({ newNonce: url, newAccount: url, newOrder: url })), /^authority-malformed /);
  });

  it('hostile certificate authority: bad nonces, wrong types and broken JSON are refused and not repeated for ever', async () => {
    const problem =
      (type: string, detail = '') =>
      (response: ServerResponse) =>
        void response
          .writeHead(400, { 'Content-Type': 'application/problem+json', 'Replay-Nonce': 'again' })
          .end(JSON.stringify({ type: `urn:ietf:params:acme:error:${type}`, detail }));
    const before = mock.asked.length;
    await hostile('badNonce', at(/^\/account/, problem('badNonce')), /^certificate-refused .*badNonce/);
    assert.ok(mock.asked.length - before < 15);
    await hostile(
      'nonce',
      at(/^\/nonce/, (response) => response.writeHead(200, { 'Replay-Nonce': 'a b/../c' }).end()),
      /gives no nonce/,
    );
    await hostile(
      'type',
      at(/^\/dir/, (response) => response.writeHead(200, { 'Content-Type': 'text/html' }).end('{}')),
      /another content type/,
    );
    await hostile(
      'JSON',
      at(/^\/dir/, (response) => response.writeHead(200, { 'Content-Type': 'application/json' }).end('{"a')),
      /cannot be read/,
    );
    await hostile(
      'words',
      at(/^\/account/, problem('unauthorized', 'a\u001B[2Jb\r\nsallyport: fine')),
      /refuses: unauthorized: a \[2Jb sallyport: fine/,
    );
    await hostile(
      'reason',
      at(/^\/account/, (response) => response.writeHead(500, { 'Content-Type': 'text/html' }).end('<h1>')),
      /status 500 without a reason/,
    );
  });

  it('hostile certificate authority: a token that is a path, or another name, is refused', async () => {
    const other = await startMockAuthority({ authorized: false });
    try {
      for (const token of [
        '../../../../etc/passwd-and-more',
        'a/b_cdefghijklmnopqrstuv',
        `${'a'.repeat(30)}\r\nX: y`,
        '',
        'short',
        'x'.repeat(300),
      ]) {
        other.hijack.answer = (asked, response) => {
          if (!asked.path.startsWith('/authz')) return false;
          const challenges = [{ type: 'http-01', url: other.directory, status: 'pending', token }];
          const body = { status: 'pending', identifier: { type: 'dns', value: 'blog.example.org' }, challenges };
          response.writeHead(200, { 'Content-Type': 'application/json', 'Replay-Nonce': 'n' }).end(JSON.stringify(body));
          return true;
        };
        const { first, close } = await ask(other);
        const event = await first;
        await close();
        assert.equal(event.event === 'error' ? event.code : '', 'authority-malformed', token);
      }
    } finally {
      await other.close();
    }
  });

  it('hostile certificate authority: a certificate of another key, or another name, is not shown', async () => {
    const good = await ask(mock);
    await good.first;
    const [stolen] = good.keeper.current();
    await good.close();
    const pem = (text: string) => (response: ServerResponse) =>
      void response.writeHead(200, { 'Content-Type': 'application/pem-certificate-chain', 'Replay-Nonce': 'n' }).end(text);
    await hostile('key', at(/^\/cert/, pem(stolen?.chain ?? '')), /^authority-malformed .*another key/);
    await hostile('none', at(/^\/cert/, pem('hello')), /^authority-malformed .*chain of 0/);
  });

  it('is not spoken to when its own certificate is not trusted', async () => {
    await hostile('trust', () => false, /^authority-unreachable .*not trusted/, { ca: null });
  });

  it('is asked again when it wants, and no sooner: rate limits', async () => {
    mock.hijack.answer = (asked, response) => {
      if (asked.path !== '/order') return false;
      response
        .writeHead(429, { 'Content-Type': 'application/problem+json', 'Replay-Nonce': 'n', 'Retry-After': '7200' })
        .end(JSON.stringify({ type: 'urn:ietf:params:acme:error:rateLimited', detail: 'too many' }));
      return true;
    };
    const { first, close, store } = await ask(mock);
    const event = await first;
    await close();
    mock.hijack.answer = null;
    assert.match(event.event === 'error' ? event.message : '', /rateLimited: too many/);
    const state = (await store.records.get('acme-states/blog.example.org'))?.value as { next: number };
    assert.ok(state.next - Date.now() > 7_190_000);
  });

  it('that lost our account gets it again, with the same key', async () => {
    const { first, keeper, close } = await ask(mock);
    await first;
    let lost = true;
    mock.hijack.answer = (asked, response) => {
      if (asked.path !== '/order' || !lost) return false;
      lost = false;
      response
        .writeHead(400, { 'Content-Type': 'application/problem+json', 'Replay-Nonce': 'n' })
        .end(JSON.stringify({ type: 'urn:ietf:params:acme:error:accountDoesNotExist' }));
      return true;
    };
    const before = mock.asked.filter(({ path }) => path === '/account').length;
    await keeper.renew('blog.example.org');
    assert.equal(mock.asked.filter(({ path }) => path === '/account').length, before + 1);
    mock.hijack.answer = null;
    await close();
  });

  it('is asked for the profile that the operator chose', async () => {
    const { first, close } = await ask(mock, { plan: { profile: 'shortlived' } });
    assert.equal((await first).event, 'certificate');
    await close();
    assert.equal(mock.asked.findLast(({ path }) => path === '/order')?.payload?.['profile'], 'shortlived');
  });
});

describe('renewal information', () => {
  it('names a certificate as RFC 9773, 4.1 does', async () => {
    const example = `-----BEGIN CERTIFICATE-----
MIIBQzCB66ADAgECAgUAh2VDITAKBggqhkjOPQQDAjAVMRMwEQYDVQQDEwpFeGFt
cGxlIENBMCIYDzAwMDEwMTAxMDAwMDAwWhgPMDAwMTAxMDEwMDAwMDBaMBYxFDAS
BgNVBAMTC2V4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEeBZu
7cbpAYNXZLbbh8rNIzuOoqOOtmxA1v7cRm//AwyMwWxyHz4zfwmBhcSrf47NUAFf
qzLQ2PPQxdTXREYEnKMjMCEwHwYDVR0jBBgwFoAUaYhba4dGQEHhs3uEe6CuLN4B
yNQwCgYIKoZIzj0EAwIDRwAwRAIge09+S5TZAlw5tgtiVvuERV6cT4mfutXIlwTb
+FYN/8oCIClDsqBklhB9KAelFiYt9+6FDj3z4KGVelYM5MdsO3pK
-----END CERTIFICATE-----
`;
    assert.equal(await renewalId(example), 'aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE');
  });

  it('renews when the authority says, long before the end, and names what is replaced', async () => {
    const mock = await startMockAuthority({ window: { start: '2020-01-01T00:00:00Z', end: '2020-01-02T00:00:00Z' } });
    closers.push(mock.close);
    const before = await ask(mock);
    await before.first;
    // A window that has always passed makes nobody order without end.
    while (!mock.asked.some(({ path }) => path.startsWith('/ari/'))) await new Promise(setImmediate);
    // Long enough for an order, which takes some 50 ms.
    await new Promise((resolve) => setTimeout(resolve, 300));
    await before.close();
    assert.equal(before.events.length, 1);
    const later = await ask(mock, { store: before.store, now: () => Date.now() + 7_200_000 });
    const event = await later.first;
    assert.equal(event.event === 'certificate' ? event.change : JSON.stringify(event), 'renewed');
    const orders = mock.asked.filter(({ path }) => path === '/order');
    assert.equal(orders.length, 2);
    assert.equal(orders[0]?.payload?.['replaces'], undefined);
    const asked = mock.asked.find(({ path }) => path.startsWith('/ari/'));
    assert.equal(orders[1]?.payload?.['replaces'], asked?.path.slice('/ari/'.length));
    assert.equal(asked?.account, null);
  });
});
