import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ownMs } from '../../../test/doubles/own-time.ts';
import { makePattern, type Pattern } from './pattern.ts';

function pattern(source: string): Pattern {
  const made = makePattern(source);
  assert.ok(made.ok, source);
  return made.pattern;
}

test('patterns agree with the engine of JavaScript, groups too, on random texts', () => {
  const sources = [
    'a',
    'a*',
    '(a|b)*c',
    '(a|ab)(c|bcd)(d*)',
    '/u/([0-9]+)(?:/(.*))?',
    '[^/]+',
    '(a*)(a*)',
    '(a*?)(a*)',
    '(?:a{2,3}){2}b?',
    'x[a-c\\d-]{0,4}',
    '(a+)+',
    '(a|b|ab)*',
    '\\w+\\.(?:png|jpe?g)',
    '',
    '(?:)',
    'a||b',
    '(ab?)*?b',
    '[\\]a]+',
    '[\\]/]*',
    '.*\\/.*',
    '((a)|b)*',
    '\\D\\W\\S',
  ].filter((source) => source !== '');
  const letters = 'aabbcd/0.-]x1pngje ';
  let seed = 7;
  const chance = (below: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor(seed / 65_536) % below;
  };
  for (const source of sources) {
    const ours = pattern(source);
    const theirs = new RegExp(`^(?:${source})$`);
    for (let round = 0; round < 400; round += 1) {
      const text = Array.from({ length: chance(9) }, () => letters.charAt(chance(letters.length))).join('');
      const expected = theirs.exec(text);
      assert.equal(ours.matches(text), expected !== null, `${source} on ${text}`);
      // A group inside of a repetition keeps its last turn here as well; JavaScript alone forgets it between turns.
      if (expected !== null && !/\)[*+]|\)\*\?/.test(source))
        assert.deepEqual(
          ours.captures(text),
          Array.from(expected, (part) => part ?? ''),
          `${source} on ${text}`,
        );
    }
  }
});

test('the whole text is meant, and (?i) ignores case', () => {
  assert.ok(!pattern('/admin').matches('/admin/x'));
  assert.ok(!pattern('admin').matches('/admin'));
  assert.ok(pattern('^/admin$').matches('/admin'));
  assert.ok(pattern('(?i)/ad[m-n]in').matches('/ADMIN'));
  assert.ok(!pattern('.*').matches('\u{1f600}'));
});

test('attack: catastrophic backtracking (ReDoS): nested repetitions take linear time', () => {
  for (const source of ['(a+)+b', '(a|a)*b', '(a|aa)+b', '(.*)*b', '(?:a?){50}a{50}b', '(a*)*(a*)*b', '.*a.{12}']) {
    const made = pattern(source);
    const text = 'a'.repeat(8_192);
    const before = ownMs();
    made.matches(text);
    made.matches(`${text}!`);
    const took = ownMs() - before;
    assert.ok(took < 400, `${source}: ${took.toFixed(0)} ms`);
  }
  const before = ownMs();
  pattern('(a+)+(b?)').captures('a'.repeat(8_192));
  assert.ok(ownMs() - before < 400);
});

test('what cannot be matched in linear time, or is no pattern, is refused with what was expected', () => {
  const wrong: Readonly<Record<string, RegExp>> = {
    '(?=a)b': /lookaround/,
    '(?!a)b': /lookaround/,
    '(?<name>a)': /named groups/,
    '(a)\\1': /references back/,
    '\\ba': /\\d, \\w/,
    'a(?i)b': /flags inside/,
    '(a{100}){100}': /300 steps/,
    'a{301}': /300 steps/,
    'a{3,2}': /n not above m/,
    'a{x}': /\{n\}/,
    '(a': /pairs/,
    'a)': /pairs/,
    '[a': /class/,
    '[z-a]': /range/,
    '[]a]': /not empty/,
    '*a': /something before/,
    'a**': /one repetition/,
    'a^b': /whole text/,
    a$b: /whole text/,
    ä: /ASCII/,
    '': /1 to 1000/,
    [`${'('.repeat(30)}a${')'.repeat(30)}`]: /9 groups|nested/,
  };
  for (const [source, expected] of Object.entries(wrong)) {
    const made = makePattern(source);
    assert.ok(!made.ok, source);
    assert.match(made.expected, expected, source);
  }
});
