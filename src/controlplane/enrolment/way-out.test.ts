/** The way to a relay, from the configuration or the environment, and what must not be said of it. */

import { deepEqual, equal, ok, throws } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import type { Via } from '../../contracts/via.ts';
import { SallyportError } from '../../core/errors.ts';
import { configParser, problemWords } from '../config/parse.ts';
import { readVias } from '../config/via.ts';
import { reachedStraight, wayOut } from './way-out.ts';

const relay = 'relay.example.org:443';

function way(words: readonly string[], env: Readonly<Record<string, string>> = {}, secret = 'ana:pass:word'): Via {
  return wayOut({ written: readVias(words), env, address: relay, secret: (name) => (name === 'proxy' ? Buffer.from(secret) : null) });
}

function fails(act: () => unknown): SallyportError {
  let caught: unknown = null;
  throws(act, (error) => ((caught = error), true));
  ok(caught instanceof SallyportError);
  return caught;
}

describe('the way to a relay', () => {
  it('is straight when nothing is said', () => {
    deepEqual(way([]), { proxy: null, carriers: 'auto' });
  });

  it('is what the configuration says', () => {
    deepEqual(way(['http://proxy.example:3128']).proxy, { is: 'http', host: 'proxy.example', port: 3128, credentials: null });
    deepEqual(way(['socks5h://[::1]']).proxy, { is: 'socks5', host: '::1', port: 1080, credentials: null });
    deepEqual(way(['http://${secret:proxy}@10.0.0.1']).proxy, {
      is: 'http',
      host: '10.0.0.1',
      port: 80,
      credentials: { user: 'ana', password: 'pass:word' },
    });
    equal(way(['websocket']).carriers, 'websocket');
    const both = way(['websocket', 'http://proxy.example:3128']);
    deepEqual([both.carriers, both.proxy?.port], ['websocket', 3128]);
  });

  it('is no way when it is written in another form (proxy credentials never stand in it)', () => {
    for (const words of [
      ['http://ana:password@proxy.example:3128'],
      ['http://ana@proxy.example:3128'],
      ['https://proxy.example'],
      ['ftp://proxy.example'],
      ['http://proxy.example:0'],
      ['http://proxy.example:65536'],
      ['http://proxy.example/path'],
      ['http://${secret:../x}@proxy.example'],
      ['http://${env:X}@proxy.example'],
      ['http://pro xy'],
      ['http://proxy.example\r\nX: y'],
      ['proxy.example:3128'],
      ['direct', 'websocket'],
      ['http://a', 'http://b'],
      ['websocket', 'websocket'],
      [],
    ])
      equal(readVias(words), null, words.join(' '));
  });

  it('a password in the configuration is refused, and not said again (proxy credentials)', () => {
    const parsed = configParser([]).parse('via: http://ana:hunter2@proxy.example\nservices: { a: { to: 1 } }\n', '/x');
    ok(!parsed.ok);
    const words = parsed.problems.map((problem) => problemWords(problem, 'x')).join();
    ok(words.includes('secret:') && !words.includes('hunter2'), words);
  });

  it('names a secret that is missing or has another form, and never what it is', () => {
    equal(fails(() => way(['http://${secret:other}@p'])).code, 'secret-missing');
    for (const secret of ['nocolon-hunter2', ':hunter2', 'ana:hunt\r\ner2', `ana:hunter2${'x'.repeat(2_000)}`]) {
      const error = fails(() => way(['http://${secret:proxy}@p'], {}, secret));
      equal(error.code, 'config-malformed');
      ok(!inspect(error).includes('hunt'));
    }
    // RFC 1929 has one byte for each length.
    equal(fails(() => way(['socks5://${secret:proxy}@p'], {}, `ana:${'x'.repeat(256)}`)).code, 'config-malformed');
  });
});

describe('the environment', () => {
  const of = (env: Readonly<Record<string, string>>): string | null => {
    const { proxy } = way([], env);
    return proxy === null
      ? null
      : `${proxy.is} ${proxy.host} ${proxy.port} ${proxy.credentials?.user ?? ''} ${proxy.credentials?.password ?? ''}`;
  };

  it('names the proxy where the configuration does not', () => {
    equal(of({ HTTPS_PROXY: 'http://p.example:3128' }), 'http p.example 3128  ');
    equal(of({ https_proxy: 'http://a', HTTPS_PROXY: 'http://b' }), 'http a 80  ');
    equal(of({ HTTPS_PROXY: '', ALL_PROXY: 'socks5://s' }), 'socks5 s 1080  ');
    equal(of({ all_proxy: 'p.example:8080' }), 'http p.example 8080  ');
    equal(of({ HTTPS_PROXY: 'http://ana:p%40ss%3Aword@p:1/' }), 'http p 1 ana p@ss:word');
    equal(of({ HTTP_PROXY: 'http://p', http_proxy: 'http://p' }), null, 'these are for plain HTTP');
    equal(way(['direct'], { HTTPS_PROXY: 'http://p' }).proxy, null);
    equal(way(['websocket'], { HTTPS_PROXY: 'http://p' }).proxy?.host, 'p');
    equal(way(['socks5://s'], { HTTPS_PROXY: 'http://p' }).proxy?.host, 's');
  });

  it('that names no proxy is refused by the name of the variable, not by what stands in it', () => {
    for (const value of ['https://ana:hunter2@p', 'http://ana:hunter2%0d@p', 'http://ana:hunter2@', 'http://ana:hunter2%zz@p']) {
      const error = fails(() => way([], { ALL_PROXY: value }));
      equal(error.code, 'usage-wrong');
      ok(error.message.includes('ALL_PROXY') && !inspect(error).includes('hunter2'), value);
    }
  });

  it('excepts what NO_PROXY names', () => {
    const straight: readonly (readonly [string, string])[] = [
      ['localhost:1', ''],
      ['127.0.0.9:1', ''],
      ['[::1]:1', ''],
      [relay, '*'],
      [relay, 'relay.example.org'],
      [relay, 'a.example, .example.org'],
      [relay, 'EXAMPLE.org:443'],
      ['10.1.2.3:443', '10.0.0.0/8'],
      ['10.1.2.3:443', '10.1.2.3'],
      ['[2001:db8::7]:443', '[2001:db8::7]'],
    ];
    for (const [address, list] of straight) equal(reachedStraight(address, list), true, `${address} ${list}`);
    const through: readonly (readonly [string, string])[] = [
      [relay, ''],
      [relay, 'ample.org'],
      [relay, 'relay.example.org:8443'],
      [relay, 'x.relay.example.org'],
      ['11.1.2.3:443', '10.0.0.0/8'],
      [relay, ',, %%'],
    ];
    for (const [address, list] of through) equal(reachedStraight(address, list), false, `${address} ${list}`);
    equal(way([], { HTTPS_PROXY: 'http://p', no_proxy: 'example.org' }).proxy, null);
  });
});
