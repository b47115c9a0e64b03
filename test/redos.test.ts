/** Every pattern of the program on hostile text: none takes longer than its text is long. */

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const src = fileURLToPath(new URL('../src', import.meta.url));
/** What a stranger can send at once: four heads' worth. */
const bytes = 65_536;
/** A pattern that looks once at each character takes less than one; one that looks back takes seconds. */
const patienceMs = 150;

/** A literal stands where a value may: behind an operator, an opening bracket or a comma. */
const literal =
  /(?:^|[(,=:[!&|?{};]|\breturn|=>)\s*\/((?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n*])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])*)\/([dgimsuvy]*)/gm;

function patterns(): readonly Readonly<{ where: string; pattern: RegExp }>[] {
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.ts') && !name.endsWith('.test.ts'),
  );
  return files.flatMap((name) =>
    readFileSync(join(src, name), 'utf8')
      .split('\n')
      .filter((line) => !/^\s*(?:\/\/|\*|\/\*)/.test(line))
      .flatMap((line) =>
        Array.from(line.matchAll(literal), ([, source = '', flags = '']) => {
          const where = `${name}: /${source}/${flags}`;
          return { where, pattern: patternOf(where, source, flags) };
        }),
      ),
  );
}

/** All of them compile, or their files would not: none is left out. Sticky ones stay so, and are tried as the program does. */
function patternOf(where: string, source: string, flags: string): RegExp {
  try {
    return new RegExp(source, flags.replaceAll('g', ''));
  } catch (error) {
    return assert.fail(`${where} does not compile: ${String(error)}. If it is two slashes of a text, write these on lines of their own.`);
  }
}

const units = [
  'a',
  'A',
  '0',
  ' ',
  '\t',
  '.',
  '-',
  '/',
  '_',
  '%',
  ':',
  ';',
  ',',
  '=',
  '"',
  '[',
  '%20',
  'a.',
  'a-',
  '/a',
  '1s',
  'a,',
  '\u001b[1m',
  '\u00e9',
  'あ',
];
/** Long runs of what patterns repeat: made once, for all of them. */
const runs = units.map((unit) => unit.repeat(Math.floor(bytes / unit.length)));
const brokenOff = runs.flatMap((run) => [run, `${run}\u0000`, `x${run}x`]);

/** Long runs, broken off at the end, in the middle, and between two others. */
function* hostileTexts(source: string): Generator<string> {
  yield* brokenOff;
  // The pattern's own words, so that its beginning is passed.
  const words = source
    .replaceAll(/\\[a-zA-Z]|\(\?:|[\\^$()[\]{}|*+?]/g, ' ')
    .split(/\s+/)
    .filter((word) => word !== '')
    .slice(0, 6);
  for (const run of runs) for (const word of words) yield `${word}${run}\n`;
}

/** A sticky pattern is tried at one place: at first at the beginning, then behind what it took, as long as it takes anything. */
function walk(pattern: RegExp, text: string): void {
  let at = -1;
  for (pattern.lastIndex = 0; pattern.lastIndex > at;) {
    at = pattern.lastIndex;
    if (!pattern.test(text)) return;
  }
}

/** Of this thread alone: what others do meanwhile is no pattern's fault. */
function tookMs(pattern: RegExp, text: string): number {
  const before = process.threadCpuUsage();
  if (pattern.sticky) walk(pattern, text);
  else pattern.test(text);
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1_000;
}

/** Of the owner's own command line and settings, which nobody else writes: slow for them alone. */
const ofTheOwner: readonly string[] = [
  'cli/file-text.ts: /\\/+$/',
  'cli/share-request.ts: /-+$/',
  'cli/share-request.ts: /^-+|-+$/g',
  'controlplane/home.ts: /(?<=.)\\/+$/',
  'core/duration.ts: /(\\d+)([a-z]+)/g',
];

test('ReDoS: no pattern looks at hostile text more often than once', { timeout: 120_000 }, () => {
  const all = patterns();
  assert.ok(all.length > 80, `only ${all.length} patterns were found`);
  for (const where of ofTheOwner)
    assert.ok(
      all.some((each) => each.where === where),
      `${where} is no more: take it out of the list`,
    );
  const slow: string[] = [];
  for (const { where, pattern } of all) {
    if (ofTheOwner.includes(where)) continue;
    for (const text of hostileTexts(pattern.source)) {
      // A pattern that is slow is slow each time; a machine that stood still for a moment was.
      let took = tookMs(pattern, text);
      for (let again = 0; again < 2 && took > patienceMs; again += 1) took = Math.min(took, tookMs(pattern, text));
      if (took > patienceMs) {
        slow.push(`${where} took ${Math.round(took)} ms`);
        break;
      }
    }
  }
  assert.deepEqual(slow, []);
});
