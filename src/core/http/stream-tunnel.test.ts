/** CONNECT as HTTP/2 has it (RFC 9113, 8.5): what is read of its head, and what is malformed. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defaults } from '../limits.ts';
import { readStreamRequest } from './stream-request.ts';

const read = (...raw: readonly string[]): ReturnType<typeof readStreamRequest> =>
  readStreamRequest(raw, { limits: defaults, ended: false, newKey: () => 'k', forwardProxy: true });
const code = (...raw: readonly string[]): string => {
  const head = read(...raw);
  return 'code' in head ? head.code : 'none';
};

describe('CONNECT in HTTP/2, to a proxy', () => {
  it('has host and port in :authority, and no length', () => {
    const head = read(':method', 'CONNECT', ':authority', 'a.example:443', 'proxy-authorization', 'Basic eDp5');
    assert.ok(!('code' in head));
    assert.deepEqual(
      [head.method, head.authority, head.path, head.framing.is],
      ['CONNECT', { host: 'a.example', port: 443 }, null, 'none'],
    );
    assert.equal(code(':method', 'CONNECT', ':authority', 'a.example:443', 'content-length', '3'), 'framing-ambiguous');
  });

  it('CONNECT with :path or :scheme is malformed (RFC 9113, 8.5)', () => {
    const place = [':method', 'CONNECT', ':authority', 'a.example:443'] as const;
    assert.equal(code(...place, ':path', '/'), 'head-malformed');
    assert.equal(code(...place, ':scheme', 'https'), 'head-malformed');
    assert.equal(code(...place, ':scheme', 'https', ':path', '/'), 'head-malformed');
    assert.equal(code(...place, ':scheme', 'https', ':path', '/', ':protocol', 'websocket'), 'upgrade-refused');
  });

  it('names one place, in one spelling', () => {
    for (const authority of ['a.example', 'a.example:0', 'a.example:65536', 'ana@a.example:443', 'a.example:443/', '', '::1:443'])
      assert.equal(code(':method', 'CONNECT', ':authority', authority), 'target-malformed', authority);
    assert.equal(code(':method', 'CONNECT'), 'target-malformed');
    assert.equal(code(':method', 'CONNECT', ':authority', 'a.example:443', 'host', 'b.example:443'), 'host-mismatched');
    assert.equal(code(':method', 'CONNECT', ':authority', 'a.example:443', 'host', 'a.example'), 'none');
  });

  it('a request elsewhere says http; without a proxy nobody is led anywhere', () => {
    const place = [':method', 'GET', ':authority', 'a.example', ':path', '/x'] as const;
    const [http, https] = [read(...place, ':scheme', 'http'), read(...place, ':scheme', 'https')];
    assert.ok(!('code' in http) && !('code' in https));
    assert.deepEqual([http.absolute, https.absolute], [true, undefined]);
    const service = readStreamRequest([...place, ':scheme', 'http'], { limits: defaults, ended: true, newKey: () => 'k' });
    assert.ok(!('code' in service) && service.absolute === undefined);
    const tunnel = readStreamRequest([':method', 'CONNECT', ':authority', 'a.example:443'], {
      limits: defaults,
      ended: false,
      newKey: () => 'k',
    });
    assert.ok('code' in tunnel && tunnel.code === 'method-refused');
  });
});
