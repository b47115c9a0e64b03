/** Each feature of Pound, and each of the article, stands in the guide with its answer. */

import { deepEqual, match } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const guide = readFileSync(new URL('../../../docs/from-pound.md', import.meta.url), 'utf8');
const rows = new Map(
  Array.from(guide.matchAll(/^\| (P[DY]\d+) \| (.+) \| (.+) \|$/gm), ([, id = '', there = '', here = '']) => [id, { there, here }]),
);
const numbered = (prefix: string, count: number): readonly string[] => Array.from({ length: count }, (_, index) => `${prefix}${index + 1}`);

test('every feature has a row, once', () => {
  deepEqual([...rows.keys()].toSorted(), [...numbered('PD', 23), ...numbered('PY', 7)].toSorted());
});

test('every row says that it works, what is better, or that it is not there and why', () => {
  for (const [id, { here }] of rows) match(here, /^(?:works|better|refused|not there|has no counterpart)/, id);
});
