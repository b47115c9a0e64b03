/** A service's cookies stay at its own host. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exchangeOf } from '../../../test/doubles/exchange.ts';
import { fieldOf } from './fields.ts';
import type { ResponseHead } from './head.ts';
import { hostOnlyCookies } from './host-only-cookies.ts';
import type { Rewriter } from './rewrite.ts';

const { http: asked } = exchangeOf();
assert.ok(asked !== null);

function head(...fields: readonly (readonly [string, string])[]): ResponseHead {
  return {
    status: 200,
    reason: 'OK',
    minor: 1,
    fields: fields.map(([name, value]) => fieldOf(name, value)),
    framing: { is: 'none' },
    persistent: true,
    upgrade: null,
  };
}
const cut = (value: string): string | undefined =>
  hostOnlyCookies(undefined).response(head(['Set-Cookie', value]), asked, 'https').fields[0]?.value;

test('cookie tossing: a Domain is taken out of what a service sets, however it is written', () => {
  for (const [sent, kept] of [
    ['a=b; Domain=example.org; Path=/', 'a=b; Path=/'],
    ['a=b; Path=/; domain=.example.org', 'a=b; Path=/'],
    ['a=b;DOMAIN\t=example.org;Secure', 'a=b;Secure'],
    ['a=b; Domain=x.org; Domain=example.org', 'a=b'],
    ['a=b; Domain', 'a=b'],
    ['=b; Domain="example.org"; HttpOnly', '=b; HttpOnly'],
  ] as const)
    assert.equal(cut(sent), kept, sent);
});

test('what has none is left as it was, byte by byte', () => {
  for (const value of ['a=b', 'a=domain=x; Path=/domain', 'domain=x; Path=/', 'a=b; SubDomain=x; Secure']) assert.equal(cut(value), value);
  const answer = head(['X-Domain', 'a; Domain=example.org'], ['Set-Cookie', 'a=b; Path=/']);
  assert.equal(hostOnlyCookies(undefined).response(answer, asked, 'https'), answer);
});

test('the operator’s own rules come first, and are asked for the rest', () => {
  const before: Rewriter = {
    target: () => null,
    request: (request) => ({ ...request, target: '/other' }),
    response: (answer) => ({ ...answer, fields: [...answer.fields, fieldOf('Set-Cookie', 'c=d; Domain=example.org')] }),
  };
  const rewriter = hostOnlyCookies(before);
  assert.equal(rewriter.target(asked), null);
  assert.equal(rewriter.request(asked).target, '/other');
  assert.deepEqual(
    rewriter.response(head(['Set-Cookie', 'a=b; Domain=example.org']), asked, 'https').fields.map(({ value }) => value),
    ['a=b', 'c=d'],
  );
  assert.equal(hostOnlyCookies(undefined).target(asked), asked.target);
});
