/** When browsers are told to insist on HTTPS, and what a CA finds over plain HTTP. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { headInsisting, replyInsisting } from '../../core/http/strict-transport.ts';
import type { ResponseHead } from '../../core/http/head.ts';
import { fieldOf } from '../../core/http/fields.ts';
import type { Exchange, ListenerFacts } from '../../core/policy/exchange.ts';
import type { Config } from './plan.ts';
import { challengeRoute, strictTransportOf } from './transport.ts';
import { usualTls, type TlsPlan } from './tls-keys.ts';

type Asked = Readonly<{
  listener?: Partial<ListenerFacts>;
  host?: string;
  sni?: string | null;
  port?: number | null;
  target?: string;
  method?: string;
}>;

function exchange({ listener, host = 'blog.example.org', sni = host, port = null, target = '/', method = 'GET' }: Asked = {}): Exchange {
  return {
    id: 'x',
    at: 0,
    listener: { name: 'x', scheme: 'https', port: 443, via: 'direct', loopback: false, ...listener },
    from: { ip: '192.0.2.7', port: 1 },
    host,
    sni,
    identity: null,
    http: {
      method,
      target,
      path: { text: target, clear: true },
      minor: 1,
      fields: [],
      authority: { host, port },
      framing: { is: 'none' },
      persistent: true,
      expectsContinue: false,
      upgrade: null,
    },
  };
}

function strict(network: Config['network'], hsts: TlsPlan['hsts'] = 'on', isPublic = true): (asked?: Asked) => string | null {
  const config = { network, tls: { ...usualTls, hsts } } as unknown as Config;
  const found = strictTransportOf(config, { isPublic: (host) => isPublic && host === 'blog.example.org', challenges: null });
  return (asked) => found?.(exchange(asked)) ?? null;
}

test('TLS downgrade: HSTS for a public certificate, port 443, a hostile network; for one host unless it was asked for', () => {
  assert.equal(strict('hostile')(), 'max-age=31536000');
  assert.equal(strict('hostile')({ listener: { via: 'relay' }, port: 443 }), 'max-age=31536000');
  assert.equal(strict('hostile', 'subdomains')(), 'max-age=31536000; includeSubDomains');
  const none: (string | null)[] = [
    strict('hostile', 'off')(),
    strict('shared')(),
    strict('trusted')(),
    strict('hostile', 'on', false)(),
    strict('hostile')({ listener: { port: 8443 } }),
    strict('hostile')({ port: 8443 }),
    strict('hostile')({ listener: { scheme: 'http' } }),
    // An address, or another name than that of the handshake.
    strict('hostile')({ sni: null }),
    strict('hostile')({ sni: 'blog.example.org', host: 'other.example.org' }),
  ];
  assert.deepEqual(
    none,
    none.map(() => null),
  );
});

test('HSTS: what a service says itself stands, and is said once', () => {
  const head = { fields: [fieldOf('Strict-Transport-Security', 'max-age=0')] } as unknown as ResponseHead;
  assert.equal(headInsisting(head, 'max-age=1'), head);
  assert.equal(headInsisting({ ...head, fields: [] }, 'max-age=1').fields[0]?.value, 'max-age=1');
  assert.deepEqual(replyInsisting({ status: 401, fields: [['A', 'b']], body: null }, 'max-age=1').fields.at(-1), [
    'Strict-Transport-Security',
    'max-age=1',
  ]);
});

test('names of others: HTTP-01 answers our own tokens for our own names, over plain HTTP, and nothing else', async () => {
  const challenges = { http: (host: string, token: string) => (host === 'blog.example.org' && token === 'abc' ? 'abc.key' : null) };
  const route = challengeRoute({ isPublic: () => false, challenges });
  const at = (asked: Asked) =>
    route?.(exchange({ target: '/.well-known/acme-challenge/abc', listener: { scheme: 'http', port: 80 }, ...asked })) ?? null;
  const found = at({});
  const opened = await found?.service?.dial(exchange(), { signal: new AbortController().signal }, false);
  assert.ok(opened?.is === 'reply');
  assert.deepEqual([opened.reply.status, opened.reply.body], [200, 'abc.key']);
  for (const asked of [
    { host: 'other.example.org' },
    { target: '/.well-known/acme-challenge/abcd' },
    { target: '/.well-known/acme-challenge/../acme-challenge/abc' },
    { target: '/.well-known/acme-challenge/abc?x' },
    { method: 'POST' },
    { listener: { scheme: 'https' as const } },
  ])
    assert.equal(at(asked), null, JSON.stringify(asked));
  assert.equal(challengeRoute(undefined), null);
});
