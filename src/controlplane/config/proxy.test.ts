import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parser } from '../../cli/configuration.ts';
import { SallyportError } from '../../core/errors.ts';
import { configOrThrow } from './parse.ts';
import type { Config } from './plan.ts';
import { doorsOf, proxyNames, proxyWarnings } from './proxy.ts';

const read = (service: string): Config =>
  configOrThrow(parser.parse(`services:\n  out: ${service}\n`, '/x/sallyport.yaml'), 'sallyport.yaml');

function mistakes(service: string): string {
  const parsed = parser.parse(`services:\n  out: ${service}\n`, '/x/sallyport.yaml');
  return parsed.ok ? '' : JSON.stringify(parsed);
}

function codeOf(service: string): string | null {
  const [plan] = read(service).services;
  assert.ok(plan !== undefined);
  try {
    return proxyWarnings(plan)[0]?.code ?? null;
  } catch (error) {
    assert.ok(error instanceof SallyportError);
    return error.code;
  }
}

describe('a proxy in the configuration', () => {
  it('is read with its lists, and has doors of its own', () => {
    const config = read(
      '{ proxy: { socks5: true, listen: ["https://0.0.0.0:8443", "http://127.0.0.1:3128"] }, access: [{ key: {} }], destinations: { allow: ["*.example.org", { to: ["10.2.0.0/16:443"], methods: [CONNECT], for: [key:ci] }, "bücher.example:8443"], deny: [private, "*.ads.example"], sni: match, resolver: [192.0.2.53, "[2001:db8::53]:5353"] } }',
    );
    const [plan] = config.services;
    assert.ok(plan?.behind.is === 'egress');
    assert.deepEqual(plan.behind.way.allow, [
      { text: '*.example.org' },
      { text: '10.2.0.0/16:443', methods: ['CONNECT'], who: ['key:ci'] },
      { text: 'xn--bcher-kva.example:8443' },
    ]);
    assert.deepEqual(plan.behind.way.resolver, ['192.0.2.53:53', '[2001:db8::53]:5353']);
    assert.equal(plan.proxy, null);
    assert.deepEqual(
      doorsOf(config).map(({ scheme, port, proxy }) => [scheme, port, proxy?.service]),
      [
        ['https', 8443, 'out'],
        ['http', 3128, 'out'],
      ],
    );
  });

  it('the word is still that of the PROXY header beside a service', () => {
    assert.equal(read('{ to: 3000, proxy: v2 }').services[0]?.proxy, 'v2');
  });

  it('has no other place behind it, and no lists that cannot be read', () => {
    const wrong = [
      '{ proxy: { http: true }, to: 3000 }',
      '{ proxy: { http: false } }',
      '{ proxy: { hide: true, socks5: true } }',
      '{ to: 3000, destinations: { allow: [a.example] } }',
      '{ proxy: {}, destinations: { allow: [private] } }',
      '{ proxy: {}, destinations: { allow: ["http://a.example/"] } }',
      '{ proxy: {}, destinations: { allow: ["127.1"] } }',
      '{ proxy: {}, destinations: { resolver: [dns.example] } }',
      '{ proxy: {}, destinations: { allow: [{ to: a.example, for: [ana] }] } }',
      '{ proxy: { listen: "socks5://0.0.0.0:1080" } }',
      '{ proxy: { http: false, socks5: true, udp: true } }',
      '{ proxy: { udp: true }, destinations: { sni: match } }',
      '{ proxy: { udp: true }, destinations: { via: "https://proxy.example.net" } }',
    ];
    for (const service of wrong) assert.notEqual(mistakes(service), '', service);
  });

  it('credentials in the clear: refused beyond this machine, unless forced and said', () => {
    const at = (listen: string, more = ''): string | null =>
      codeOf(`{ proxy: { listen: "${listen}"${more} }, access: [{ password: {} }] }`);
    assert.equal(at('http://0.0.0.0:3128'), 'config-unsafe');
    assert.equal(at('http://192.168.1.5:3128'), 'config-unsafe');
    assert.equal(at('http://0.0.0.0:3128', ', clear: allow'), 'proxy-clear');
    for (const listen of ['http://127.0.0.1:3128', 'http://[::1]:3128', 'http://localhost:3128', 'https://0.0.0.0:8443'])
      assert.equal(at(listen), null);
  });

  it('datagrams past TLS: only by SOCKS at an address of its own, and said where that is beyond this machine', () => {
    const found = (proxy: string): readonly [string | undefined, string | null] => {
      const service = `{ proxy: ${proxy}, access: [{ key: {} }] }`;
      const config = read(service);
      const [door] = doorsOf(config);
      return [(door?.proxy ?? proxyNames(config, [])(null))?.udp, codeOf(service)];
    };
    assert.deepEqual(found('{ udp: true }'), ['inside', null]);
    assert.deepEqual(found('{ socks5: true, udp: true }'), ['inside', null]);
    assert.deepEqual(found('{ udp: true, listen: "https://0.0.0.0:8443" }'), ['inside', null]);
    assert.deepEqual(found('{ socks5: true, udp: true, listen: "https://0.0.0.0:8443" }'), ['beside', 'proxy-clear']);
    assert.deepEqual(found('{ socks5: true, udp: true, listen: "http://127.0.0.1:3128" }'), ['beside', null]);
    assert.deepEqual(found('{ socks5: true }'), [undefined, null]);
  });

  it('open proxy: everybody, a link or a webhook let nobody in', () => {
    for (const access of ['[public]', '[{ link: {} }]', '[{ password: {} }, public]'])
      assert.equal(codeOf(`{ proxy: { listen: "http://127.0.0.1:3128" }, access: ${access} }`), 'config-unsafe', access);
    assert.equal(codeOf('{ proxy: { listen: "http://127.0.0.1:3128" }, access: [{ ip: [192.0.2.0/24] }] }'), null);
  });
});
