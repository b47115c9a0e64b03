import assert from 'node:assert/strict';
import type { CaaRecord } from 'node:dns';
import { test } from 'node:test';
import { caaLine, judgeCaa, type CaaWanted } from './caa.ts';

const wanted: CaaWanted = { name: 'blog.example.org', authority: 'ca.example', account: 'https://ca.example/acct/1', methods: ['dns-01'] };
const issue = (...values: readonly string[]): CaaRecord[] => values.map((value) => ({ critical: 0, issue: value }));

test('a record of CAA pins account and way', () => {
  assert.equal(
    caaLine(wanted),
    'blog.example.org. IN CAA 0 issue "ca.example; accounturi=https://ca.example/acct/1; validationmethods=dns-01"',
  );
  assert.equal(caaLine({ ...wanted, name: '*.example.org', account: null, methods: [] }), 'example.org. IN CAA 0 issuewild "ca.example"');
});

test('a certificate that somebody else could get: CAA is judged by who else may issue', () => {
  const state = (...values: readonly string[]): string => judgeCaa(issue(...values), wanted).state;
  assert.equal(state('ca.example; accounturi=https://ca.example/acct/1; validationmethods=dns-01'), 'ok');
  assert.equal(state('CA.example;accounturi=https://ca.example/acct/1 ; validationmethods=http-01,dns-01'), 'ok');
  assert.equal(state(), 'warning');
  assert.equal(state('ca.example'), 'warning');
  assert.equal(state('ca.example; accounturi=https://ca.example/acct/1'), 'warning');
  assert.equal(state('ca.example; accounturi=https://ca.example/acct/1; validationmethods=dns-01', 'other.example'), 'warning');
  assert.equal(state('ca.example; accounturi=https://ca.example/acct/2'), 'failed');
  assert.equal(state('other.example'), 'failed');
  assert.equal(state(';'), 'failed');
  assert.equal(state('ca.example; accounturi=https://ca.example/acct/1; validationmethods=http-01'), 'failed');
});

test('a name with a star has records of its own, and else those of the name', () => {
  const star = { ...wanted, name: '*.example.org' };
  const value = 'ca.example; accounturi=https://ca.example/acct/1; validationmethods=dns-01';
  assert.equal(judgeCaa(issue(value), star).state, 'ok');
  assert.equal(judgeCaa([...issue(value), { critical: 0, issuewild: ';' }], star).state, 'failed');
});
