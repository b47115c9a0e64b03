import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { contains, parseIp, parseNetwork } from '../address.ts';
import { literalOf, readDestination, type ProxyWay } from './destination.ts';
import { parseEntry, type Entry } from './entry.ts';
import { judgeAddress, judgeName, type DestinationPolicy, type Here, type Ruling } from './policy.ts';

const onLink = parseNetwork('203.0.114.0/24');
const here: Here = {
  isOwn: (ip) => ip.text === '9.8.7.6' || ip.text === '2a00::7',
  isOnLink: (ip) => onLink !== null && contains(onLink, ip),
  isListening: (ip, port) => port === 8443 && (ip.text.startsWith('127.') || ip.text === '9.8.7.6'),
};

function entries(texts: readonly string[]): readonly Entry[] {
  return texts.map((text) => {
    const entry = parseEntry(text);
    assert.ok(entry !== null, text);
    return entry;
  });
}

const policyOf = (allow: readonly string[] = [], deny: readonly string[] = []): DestinationPolicy => ({
  allow: entries(allow),
  deny: entries(deny),
});

type Want = Readonly<{ way?: ProxyWay; port?: number; method?: string; subject?: string | null; roles?: readonly string[] }>;

/** As the way goes: the host as it was sent, then its name, then each address. */
function judge(policy: DestinationPolicy, host: string, addresses: readonly string[], want: Want = {}): Ruling | 'malformed' {
  const { way = 'connect', port = way === 'http' ? 80 : 443, method = 'CONNECT', subject = null, roles = [] } = want;
  const to = readDestination(way, method, host, port);
  if ('code' in to) return 'malformed';
  const wanted = { to, subject, roles };
  const named = judgeName(policy, wanted);
  if (named.is === 'deny') return named;
  const literal = literalOf(to);
  const ips = literal === null ? addresses.map(parseIp).filter((ip) => ip !== null) : [literal];
  return (
    ips.map((ip) => judgeAddress(policy, wanted, ip, here)).find(({ is }) => is === 'pass') ??
    judgeAddress(policy, wanted, ips[0] ?? never(), here)
  );
}

function never(): never {
  throw new Error('a case without an address');
}

const passes = (...all: Parameters<typeof judge>): boolean => {
  const ruling = judge(...all);
  return ruling !== 'malformed' && ruling.is === 'pass';
};

type HostCase = Readonly<{ host: string; expect: 'allow' | 'deny'; category: string }>;
const corpus = JSON.parse(readFileSync(new URL('../../../test/vectors/ssrf-hosts.json', import.meta.url), 'utf8')) as readonly HostCase[];

describe('server-side request forgery: every case of the corpus', () => {
  for (const way of ['http', 'connect', 'socks5'] as const) {
    it(`SSRF by ${way}`, () => {
      assert.ok(corpus.length > 80);
      for (const policy of [policyOf(), policyOf(['*']), policyOf(['*:*', '0.0.0.0/0', '::/0'], ['private'])]) {
        for (const { host, expect } of corpus) {
          // A resolver that says whatever an attacker likes: a public address.
          assert.equal(passes(policy, host, ['93.184.215.14'], { way }), expect === 'allow', `${JSON.stringify(host)} by ${way}`);
        }
      }
    });
  }

  it('SSRF by a name: what it resolves to is judged, whatever it is called', () => {
    const inner = ['127.0.0.1', '10.0.0.1', '::1', '64:ff9b::a00:1', '::ffff:127.0.0.1', '2002:a00:1::', 'fe80::1', '169.254.169.254'];
    for (const address of [
      ...inner,
      '64:ff9b::8.8.8.8',
      '2a00::5efe:10.0.0.1',
      '9.8.7.6',
      '2a00::7',
      '203.0.114.9',
      '168.63.129.16',
      '4000::1',
    ])
      assert.ok(!passes(policyOf(['*:*', 'www.example.org']), 'www.example.org', [address]), address);
    assert.ok(passes(policyOf(), 'www.example.org', ['93.184.215.14']));
  });
});

describe('the list of what is allowed', () => {
  it('names hosts by patterns, and no more', () => {
    const policy = policyOf(['*.example.org', 'api-*.example.net', 'one.example.com']);
    const reached = (host: string): boolean => passes(policy, host, ['93.184.215.14']);
    for (const host of ['a.example.org', 'a.b.example.org', 'A.EXAMPLE.ORG.', 'api-1.example.net', 'one.example.com'])
      assert.ok(reached(host), host);
    for (const host of [
      'example.org',
      'aexample.org',
      'a.example.org.evil.example',
      'x.api-1.example.net',
      'two.example.com',
      '93.184.215.14',
    ])
      assert.ok(!reached(host), host);
  });

  it('means the usual ports where it says none, and exactly its own where it says some', () => {
    const policy = policyOf(['a.example.org', 'b.example.org:22,8000-8010', 'c.example.org:*']);
    const reached = (host: string, port: number, way: ProxyWay): boolean => passes(policy, host, ['93.184.215.14'], { port, way });
    assert.ok(
      reached('a.example.org', 443, 'connect') && !reached('a.example.org', 80, 'connect') && !reached('a.example.org', 25, 'connect'),
    );
    assert.ok(reached('a.example.org', 80, 'http') && !reached('a.example.org', 443, 'http'));
    assert.ok(reached('a.example.org', 80, 'socks5') && reached('a.example.org', 443, 'socks5'));
    assert.ok(
      reached('b.example.org', 22, 'connect') && reached('b.example.org', 8010, 'http') && !reached('b.example.org', 443, 'connect'),
    );
    assert.ok(reached('c.example.org', 25, 'connect'));
    assert.ok(!passes(policyOf(), 'a.example.org', ['93.184.215.14'], { port: 22 }));
  });

  it('opens inner addresses by networks alone, never by names and never by the whole Internet', () => {
    assert.ok(passes(policyOf(['10.2.0.0/16']), 'git.example.org', ['10.2.3.4']));
    assert.ok(!passes(policyOf(['10.2.0.0/16']), 'git.example.org', ['10.3.3.4']));
    assert.ok(!passes(policyOf(['git.example.org']), 'git.example.org', ['10.2.3.4']));
    assert.ok(passes(policyOf(['127.0.0.1:9000']), '127.0.0.1', [], { port: 9000 }));
    assert.ok(!passes(policyOf(['127.0.0.1:9000']), '127.0.0.1', [], { port: 9001 }));
    assert.ok(!passes(policyOf(['0.0.0.0/0', '::/0', '*']), '127.0.0.1', []));
    // A public address that is not allowed does not become so by an inner one that is.
    assert.ok(!passes(policyOf(['10.2.0.0/16']), 'git.example.org', ['93.184.215.14']));
  });

  it('opens where clouds keep credentials by their very address only', () => {
    assert.ok(!passes(policyOf(['169.254.0.0/16']), '169.254.169.254', []));
    assert.ok(passes(policyOf(['169.254.169.254']), '169.254.169.254', []));
    assert.ok(passes(policyOf(['169.254.0.0/16']), '169.254.7.7', []));
  });

  it('names that belong to an inner network are opened by what names them, not by a star', () => {
    assert.ok(!passes(policyOf(['*']), 'nas.lan', ['93.184.215.14']));
    assert.ok(passes(policyOf(['*.lan']), 'nas.lan', ['93.184.215.14']));
    assert.ok(!passes(policyOf(['*.lan']), 'nas.lan', ['192.168.1.9']));
    assert.ok(passes(policyOf(['*.lan', '192.168.1.0/24']), 'nas.lan', ['192.168.1.9']));
  });

  it('CONNECT to own listener: denied, whoever allows the address', () => {
    assert.ok(!passes(policyOf(['127.0.0.0/8:*', '9.8.7.6:*']), '127.0.0.1', [], { port: 8443 }));
    assert.ok(!passes(policyOf(['127.0.0.0/8:*', '9.8.7.6:*']), '9.8.7.6', [], { port: 8443 }));
    assert.ok(passes(policyOf(['9.8.7.6:*']), '9.8.7.6', [], { port: 8444 }));
  });

  it('is for some methods, and for some people', () => {
    const only = (text: string, limits: Parameters<typeof parseEntry>[1]): DestinationPolicy => ({
      allow: [parseEntry(text, limits)].filter((entry) => entry !== null),
      deny: [],
    });
    const reading = only('a.example.org', { methods: ['GET', 'HEAD'] });
    assert.ok(passes(reading, 'a.example.org', ['93.184.215.14'], { way: 'http', method: 'GET' }));
    assert.ok(!passes(reading, 'a.example.org', ['93.184.215.14'], { way: 'http', method: 'POST' }));
    const some = only('a.example.org', { who: ['key:ci', 'role:partners'] });
    const asks = (want: Want): boolean => passes(some, 'a.example.org', ['93.184.215.14'], want);
    assert.ok(asks({ subject: 'key:ci' }) && asks({ subject: 'user:ana', roles: ['partners'] }));
    assert.ok(!asks({ subject: 'user:ana' }) && !asks({}) && !asks({ subject: 'user:eve', roles: ['guests'] }));
  });
});

describe('the list of what is denied', () => {
  it('goes before what is allowed, by name and by address, on all ports', () => {
    const policy = policyOf(['*:*'], ['*.ads.example', '93.184.0.0/16:25', '198.51.99.0/24']);
    assert.ok(!passes(policy, 'x.ads.example', ['93.184.215.14'], { port: 9999 }));
    assert.ok(!passes(policy, 'a.example.org', ['93.184.215.14'], { port: 25 }));
    assert.ok(passes(policy, 'a.example.org', ['93.184.215.14'], { port: 26 }));
    assert.ok(!passes(policy, '198.51.99.1', []));
  });

  it('SSRF: another spelling of an address is the same address', () => {
    const policy = policyOf(['*:*', '64:ff9b::/96'], ['8.8.8.0/24']);
    assert.ok(!passes(policy, '[64:ff9b::808:808]', []));
    assert.ok(passes(policy, '[64:ff9b::909:909]', []));
    assert.ok(!passes(policy, '[::ffff:8.8.8.8]', []));
    // What lies behind the translation is judged as well.
    assert.ok(!passes(policyOf(['64:ff9b::/96']), '[64:ff9b::a00:1]', []));
  });
});

describe('entries', () => {
  it('are read strictly', () => {
    const wrong = [
      '',
      ':',
      'a.example:',
      'a.example:0',
      'a.example:70000',
      'a.example:9-3',
      'a b',
      'http://a.example',
      'a.example/x',
      '*.*.example**',
    ];
    for (const text of [...wrong, '[10.0.0.1]', '[::1', '10.0.0.0/33', '127.1', '0x7f.1', 'a..example', '*.1', 'a.example:1-2-3', '**'])
      assert.equal(parseEntry(text), null, text);
    const right = [
      'a.example',
      '*.example',
      'x-*.example',
      '10.0.0.0/8',
      '10.0.0.1:80',
      '[::1]:80',
      '2001:db8::/32',
      '[2001:db8::/32]:1-2',
      'private',
      '*',
      '*:22',
    ];
    for (const text of right) assert.notEqual(parseEntry(text), null, text);
  });
});
