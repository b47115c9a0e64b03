/** The keys about TLS: mistakes are named with their place. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configParser, problemWords } from './parse.ts';

const { parse } = configParser([]);

function said(line: string): string {
  const parsed = parse(`${line}\nservices: { web: { to: 3000 } }`, '/home/ana/sallyport.yaml');
  return parsed.ok ? 'ok' : parsed.problems.map((problem) => problemWords(problem, 'sallyport.yaml')).join('\n');
}

test('a mistake about certificates is named with its place', () => {
  assert.match(said('certificates: certs'), /line 1, column 15: certificates: found "certs", expected a list of: a folder/);
  assert.match(said('certificates: [{ key: a.key }]'), /column 16: certificates\[0\]\.cert: found nothing/);
  assert.match(said('certificates: [{ cert: a.crt, keys: a.key }]'), /column 31: certificates\[0\]\.keys: unknown key, did you mean key\?/);
  assert.match(said('tls: old'), /tls: found "old", expected one of intermediate, modern/);
  assert.match(said('hsts: true'), /hsts: found true, expected one of on, off, subdomains/);
});
