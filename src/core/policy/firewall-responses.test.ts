import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fieldOf } from '../http/fields.ts';
import { responseBreach } from './firewall-responses.ts';

type Pairs = readonly (readonly [string, string])[];

function ruleOf(pairs: Pairs, isClear = true): string | null {
  const fields = pairs.map(([name, value]) => fieldOf(name, value));
  const head = { status: 200, reason: '', minor: 1, framing: { is: 'none' }, persistent: true, upgrade: null, fields } as const;
  return responseBreach(head, isClear)?.rule ?? null;
}

test('malicious answers: ways on to the reader’s own machine', () => {
  for (const value of [
    'javascript:alert(1)',
    'JaVaScRiPt:x',
    'java\tscript:x',
    ' \u0001data:text/html,x',
    'file:///etc/passwd',
    'gopher://a/',
    'view-source:http://a/',
  ]) {
    assert.equal(ruleOf([['Location', value]]), 'redirect', value);
    assert.equal(ruleOf([['Refresh', `0; URL='${value}'`]]), 'redirect', value);
    assert.equal(ruleOf([['refresh', `5,${value}`]]), 'redirect', value);
  }
});

test('malicious answers: file names that lead elsewhere', () => {
  for (const name of ['"../.bashrc"', '"/etc/cron.d/x"', '"a\\b"', '.wgetrc', '"a%2f..%2fb"', '"a%00.txt"', '"..\\\\x"'])
    assert.equal(ruleOf([['Content-Disposition', `attachment; filename=${name}`]]), 'file', name);
  assert.equal(ruleOf([['Content-Disposition', "attachment; filename*=UTF-8''%2e%2e%2fx"]]), 'file');
  assert.equal(ruleOf([['Content-Disposition', "attachment; filename=a.txt; filename*0*=UTF-8''%2Fx"]]), 'file');
});

test('malicious answers: floods, two of one, and questions for the login of the system', () => {
  const cookies: Pairs = Array.from({ length: 51 }, (_, at) => ['Set-Cookie', `c${at}=1`] as const);
  assert.equal(ruleOf(cookies), 'cookies');
  assert.equal(ruleOf(cookies.slice(1)), null);
  assert.equal(
    ruleOf([
      ['Content-Encoding', 'gzip, gzip'],
      ['Content-Encoding', 'gzip, br'],
    ]),
    'codings',
  );
  assert.equal(
    ruleOf([
      ['Content-Type', 'text/html'],
      ['Content-Type', 'text/plain'],
    ]),
    'twice',
  );
  assert.equal(
    ruleOf([
      ['Location', '/a'],
      ['Location', '/b'],
    ]),
    'twice',
  );
  assert.equal(ruleOf([['Content-Type', 'text/html; charset=a; charset=b']]), 'type');
  for (const value of ['NTLM', 'negotiate', 'Basic realm="x",  NTLM']) {
    assert.equal(ruleOf([['WWW-Authenticate', value]]), 'login', value);
    assert.equal(ruleOf([['WWW-Authenticate', value]], false), null);
  }
});

test('what honest servers say passes', () => {
  const honest: Pairs = [
    ['Location', 'https://a/b?c=javascript:x'],
    ['Content-Location', '/a:b'],
    ['Refresh', '5; url=/next'],
    ['Refresh', '5; url=/next'],
    ['Content-Disposition', 'attachment; filename="a \\"b\\".txt"; filename*=UTF-8\'\'%e2%82%ac%20rates.txt'],
    ['Content-Type', 'text/html; charset=utf-8'],
    ['Content-Encoding', 'gzip'],
    ['WWW-Authenticate', 'Basic realm="Negotiate"'],
    ['Set-Cookie', 'a=b'],
    ['Content-Type', 'text/html; charset=utf-8'],
  ];
  assert.equal(ruleOf(honest), null);
  assert.equal(ruleOf([['Location', 'myapp://callback?code=1']]), null);
  assert.equal(ruleOf([['Content-Type', '']]), null);
});
