/** A table of what a configuration is expected to decide: read, asked, and compared. */

import { z } from 'zod';
import { codes, type Code } from '../../core/errors.ts';
import { userName } from '../../core/policy/credentials.ts';
import { fileParser } from './file-parser.ts';
import type { FileParser } from './file-parser.ts';
import type { Answer, Question } from './question.ts';

/** The three ends of a question, or the code of a refusal: which of its reasons it must be. */
export type Wanted = Answer['verdict'] | Code;

export type Expectation = Question & Readonly<{ want: Wanted }>;

/** `people` and `keys` stand in for those of the gateway: names, each with its roles everywhere. */
export type Expectations = Readonly<{
  /** The configuration that is asked, absolute; null for the usual one. */
  config: string | null;
  /** The name that a relay would have granted. */
  relay: string | null;
  people: ReadonlyMap<string, readonly string[]>;
  keys: ReadonlyMap<string, readonly string[]>;
  tests: readonly Expectation[];
}>;

export type Outcome = Readonly<{ expected: Expectation; found: Answer; ok: boolean }>;

const testsMax = 10_000;
const roles = z.union([z.string(), z.array(z.string())], { error: 'a role, or a list of roles' }).transform((text) => [text].flat());
const name = z.string().refine((text) => userName(text) === text, 'a name in small letters, digits and . _ -');
const named = z.record(name, roles, { error: 'names, each with its roles, like { ana: [editor], ben: [] }' });
const verdicts: ReadonlySet<string> = new Set(['admit', 'ask', 'refuse']);
const wanted = z.custom<Wanted>(
  (text) => typeof text === 'string' && (verdicts.has(text) || Object.hasOwn(codes, text)),
  'admit, ask, refuse, or the code of a refusal, like rule-denied',
);

const schema = z.strictObject({
  config: z.string().optional().describe('The configuration that is asked; seen from this file. sallyport.yaml unless said.'),
  relay: z.string().optional().describe('The name that a relay would have granted, like ana.example.org.'),
  people: named.optional().describe('Who is a user, and their roles.'),
  keys: named.optional().describe('Which API keys there are, and their roles.'),
  from: z.string().prefault('192.0.2.1').describe('Where visitors come from, unless a test says otherwise.'),
  tests: z
    .array(
      z.strictObject(
        {
          url: z.string().describe('The address that is asked for.'),
          method: z.string().prefault('GET').describe('The method of the request.'),
          from: z.string().optional().describe('The address of the visitor.'),
          as: z.string().optional().describe('Who shows their credential: a user, key:NAME, or certificate:NAME. Nobody unless said.'),
          want: wanted.describe('admit, ask (for a credential), refuse, or the code of a refusal.'),
        },
        { error: 'a test, like { url: https://blog.example.org/admin, as: ana, want: admit }' },
      ),
    )
    .min(1, 'one test at least')
    .max(testsMax, `${testsMax} tests at most`),
});

type File = z.output<typeof schema>;

export function expectationsParser(): FileParser<Expectations> {
  return fileParser({ title: 'Sallyport policy tests', schema, contradictions: () => [], settle });
}

function settle(file: File, absolute: (path: string) => string): Expectations {
  const { config, relay, people = {}, keys = {}, from, tests } = file;
  return {
    config: config === undefined ? null : absolute(config),
    relay: relay ?? null,
    people: new Map(Object.entries(people)),
    keys: new Map(Object.entries(keys)),
    tests: tests.map((each) => ({
      url: each.url,
      method: each.method.toUpperCase(),
      from: each.from ?? from,
      as: each.as ?? null,
      want: each.want,
    })),
  };
}

/** Asks one after the other. Errors: `usage-wrong` for a URL, a method or an address that is none. */
export async function compareAll(
  tests: readonly Expectation[],
  answer: (question: Question) => Promise<Answer>,
): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const expected of tests) {
    const { url, method, from, as, want } = expected;
    const found = await answer({ url, method, from, as });
    // A code is what the record says of a refusal; who is asked for a credential is refused with one as well.
    outcomes.push({ expected, found, ok: verdicts.has(want) ? found.verdict === want : found.code === want });
  }
  return outcomes;
}
