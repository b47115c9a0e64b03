/** A file with texts of our own pages: some or all of them, by language. */

import { readFileSync, statSync } from 'node:fs';
import { z } from 'zod';
import { SallyportError } from '../../core/errors.ts';
import { usualPages } from '../../core/pages/settings.ts';
import { bracesOf, en } from '../../core/pages/texts/en.ts';
import type { TextKey, Texts } from '../../core/pages/texts/catalogue.ts';
import { yaml } from './document.ts';
import { fileParser, problemWords } from './file-parser.ts';
import { readLanguage } from './page-keys.ts';

/** Longer than any sentence of a page. */
const textCharactersMax = 2_000;
const languagesMax = 40;

type Written = Readonly<Record<string, Readonly<Partial<Record<TextKey, string>>>>>;

export type ReadTexts = Readonly<{
  texts: ReadonlyMap<string, Texts>;
  /** How many texts of a language that is not ours are still in English. */
  missing: ReadonlyMap<string, number>;
}>;

/**
 * The usual texts with those of the file in their place. A language that is new begins with the texts of its language at
 * large (`pt` for `pt-br`), where there are any, else with English.
 * Errors: `file-missing`; `config-malformed`, with line and column, for what is no text of ours or has other braces.
 */
export function readTexts(path: string, bytesMax: number): ReadTexts {
  const written = parsedOrThrow(read(path, bytesMax), path);
  const texts = new Map(usualPages.texts);
  const missing = new Map<string, number>();
  // `pt` before `pt-br`.
  for (const [language, own] of Object.entries(written).toSorted(([one], [other]) => one.length - other.length)) {
    const large = language.split('-')[0] ?? '';
    const left = Object.keys(en).length - Object.keys(own).length;
    if (!texts.has(language) && !texts.has(large) && left > 0) missing.set(language, left);
    texts.set(language, Object.freeze({ ...(texts.get(language) ?? texts.get(large) ?? en), ...own }));
  }
  return { texts, missing };
}

function parsedOrThrow(text: string, path: string): Written {
  const parsed = textsParser().parse(text, path);
  if (parsed.ok) return parsed.config;
  const [first = { line: 1, column: 1, sentence: 'this is no file of texts' }, ...more] = parsed.problems;
  throw new SallyportError('config-malformed', problemWords(first, path, more.length === 0 ? '' : ` (and ${more.length} more)`), {
    hint: 'See which texts there are: sallyport config texts',
  });
}

/** A file to begin with. Errors: `usage-wrong` for what is no language. */
export function textsFile(written: string): string {
  const language = readLanguage(written);
  if (language === null) throw new SallyportError('usage-wrong', `${written} is no language.`, { hint: 'Say one like fr or pt-BR.' });
  return yaml().stringify({ [language]: usualPages.texts.get(language) ?? en }, { lineWidth: 0 });
}

function textsParser() {
  const shape = Object.fromEntries(Object.keys(en).map((key) => [key, textSchema(key as TextKey).optional()]));
  const language = z
    .string()
    .refine((text) => readLanguage(text) !== null, 'a language like de or pt-BR')
    .transform((text) => text.toLowerCase());
  const schema = z
    .record(language, z.strictObject(shape, { error: 'texts by name, like { login.button: Let me in }' }), {
      error: 'texts by language, like de: { login.button: Herein }',
    })
    .refine((file) => Object.keys(file).length <= languagesMax, `at most ${languagesMax} languages`);
  return fileParser<z.output<typeof schema>, Written>({
    title: 'Texts of pages',
    schema,
    contradictions: (_file, { value, place }) =>
      spelledTwice(value).map((key) => ({ ...place([], key), sentence: `${key}: found this language a second time, expected it once` })),
    // Only keys of ours passed the schema, and only texts.
    settle: (file) =>
      Object.fromEntries(
        Object.entries(file).map(([each, own]) => [each, Object.fromEntries(Object.entries(own).filter(([, text]) => text !== undefined))]),
      ),
  });
}

/** `pt` and `PT` are one language. */
function spelledTwice(file: unknown): readonly string[] {
  const keys = typeof file === 'object' && file !== null ? Object.keys(file) : [];
  return keys.filter((key, at) => keys.findIndex((each) => each.toLowerCase() === key.toLowerCase()) < at);
}

function textSchema(key: TextKey) {
  const known = bracesOf(en[key]);
  const expected = known.length === 0 ? 'a text without braces' : `a text whose only braces are {${known.join('} and {')}}`;
  return z
    .string({ error: 'a text' })
    .min(1, 'a text')
    .max(textCharactersMax, `at most ${textCharactersMax} characters`)
    .refine((text) => en[key].includes('\n') || !text.includes('\n'), 'a text of one line')
    .refine((text) => bracesOf(text).every((name) => known.includes(name)), expected);
}

function read(path: string, bytesMax: number): string {
  try {
    if (statSync(path).size <= bytesMax) return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new SallyportError('file-missing', `There is no file ${path} that can be read.`, {
      hint: 'Check the path and its rights.',
      cause,
    });
  }
  throw new SallyportError('config-malformed', `${path} is longer than a file of texts may be: ${bytesMax} bytes.`, {
    hint: 'A file holds only the texts that differ.',
  });
}
