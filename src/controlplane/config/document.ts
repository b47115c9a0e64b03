/** A YAML text as a value that knows where each of its parts stands. */

import { createRequire } from 'node:module';
import type { Document } from 'yaml';

/** Where and what: `sentence` is what is wrong there, without a full stop. */
export type Problem = Readonly<{ line: number; column: number; sentence: string }>;

export type Path = readonly PropertyKey[];

export type ReadDocument = Readonly<{
  value: unknown;
  /** The place of a value; with `key`, of the key itself. Falls back to what encloses it. */
  place: (path: Path, key?: string) => Readonly<{ line: number; column: number }>;
}>;

/** Loaded with the first file that is read: what a command says itself needs none of its seventy modules. */
export const yaml = (): typeof import('yaml') => createRequire(import.meta.url)('yaml') as typeof import('yaml');

/** A handful of anchors is style; thousands are an attack on memory ("billion laughs"). */
const aliasesMax = 50;

/** In our words, for the mistakes that people make; the library's own words do for the rest. */
const sentences: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: 'found a tab, expected spaces: YAML cannot be indented with tabs',
  DUPLICATE_KEY: 'found this key a second time, expected it once',
  MULTIPLE_DOCS: 'found a second document after ---, expected one',
  NON_STRING_KEY: 'found a list or a map as a key, expected a word',
};

/** Reads one YAML 1.2 document strictly: no duplicate keys, no unknown tags, no loops. */
export function readDocument(
  text: string,
): { readonly ok: true; readonly document: ReadDocument } | { readonly ok: false; readonly problems: readonly Problem[] } {
  const { LineCounter, parseDocument } = yaml();
  const lines = new LineCounter();
  const place = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  try {
    const document = parseDocument(text, {
      lineCounter: lines,
      prettyErrors: false,
      strict: true,
      uniqueKeys: true,
      stringKeys: true,
      merge: false,
      logLevel: 'error',
    });
    const faults = [...document.errors, ...document.warnings].map((error) => ({
      ...place(error.pos[0]),
      sentence: sentences[error.code] ?? yamlWords(error.message),
    }));
    // A mistake of syntax makes others after it: only the first is true for certain.
    if (faults[0] !== undefined) return { ok: false, problems: [faults[0]] };
    const problems = oddities(document).map(({ offset, sentence }) => ({ ...place(offset), sentence }));
    if (problems.length > 0) return { ok: false, problems };
    const value: unknown = document.toJS({ maxAliasCount: aliasesMax });
    return { ok: true, document: { value, place: (path, key) => place(offsetOf(document, path, key)) } };
  } catch (error) {
    // A RangeError is a text nested deeper than the stack; a ReferenceError, aliases without an anchor or too many of them.
    const sentence =
      error instanceof RangeError
        ? 'found a text nested too deeply, expected a few levels'
        : yamlWords(error instanceof Error ? error.message : 'not YAML');
    return { ok: false, problems: [{ line: 1, column: 1, sentence }] };
  }
}

/**
 * JSON of our own making, from a command line. It reads as it would from a file, since JSON is YAML, and as YAML it is read for the
 * places of its parts, when somebody asks for one. What only a text can have wrong (a key twice, a tab) it has not.
 */
export function ownDocument(text: string): ReturnType<typeof readDocument> {
  if (text.includes('__proto__')) return readDocument(text);
  const value: unknown = JSON.parse(text);
  return {
    ok: true,
    document: {
      value,
      place: (path, key) => {
        const read = readDocument(text);
        return read.ok ? read.document.place(path, key) : { line: 1, column: 1 };
      },
    },
  };
}

type Oddity = Readonly<{ offset: number; sentence: string }>;

/** What YAML permits and a configuration does not. */
function oddities(document: Document.Parsed): Oddity[] {
  const { isScalar, visit } = yaml();
  const found: Oddity[] = [];
  visit(document, {
    Alias(_key, node, ancestors) {
      const target = node.resolve(document);
      if (target === undefined)
        found.push({ sentence: `found *${node.source}, expected an anchor &${node.source} before it`, offset: node.range?.[0] ?? 0 });
      else if (ancestors.includes(target))
        found.push({ sentence: `found *${node.source} inside of itself, expected no loop`, offset: node.range?.[0] ?? 0 });
    },
    Pair(_key, pair) {
      // A validator that copies objects loses this key without a word.
      if (isScalar(pair.key) && pair.key.value === '__proto__')
        found.push({ sentence: 'found the key __proto__, expected another name', offset: pair.key.range?.[0] ?? 0 });
    },
  });
  return found;
}

/** The library's message as the rest of our sentence. */
function yamlWords(message: string): string {
  return `this is not YAML: ${message.charAt(0).toLowerCase()}${message.slice(1)}`;
}

function offsetOf(document: Document.Parsed, path: Path, key: string | undefined): number {
  const { isMap, isScalar, isSeq } = yaml();
  for (let length = path.length; length >= 0; length--) {
    const node: unknown = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    if (key !== undefined && length === path.length && isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && item.key.value === key);
      if (isScalar(pair?.key)) return pair.key.range?.[0] ?? 0;
    }
    if (isScalar(node) || isMap(node) || isSeq(node)) return node.range?.[0] ?? 0;
  }
  return 0;
}
