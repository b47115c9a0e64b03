/** What is wrong with a value, in one sentence: where, what was found, what was expected. */

import type { core } from 'zod';
import { nearest } from './nearest.ts';
import type { Path, Problem, ReadDocument } from './document.ts';

type Issue = core.$ZodIssue;

/** The JSON Schema of the configuration, as far as known keys are looked up in it. */
export type KeyTree = Readonly<{
  properties?: Readonly<Record<string, KeyTree>>;
  additionalProperties?: KeyTree | boolean;
  items?: KeyTree;
  anyOf?: readonly KeyTree[];
  /** A part that stands at the top for all of its places. */
  $ref?: string;
  $defs?: Readonly<Record<string, KeyTree>>;
}>;

/** One problem for each issue (each unknown key of it), in the order of the text. */
export function complaints(issues: readonly Issue[], document: ReadDocument, keys: KeyTree): readonly Problem[] {
  return issues
    .flatMap((issue) => problemsOf(issue, [], document, keys))
    .toSorted((left, right) => left.line - right.line || left.column - right.column);
}

function problemsOf(issue: Issue, above: Path, document: ReadDocument, keys: KeyTree): readonly Problem[] {
  const path = [...above, ...issue.path];
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({
        ...document.place(path, key),
        sentence: `${dotted([...path, key])}: ${unknownKey(key, knownKeys(keys, path))}`,
      }));
    case 'invalid_key':
      return [
        {
          ...document.place(path.slice(0, -1), String(path.at(-1))),
          sentence: `${dotted(path.slice(0, -1))}: found ${shown(path.at(-1), [])}, expected ${expectation(issue.issues[0] ?? issue)}`,
        },
      ];
    case 'invalid_union': {
      const branch = likeliest(issue.errors);
      if (branch !== null) return branch.flatMap((inner) => problemsOf(inner, path, document, keys));
      break;
    }
    default:
  }
  return [
    {
      ...document.place(path),
      sentence: `${dotted(path)}: found ${shown(valueAt(document.value, path), path)}, expected ${expectation(issue)}`,
    },
  ];
}

/** The branch that was meant: the one whose own kind fitted, so that something inside of it is wrong. Null when none fitted. */
function likeliest(branches: readonly (readonly Issue[])[]): readonly Issue[] | null {
  const fitting = branches.filter((branch) => branch.length > 0 && branch.every(isInside));
  // Of maps that are told apart by their keys, the one that has all the keys that were found.
  const knowing = fitting.length === 1 ? fitting : fitting.filter((branch) => branch.every(({ code }) => code !== 'unrecognized_keys'));
  return knowing.length === 1 ? (knowing[0] ?? null) : null;
}

function isInside(issue: Issue): boolean {
  if (issue.path.length > 0 || issue.code === 'unrecognized_keys' || issue.code === 'custom' || issue.code === 'too_small') return true;
  return issue.code === 'invalid_union' && likeliest(issue.errors) !== null;
}

function unknownKey(key: string, known: readonly string[]): string {
  const meant = nearest(key, known);
  if (meant !== null) return `unknown key, did you mean ${meant}?`;
  return known.length === 0 ? 'unknown key' : `unknown key, expected one of ${known.join(', ')}`;
}

/** Our schemas say what they expected; those of guards may leave it to zod, whose words are put into ours. */
function expectation(issue: Issue): string {
  if (!/^(?:Invalid|Too |Unrecognized)/.test(issue.message)) return issue.message;
  switch (issue.code) {
    case 'invalid_type':
      return kinds[issue.expected] ?? `a ${issue.expected}`;
    case 'invalid_value':
      return `one of ${issue.values.map(String).join(', ')}`;
    case 'too_small':
      return `at least ${issue.minimum}${lengths[issue.origin] ?? ''}`;
    case 'too_big':
      return `at most ${issue.maximum}${lengths[issue.origin] ?? ''}`;
    default:
      return 'another form';
  }
}

const kinds: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map of settings',
  record: 'a map of settings',
};
const lengths: Readonly<Record<string, string>> = { string: ' characters', array: ' entries', map: ' entries', set: ' entries' };

/** A value as a message may show it: short, and never what could be a secret. */
function shown(value: unknown, path: Path): string {
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') return 'a map';
  if (path.some((part) => /pass|secret|token|key|hash/i.test(String(part))))
    return typeof value === 'string' ? 'a text' : `a ${typeof value}`;
  // A password before the host of a URL (its userinfo) does not belong into a file, and even less into a log.
  if (typeof value === 'string' && /:\/\/[^/]*@/.test(value)) return 'a URL with a user';
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (at, key) =>
      typeof at === 'object' && at !== null && Object.hasOwn(at, key) ? (at as Readonly<Record<PropertyKey, unknown>>)[key] : undefined,
    value,
  );
}

/** `services.blog.access[0]`. */
function dotted(path: Path): string {
  const text = path.reduce<string>(
    (so, part) => (typeof part === 'number' ? `${so}[${part}]` : so === '' ? String(part) : `${so}.${String(part)}`),
    '',
  );
  return text === '' ? 'the file' : text;
}

function knownKeys(tree: KeyTree, path: Path): readonly string[] {
  let at: readonly KeyTree[] = [tree];
  for (const part of path) at = at.flatMap((node) => branches(node, tree)).flatMap((node) => below(node, part));
  return [...new Set(at.flatMap((node) => branches(node, tree)).flatMap((node) => Object.keys(node.properties ?? {})))];
}

function branches(node: KeyTree, root: KeyTree): readonly KeyTree[] {
  const referred = node.$ref === undefined ? undefined : root.$defs?.[node.$ref.slice(node.$ref.lastIndexOf('/') + 1)];
  return [node, ...[...(node.anyOf ?? []), ...(referred === undefined ? [] : [referred])].flatMap((inner) => branches(inner, root))];
}

function below(node: KeyTree, part: PropertyKey): readonly KeyTree[] {
  if (typeof part === 'number') return node.items === undefined ? [] : [node.items];
  const named = Object.hasOwn(node.properties ?? {}, part) ? node.properties?.[String(part)] : undefined;
  if (named !== undefined) return [named];
  return typeof node.additionalProperties === 'object' ? [node.additionalProperties] : [];
}
