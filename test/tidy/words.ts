/** The rules of words and lengths: what a file is called, how it opens, what it must not say, how long it may be. */

import { functionsOf, lineAt, scan } from './scan.ts';
import type { Rule } from './tree.ts';
import { isTest, sources } from './tree.ts';

const fileLinesMax = 300;
const functionLinesMax = 70;

/** Words that say nothing of what a file holds. */
const emptyNames = new Set(['util', 'utils', 'helper', 'helpers', 'common', 'manager', 'base', 'impl', 'misc', 'shared']);

export const namesSaySomething: Rule = (tree) => {
  const found: string[] = [];
  for (const path of tree.keys()) {
    if (!/\.(?:ts|mjs|js)$/.test(path)) continue;
    const words = path.split('/').flatMap((part) => part.split(/[-.]/));
    for (const word of words) if (emptyNames.has(word)) found.push(`${path}: "${word}" says nothing. Name the file after its main export.`);
    if (/[A-Z_]/.test(path.split('/').at(-1) ?? '')) found.push(`${path}: file names are kebab-case. Rename it.`);
  }
  return found;
};

/** A test beside its file is called like it: that says enough. */
export const filesOpenWithASentence: Rule = (tree) => {
  const found: string[] = [];
  for (const [path, text] of tree) {
    if (!/\.(?:ts|mjs)$/.test(path) || (path.endsWith('.test.ts') && tree.has(path.replace(/\.test\.ts$/, '.ts')))) continue;
    const opening = /^(?:#![^\n]*\n)?\/\*\*([\s\S]*?)\*\//.exec(text)?.[1];
    const first = opening?.replace(/\n\s*\*/g, ' ').trim();
    if (first === undefined || !/[a-z].*[.!?]/i.test(first))
      found.push(`${path}: begin the file with /** one sentence that says what it is. */`);
  }
  return found;
};

type Ban = Readonly<{ where: RegExp; in: 'code' | 'all'; tests: boolean; only?: (path: string) => boolean; mend: string }>;

// The words stand apart here so that the rule does not find itself.
const marks = ['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X'].join('|');
const ignores = ['@ts-' + 'ignore', '@ts-' + 'nocheck', '@ts-' + 'expect-error'].join('|');
const anyType = /(?:[:<|&]|=>|\bas|\bextends)\s*any\b(?!\s*[(.=:])/;

const bans: readonly Ban[] = [
  { where: new RegExp(`\\b(?:${marks})\\b`), in: 'all', tests: true, mend: 'do it, or leave it out' },
  { where: new RegExp(`(?:${ignores})`), in: 'all', tests: true, mend: 'mend the type' },
  { where: anyType, in: 'code', tests: true, mend: '`any` switches the checker off: say `unknown`, then parse' },
  {
    where: /[\w)\]]!(?![=\w])/,
    in: 'code',
    tests: false,
    mend: '`!` is a promise that nobody holds: test for undefined and say what then',
  },
  { where: /\benum\s+\w+\s*\{/, in: 'code', tests: true, mend: 'an enum is no erasable syntax: write a union of strings' },
  {
    where: /\bconsole\s*\.\s*\w+/,
    in: 'code',
    tests: false,
    only: (path) => path.startsWith('src/') && !path.startsWith('src/cli/'),
    mend: 'only cli speaks to people: return it, throw it or record it',
  },
];

export const bannedWordsAreAbsent: Rule = (tree) => {
  const found: string[] = [];
  for (const [path, text] of sources(tree)) {
    const { code } = scan(text);
    for (const ban of bans) {
      if ((!ban.tests && isTest(path)) || ban.only?.(path) === false) continue;
      const hit = ban.where.exec(ban.in === 'code' ? code : text);
      if (hit !== null) found.push(`${path}:${lineAt(text, hit.index)}: "${hit[0].trim()}": ${ban.mend}.`);
    }
  }
  return found;
};

export const filesAndFunctionsAreShort: Rule = (tree) => {
  const found: string[] = [];
  for (const [path, text] of sources(tree)) {
    if (isTest(path)) continue;
    const lines = text.trimEnd().split('\n').length;
    if (lines > fileLinesMax)
      found.push(`${path} has ${lines} lines, more than ${fileLinesMax}. Cut it where its opening sentence would need an "and".`);
    for (const body of functionsOf(scan(text).code)) {
      if (body.lines > functionLinesMax) {
        found.push(
          `${path}:${body.line}: a function of ${body.lines} lines, more than ${functionLinesMax}. Leave the ifs here; move pure parts out.`,
        );
      }
    }
  }
  return found;
};

// Assembled, so that these lines are not their own finding.
const strangers: readonly (readonly [RegExp, string])[] = [
  [new RegExp(`/${'work'}/`), 'names a path of one machine'],
  [new RegExp(`\\.\\./${'shared'}\\b`), 'names a folder outside of the project'],
  [new RegExp(['registry[.]npm' + 'js', 'deb[.]deb' + 'ian[.]org', 'proxy[.]gol' + 'ang[.]org'].join('|')), 'names a registry'],
  [new RegExp(`\\b${'iss' + 'ue'} (?:no\\.? ?)?#?\\d+\\b`, 'i'), 'names a ticket'],
  [
    new RegExp(`\\b(?:sub-?${'agent'}|${'the'} brief|${'col'}league|${'AI'} assistant|${'LL'}M)s?\\b`),
    'speaks of how the work was organised',
  ],
];

export const nothingNamesItsMakers: Rule = (tree) => {
  const found: string[] = [];
  for (const [path, text] of tree) {
    if (path === 'package-lock.json') continue;
    for (const [pattern, what] of strangers) {
      const hit = pattern.exec(text);
      if (hit !== null) found.push(`${path}:${lineAt(text, hit.index)}: "${hit[0]}" ${what}. Take it out, or say it for every reader.`);
    }
  }
  return found;
};

const thirdParties = /nodejs\/llhttp|http-desync-guardian|coreruleset|crowdsec/i;

export const corporaOfOthersStayOut: Rule = (tree) => {
  const found: string[] = [];
  for (const [path, text] of tree) {
    const hit = path.startsWith('test/') && path.endsWith('.json') ? thirdParties.exec(text) : null;
    if (hit !== null)
      found.push(`${path}: holds cases of ${hit[0]}. They are read from $SALLYPORT_CORPORA and never committed: take them out.`);
  }
  return found;
};
