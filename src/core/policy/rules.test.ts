/** Whom a rule names: users, and whoever has a role. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exchangeOf, noBody } from '../../../test/doubles/exchange.ts';
import type { Identity } from './exchange.ts';
import { always } from './match.ts';
import { allowCheck, denyCheck, type Rule } from './rules.ts';

const someone = (subject: string, roles: readonly string[]): Identity => ({ guard: 'x', subject, name: 'x', by: 'header', roles });
const rule = (does: Rule['does'], roles: readonly string[], users: readonly string[] = []): Rule => ({
  match: always,
  does,
  who: { is: 'some', roles, users },
  words: 'a rule',
  last: false,
});
const said = (check: ReturnType<typeof allowCheck>, identity: Identity | null): string => {
  const verdict = check(exchangeOf({ identity }), noBody);
  assert.ok(!(verdict instanceof Promise));
  return verdict.is;
};

test('roles of a key count as those of a user do, for allowing and for denying', () => {
  const own = new Map([['ci', ['editor']]]);
  for (const subject of ['user:ana', 'key:ana']) {
    assert.equal(said(allowCheck(rule('allow', ['editor']), own), someone(subject, ['editor'])), 'pass');
    assert.equal(said(allowCheck(rule('allow', ['editor']), own), someone(subject, ['reader'])), 'deny');
    assert.equal(said(denyCheck(rule('deny', ['guest']), own), someone(subject, ['guest'])), 'deny');
  }
  // A key that is called as a user is not that user: neither their name nor their roles in this service are its own.
  assert.equal(said(allowCheck(rule('allow', ['editor']), own), someone('user:ci', [])), 'pass');
  assert.equal(said(allowCheck(rule('allow', ['editor']), own), someone('key:ci', [])), 'deny');
  assert.equal(said(allowCheck(rule('allow', [], ['ana']), own), someone('key:ana', [])), 'deny');
  assert.equal(said(allowCheck(rule('allow', ['editor']), own), null), 'deny');
});
