/** The language of a page, by what browsers send and what nobody should. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ownMs } from '../../../test/doubles/own-time.ts';
import { fieldOf } from '../http/fields.ts';
import { chosenLanguage } from './language.ts';

const ours = new Map([
  ['en', 1],
  ['de', 1],
  ['pt-br', 1],
  ['zh-hant', 1],
]);
const chosen = (...values: readonly string[]): string =>
  chosenLanguage(
    values.map((value) => fieldOf('Accept-Language', value)),
    ours,
    'en',
  );

const cases: readonly (readonly [says: string, language: string])[] = [
  ['de', 'de'],
  ['de-AT', 'de'],
  ['DE-at-1996', 'de'],
  ['en-US,en;q=0.9,de;q=0.8', 'en'],
  ['fr-FR, fr;q=0.9, de;q=0.5', 'de'],
  ['en;q=0.2, de;q=0.7', 'de'],
  // Of equals the first.
  ['de, en', 'de'],
  ['fr', 'en'],
  ['*', 'en'],
  ['*, en;q=0', 'de'],
  ['fr, *;q=0.1, en;q=0', 'de'],
  ['de;q=0', 'en'],
  ['de;q=0, de-AT', 'en'],
  ['pt-BR', 'pt-br'],
  // RFC 4647, 3.4: a range is cut from its end, and finds nothing longer than itself.
  ['pt', 'en'],
  ['zh-Hant-CN-x-private1-private2', 'zh-hant'],
  ['de-x-y', 'de'],
  // RFC 9110, 5.6.1.2: empty elements are nothing.
  [', ,de;q=0.9,', 'de'],
  ['de ; q=1.000', 'de'],
  ['', 'en'],
];

test('lookup: the best range of the visitor’s finds a language, else there is the usual one', () => {
  for (const [says, language] of cases) assert.equal(chosen(says), language, says);
  assert.equal(chosen(), 'en');
  assert.equal(chosen('fr', 'de;q=0.5'), 'de', 'two fields are one list');
  assert.equal(chosenLanguage([], ours, 'de'), 'de');
});

test('malformed and oversized Accept-Language: what is no list of ranges counts as none, whole', () => {
  const malformed = [
    'de;q=1.5',
    'de;q=0.1234',
    'de;q=',
    'de;level=1',
    'de;q=1;q=0',
    'de_AT',
    'd€',
    'abcdefghi',
    'de en',
    'de;;q=1',
    '"de"',
    '<script>',
    'de, en;q=x',
    '**',
    '*-CH',
  ];
  for (const says of malformed) assert.equal(chosen(says), 'en', says);
});

test('malformed and oversized Accept-Language: a longer field than any browser sends, and more ranges, count as none', () => {
  assert.equal(chosen(`de,${'fr,'.repeat(100)}`), 'en');
  assert.equal(chosen(`de,${'f,'.repeat(40)}`), 'en');
  assert.equal(chosen(`de,${'f,'.repeat(15)}`), 'de');
  const before = ownMs();
  for (let round = 0; round < 1_000; round += 1) chosen(`${' '.repeat(250)}x`, `de${';'.repeat(200)}`);
  assert.ok(ownMs() - before < 1_000, 'linear, whatever is sent');
});
