import { equal } from 'node:assert/strict';
import { it } from 'node:test';
import { covers, isPattern, overlap } from './name-pattern.ts';

it('takes one label with a star, or what lies below the granted name, and nothing else', () => {
  for (const good of ['team-*', '*', 'shop', 'blog', '*.blog', '**.blog', 'a.blog', 'api-*.v1.blog'])
    equal(isPattern(good, 'blog'), true, good);
  const bad = [
    '',
    '.',
    '**',
    '*.*',
    '*.shop',
    '**.**.blog',
    'a.**.blog',
    'blog.',
    'Blog',
    'a_b',
    '*-*',
    '*.example.org',
    'ä',
    `${'a.'.repeat(8)}blog`,
  ];
  for (const text of bad) equal(isPattern(text, 'blog'), false, text);
});

it('covers exactly what it says', () => {
  const rows: readonly (readonly [string, string, boolean])[] = [
    ['team-*', 'team-a', true],
    ['team-*', 'team-', true],
    ['team-*', 'team', false],
    ['team-*', 'x.team-a', false],
    ['*-a', 'a', false],
    ['a*a', 'a', false],
    ['a*a', 'aa', true],
    ['*.blog', 'x.blog', true],
    ['*.blog', '*.blog', true],
    ['*.blog', 'blog', false],
    ['*.blog', 'y.x.blog', false],
    ['**.blog', 'y.x.blog', true],
    ['**.blog', '*.x.blog', true],
    ['**.blog', 'blog', false],
    ['x-*.blog', '*.blog', false],
    ['x.blog', '*.blog', false],
    ['shop', 'shop', true],
  ];
  for (const [pattern, name, is] of rows) equal(covers(pattern, name.split('.')), is, `${pattern} ${name}`);
});

it('knows which labels two patterns share', () => {
  for (const [one, other, is] of [
    ['team-*', 'team-a', true],
    ['team-*', '*-a', true],
    ['team-*', 'shop-*', false],
    ['*', 'x', true],
    ['a', 'b', false],
    ['*-x', '*-y', false],
  ] as const) {
    equal(overlap(one, other), is, `${one} ${other}`);
    equal(overlap(other, one), is, `${other} ${one}`);
  }
});
