import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parser } from '../../cli/configuration.ts';

/** Each mistake with its line. */
function mistakes(rewrite: string, more = ''): readonly string[] {
  const text = `services:\n  out:\n    proxy: {}\n    access: [{ key: {} }]\n${more}    rewrite:\n${rewrite}\n`;
  const parsed = parser.parse(text, '/x/sallyport.yaml');
  return parsed.ok ? [] : parsed.problems.map(({ line, sentence }) => `${line}: ${sentence}`);
}

test('fields of what a proxy carries may be set, added and removed', () => {
  assert.deepEqual(mistakes('      request: { set: { User-Agent: farm }, remove: [referer, accept-encoding] }'), []);
  assert.deepEqual(mistakes('      response: { add: { X-Seen: 1 }, remove: [server, alt-svc-used] }'), []);
});

test('header rules: credentials, framing, Host and fields of one connection are nobody’s to touch, in any spelling', () => {
  const names =
    'authorization Cookie X-API-Key x_api_key proxy-authorization Proxy-Foo host Content-Length transfer_encoding connection TE upgrade via';
  for (const name of names.split(' ')) {
    const [line, other] = [
      mistakes(`      request:\n        set: { ${name}: x }`),
      mistakes(`      request:\n        remove: [accept, ${name}]`),
    ];
    assert.equal(line.length, 1, name);
    assert.match(line[0] ?? '', /^7: services\.out\.rewrite\.request\.set: found .*, expected a field that /, name);
    assert.match(other[0] ?? '', /^7: services\.out\.rewrite\.request\.remove.*: found .*, expected a field that /, name);
  }
  for (const name of 'set-cookie www-authenticate authentication-info proxy-authenticate content-length transfer-encoding connection alt-svc'.split(
    ' ',
  ))
    assert.match(mistakes(`      response:\n        add: { ${name}: x }`)[0] ?? '', /^7: .*expected a field that /, name);
});

test('path, query, Location and cookies of a destination are its own, and so is what it is told', () => {
  for (const [key, value] of [
    ['path', '{ strip: /a }'],
    ['query', '{ remove: [utm] }'],
    ['outside', 'true'],
    ['cookies', '{ samesite: lax }'],
  ])
    assert.deepEqual(mistakes(`      ${key}: ${value}`), [
      `6: services.out.rewrite.${key}: found it beside a proxy, expected request and response alone`,
    ]);
  assert.match(
    mistakes('      outside: false', '    identity: headers\n')[0] ?? '',
    /^5: services\.out\.identity: found it beside a proxy/,
  );
  assert.match(mistakes('      request: {}', '    from: 127.0.0.1\n')[0] ?? '', /^5: services\.out\.from: found it beside a proxy/);
  assert.match(
    mistakes('      request: {}', '    rewritehost: other.example\n')[0] ?? '',
    /^5: services\.out\.rewritehost: found it beside a proxy/,
  );
});
