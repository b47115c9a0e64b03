/** `match:` in the file: which exchanges a rule or a route is about. Read into what the policy asks, or refused here. */

import { z } from 'zod';
import type { ZodType } from 'zod';
import { parseNetwork } from '../../core/address.ts';
import { canonicalHost } from '../../core/http/host.ts';
import { isRemovedFromRequest } from '../../core/http/removed-fields.ts';
import { consistsOf, tokenOctet, valueOctet } from '../../core/http/octets.ts';
import { addressMatch, allOf, always, anyOf, hostMatch, methodMatch, not } from '../../core/policy/match.ts';
import type { Match, MatchMade } from '../../core/policy/match.ts';
import { exactPath, globPath, prefixPath, regexPath } from '../../core/policy/match-path.ts';
import { isZone, readTimeOfDay, timeMatch, weekdays, type TimeSpan } from '../../core/policy/match-time.ts';
import { headerMatch, queryMatch, type Wanted } from '../../core/policy/match-values.ts';
import { readHostName } from './forms.ts';
import { formed } from './pieces.ts';

/** Entries of one list, and how deep `any`, `all` and `not` may stand in each other: a rule is read by people. */
const entriesMax = 100;
const depthMax = 4;

const example = 'what to look at, like { path: /admin/** }';

/** One for each depth, so that the published schema has each once. */
const levels = new Map<number, ZodType<Match>>();

let timeOnce: ZodType<TimeSpan> | null = null;

/** One, so that the published schema has it once. */
function timeKey(): ZodType<TimeSpan> {
  return (timeOnce ??= timeSchema().meta({ id: 'time' }));
}

/** The keys of one `match` must all hold; of a list under a key any one does. */
export function matchSchema(depth = 0): ZodType<Match> {
  const known = levels.get(depth);
  if (known !== undefined) return known;
  const level = levelSchema(depth === depthMax ? z.never({ error: `any, all and not at most ${depthMax} deep` }) : matchSchema(depth + 1));
  levels.set(depth, level.meta({ id: depth === 0 ? 'match' : `match${depth}` }));
  return levels.get(depth) ?? level;
}

function levelSchema(inner: ZodType<Match>): ZodType<Match> {
  const inners = z
    .array(inner, { error: 'a list of matches' })
    .min(1, 'at least one match')
    .max(entriesMax, `at most ${entriesMax} matches`);
  const shape = {
    host: several(formed(readHostMatch, 'a name like blog.example.org or *.example.org')).describe(
      'The name that was asked for: exact, *.NAME for one label more, **.NAME for any.',
    ),
    path: several(pathSchema()).describe(
      'The path: exact, or with * (not across a slash) and ** (anything; /admin/** is /admin and all below it); or { prefix }, { exact }, { regex }.',
    ),
    method: several(formed(readMethod, 'a method in capitals, like GET')).describe('The method.'),
    query: z
      .record(z.string().min(1).max(200), wanted(), { error: 'parameters by name, like { draft: true }' })
      .describe('Parameters of the query: a value (with * for anything), true for any value, false for none.'),
    header: z
      .record(formed(readFieldName, fieldExpected), wanted(), { error: 'fields by name, like { x-team: blue }' })
      .describe('Fields of the request: a value (with * for anything), true for any value, false for none.'),
    from: several(formed(parseNetwork, 'an address or a network, like 192.0.2.0/24')).describe("The visitor's address."),
    time: timeKey().describe('When: a time of the day, and perhaps days, by the clock of a zone.'),
    any: inners.describe('Any one of these must hold.'),
    all: inners.describe('All of these must hold.'),
    not: inner.describe('This must not hold.'),
  };
  return z
    .strictObject(shape, { error: example })
    .partial()
    .transform((keys, context): Match => {
      const parts = [
        ...(keys.host === undefined ? [] : [anyOf(keys.host.map(hostMatch))]),
        ...(keys.path === undefined ? [] : [anyOf(keys.path)]),
        ...(keys.method === undefined ? [] : [methodMatch(keys.method)]),
        ...Object.entries(keys.query ?? {}).map(([name, value]) => queryMatch(name, value)),
        ...Object.entries(keys.header ?? {}).map(([name, value]) => headerMatch(name, value)),
        ...(keys.from === undefined ? [] : [addressMatch(keys.from)]),
        ...(keys.time === undefined ? [] : [timeMatch(keys.time)]),
        ...(keys.any === undefined ? [] : [anyOf(keys.any)]),
        ...(keys.all === undefined ? [] : [allOf(keys.all)]),
        ...(keys.not === undefined ? [] : [not(keys.not)]),
      ];
      if (parts.length === 0 && context.issues.length === 0) context.issues.push({ code: 'custom', message: example, input: keys });
      return parts.length === 0 ? always : allOf(parts);
    });
}

function several<Value>(one: ZodType<Value>) {
  return z.union(
    [
      one.transform((value): readonly Value[] => [value]),
      z.array(one, { error: 'one or a list' }).min(1, 'at least one').max(entriesMax, `at most ${entriesMax}`),
    ],
    { error: 'one or a list' },
  );
}

function pathSchema(): ZodType<Match> {
  const forms = { exact: exactPath, prefix: prefixPath, glob: globPath, regex: regexPath } as const;
  const text = z.string({ error: 'a path like /admin/**' });
  const said = (make: (text: string) => MatchMade) =>
    text.transform((value, context): Match => {
      const made = make(value);
      if (made.ok) return made.match;
      context.issues.push({ code: 'custom', message: made.expected, input: value });
      return z.NEVER;
    });
  const error = 'a path, or one of { exact }, { prefix }, { glob }, { regex }';
  const keyed = z
    .strictObject(
      {
        exact: said(forms.exact).optional().describe('This very path, stars and all.'),
        prefix: said(forms.prefix).optional().describe('This path and all below it.'),
        glob: said(forms.glob).optional().describe('A path with * and **.'),
        regex: said(forms.regex).optional().describe('A regular expression of the whole path.'),
      },
      { error },
    )
    .transform((keys, context): Match => {
      const [only, ...more] = Object.values(keys).filter((match) => match !== undefined);
      if (only !== undefined && more.length === 0) return only;
      if (context.issues.length === 0) context.issues.push({ code: 'custom', message: error, input: keys });
      return z.NEVER;
    });
  return z.union([said(globPath), keyed], { error });
}

function timeOfDay(expected: string) {
  return z
    .string({ error: expected })
    .refine((text) => readTimeOfDay(text) !== null, expected)
    .transform((text) => readTimeOfDay(text) ?? 0);
}

function timeSchema(): ZodType<TimeSpan> {
  const error = "a time, like { from: '08:00', to: '18:00', days: [mon, fri], zone: Europe/Vienna }";
  const zoneExpected = 'a time zone, like Europe/Vienna or UTC';
  return z.strictObject(
    {
      from: timeOfDay("a time of the day, like '08:00'").describe('From this minute on.'),
      to: timeOfDay("a time of the day, like '18:00'").describe('Until this minute begins; at or before from, on the next day.'),
      days: z
        .array(z.enum(weekdays, { error: 'a day: mon, tue, wed, thu, fri, sat or sun' }), { error: 'a list of days, like [mon, fri]' })
        .min(1, 'one day at least')
        .prefault([...weekdays])
        .describe('On which days it begins; left out, every day.'),
      zone: z.string({ error: zoneExpected }).refine(isZone, zoneExpected).describe('Whose clock: Europe/Vienna, UTC.'),
    },
    { error },
  );
}

function wanted(): ZodType<Wanted> {
  const error = 'a text (with * for anything), true or false';
  return z.union(
    [
      z.boolean({ error }),
      z.number({ error }).transform(String),
      z
        .string({ error })
        .max(200, 'a text of 200 characters at most')
        .refine((text) => consistsOf(text, valueOctet), error),
    ],
    { error },
  );
}

function readHostMatch(text: string): string | null {
  const stars = /^\*{1,2}\./.exec(text)?.[0] ?? '';
  // What stands behind a star is a name, and no address.
  const name = stars === '' ? readHostName(text) : canonicalHost(text.slice(stars.length));
  return name === null || (stars !== '' && (name.startsWith('[') || /^[\d.]+$/.test(name))) ? null : stars + name;
}

function readMethod(text: string): string | null {
  return /^[A-Z][A-Z-]{0,19}$/.test(text) ? text : null;
}

const fieldExpected = 'a field that visitors may send, like x-team; for Host say host, for addresses from';

/** Nothing that is taken out on the way, and nothing that only a proxy may say. */
function readFieldName(text: string): string | null {
  const lower = text.toLowerCase();
  return lower.length > 0 && lower.length <= 100 && consistsOf(lower, tokenOctet) && !isRemovedFromRequest(lower) ? lower : null;
}
