/** A configuration of Pound as a tree of directives with their lines: versions 1, 2 and 4, of which each is written otherwise. */

import { SallyportError } from '../../core/errors.ts';

export type Directive = Readonly<{
  line: number;
  /** As it is written; `key` is the same in small letters, in which Pound compares. */
  name: string;
  key: string;
  words: readonly string[];
  /** The line itself, for a comment. */
  text: string;
  /** What stands between it and its End; null where it has none. */
  body: readonly Directive[] | null;
}>;

/** Pound's own sections go four deep. */
const depthMax = 12;

/** Errors: `config-malformed`, with the line. */
export function readPound(text: string, named: string): readonly Directive[] {
  const top: Directive[] = [];
  const open: { body: Directive[]; line: number; key: string }[] = [];
  const lines = text.split(/\r\n|\n|\r/);
  for (const [index, raw] of lines.entries()) {
    const line = index + 1;
    const words = wordsOf(raw, (sentence) => malformed(named, line, sentence));
    const [name, ...rest] = words;
    if (name === undefined) continue;
    const key = name.toLowerCase();
    if (key === 'end' || key === 'endgroup') {
      if (open.pop() === undefined) throw malformed(named, line, `found ${name}, and nothing is open`);
      continue;
    }
    const within = open.at(-1)?.key ?? null;
    const body: Directive[] | null = opens(key, rest, within) ? [] : null;
    (open.at(-1)?.body ?? top).push({ line, name, key, words: rest, text: raw.trim(), body });
    if (body === null) continue;
    if (open.length >= depthMax) throw malformed(named, line, `found ${name} nested ${depthMax} deep, expected less`);
    open.push({ body, line, key: blockKey(key, rest) });
  }
  const left = open.at(-1);
  if (left !== undefined) throw malformed(named, left.line, 'found no End for what is opened here');
  return top;
}

/** Errors of a Pound configuration have one form. */
export function malformed(named: string, line: number, sentence: string): SallyportError {
  return new SallyportError('config-malformed', `${named}, line ${line}: ${sentence}.`, {
    hint: 'Does Pound itself take it (pound -c -f FILE)? If it does, leave out the line, and please report it.',
  });
}

/** Words between blanks; what stands in quotes is one, with \" and \\ in it. # begins a comment where a word could begin. */
function wordsOf(raw: string, fault: (sentence: string) => SallyportError): readonly string[] {
  const words: string[] = [];
  for (let at = 0; at < raw.length;) {
    if (/\s/.test(raw.charAt(at))) at += 1;
    else if (raw.charAt(at) === '#') break;
    else if (raw.charAt(at) === '"') {
      let word = '';
      for (at += 1; raw.charAt(at) !== '"'; at += 1) {
        if (at >= raw.length) throw fault('found no second " of a quoted text');
        // Only a quote and a backslash are escaped; in a pattern, \. is itself.
        if (raw.charAt(at) === '\\' && (raw.charAt(at + 1) === '"' || raw.charAt(at + 1) === '\\')) at += 1;
        word += raw.charAt(at);
      }
      at += 1;
      words.push(word);
    } else {
      const from = at;
      while (at < raw.length && !/\s/.test(raw.charAt(at))) at += 1;
      words.push(raw.slice(from, at));
    }
  }
  return words;
}

const always: ReadonlySet<string> = new Set([
  'service',
  'urlgroup',
  'match',
  'rewrite',
  'combineheaders',
  'resolver',
  'emergency',
  'tunnel',
  'stringmatch',
]);
/** Of one word they are a name, of two (or one with a comma) an address, as version 1 has it. */
const named: ReadonlySet<string> = new Set(['listenhttp', 'listenhttps', 'backend']);
/** At the top they are made, below it used. */
const madeAtTop: ReadonlySet<string> = new Set(['acl', 'condition']);

function opens(key: string, words: readonly string[], within: string | null): boolean {
  if (key === 'not') return words[0] !== undefined && opens(words[0].toLowerCase(), words.slice(1), within);
  const plain = words.filter((word) => !word.startsWith('-'));
  const fromFile = words.some((word) => word === '-file' || word === '-filewatch');
  if (key === 'emergency') return !isAddress(plain[0]);
  if (always.has(key)) return true;
  if (named.has(key)) return plain.length <= 1 && !isAddress(plain[0]);
  if (madeAtTop.has(key)) return !fromFile && (within === null || plain.length === 0);
  if (key === 'trustedip') return plain.length === 0 && !fromFile;
  return (key === 'control' || key === 'configtext' || key === 'session') && plain.length === 0;
}

function isAddress(word: string | undefined): boolean {
  return word?.includes(',') === true;
}

function blockKey(key: string, words: readonly string[]): string {
  return key === 'not' ? (words[0]?.toLowerCase() ?? key) : key;
}
