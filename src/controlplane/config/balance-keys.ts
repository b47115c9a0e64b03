/** `to:` as a list, `balance:` and `timeouts:` of a service: several backends, which of them is asked, and how long. */

import { z } from 'zod';
import type { ZodType } from 'zod';
import { consistsOf, tokenOctet } from '../../core/http/octets.ts';
import { defaults } from '../../core/limits.ts';
import { literalPath } from '../../core/policy/match-path.ts';
import type { BalancePlan, TimeoutsPlan } from './balance-plan.ts';
import { parseDuration } from './duration.ts';
import { formed, oneOf } from './pieces.ts';
import type { Behind, BehindMember } from './plan.ts';

const weightExpected = 'a weight from 0 to 1000; 0 takes nobody new';
const entryExpected = 'a port, a URL, or { to: URL, weight: 3, emergency: true }';

/** @param one the schema of what an entry dials */
export function listSchema(one: ZodType<Behind>): ZodType<Behind> {
  const bare = one.transform((behind) => ({ behind, weight: 1, emergency: false }));
  const said = z
    .strictObject(
      {
        to: one.describe('The backend, as a service has it.'),
        weight: z
          .int({ error: weightExpected })
          .min(0, weightExpected)
          .max(1_000, weightExpected)
          .prefault(1)
          .describe('How much of all it takes, in proportion. 0: nobody new, only who sticks to it.'),
        emergency: z.boolean({ error: 'true or false' }).prefault(false).describe('Used only when all others are away.'),
      },
      { error: entryExpected },
    )
    .transform(({ to, ...rest }) => ({ behind: to, ...rest }));
  const expected = `a list of backends, ${defaults.backendsMax} at most`;
  return z
    .array(z.union([bare, said], { error: entryExpected }), { error: expected })
    .min(1, 'at least one backend')
    .max(defaults.backendsMax, expected)
    .transform((entries, context): Behind => {
      const found = listed(entries);
      if (typeof found !== 'string') return found;
      if (context.issues.length === 0) context.issues.push({ code: 'custom', message: found, input: entries });
      return z.NEVER;
    });
}

type Entry = Readonly<{ behind: Behind; weight: number; emergency: boolean }>;

/** The first stands for all where one is meant. A text says what is wrong. */
function listed(entries: readonly Entry[]): Behind | string {
  const members = entries.flatMap(({ behind, ...rest }): BehindMember[] =>
    behind.is === 'http' || behind.is === 'tcp' || behind.is === 'tls' ? [{ behind, ...rest }] : [],
  );
  const [first] = members;
  if (first === undefined || members.length < entries.length || members.some(({ behind }) => behind.is !== first.behind.is))
    return 'backends of one kind: all of http (or https, h2c, h2, unix), all tcp:// or all tls://';
  const places = members.map(({ behind }) => ('socket' in behind ? behind.socket : `${behind.host}:${behind.port}`));
  if (new Set(places).size < places.length) return 'each backend once; for more of one, give it a weight';
  if (!members.some(({ weight, emergency }) => weight > 0 && !emergency))
    return 'one backend at least that takes everybody: with a weight, and not for an emergency';
  return { ...first.behind, members };
}

function span(least: number, most: number, expected: string) {
  return formed((text) => {
    const ms = parseDuration(text);
    return ms === null || ms === 'never' || ms < least || ms > most ? null : ms;
  }, expected);
}

const second = 1_000;
const hour = 3_600_000;
const upToHour = 'a time from 1s to 1h';
const path = formed((text) => {
  const read = literalPath(text);
  return read === null || read.includes('*') || read.length > 1_000 ? null : text;
}, 'a path like /health');
const fieldName = formed((text) => {
  const lower = text.toLowerCase();
  return lower.length > 0 && lower.length <= 100 && consistsOf(lower, tokenOctet) && lower !== 'cookie' ? lower : null;
}, 'the name of a field, like X-Session');

/** `balance:`. */
export function balanceKey() {
  const stickyExpected = 'cookie, address or { header: NAME }';
  const count = 'a number from 1 to 100';
  const connections = 'a number from 1 to 100000';
  const check = z.strictObject(
    {
      path: path
        .optional()
        .describe('What is asked of each backend: 2xx and 3xx are well. Left out, only one that is away is asked, for nothing.'),
      every: span(second, hour, upToHour).prefault('2s').describe('How often.'),
      within: span(second, hour, upToHour).prefault('2s').describe('How long an answer may take.'),
      fails: z.int({ error: count }).min(1, count).max(100, count).prefault(3).describe('So many failures in a row, and it is away.'),
    },
    { error: 'checks like { path: /health, every: 2s }' },
  );
  return z
    .strictObject(
      {
        by: oneOf(['turns', 'least']).prefault('turns').describe('turns: each in its turn. least: the one with the fewest requests.'),
        sticky: z
          .union([z.enum(['cookie', 'address']), z.strictObject({ header: fieldName.describe('The field.') })], { error: stickyExpected })
          .optional()
          .describe('What leads a visitor back to the backend that they had.'),
        check: check.prefault({}).describe('How it is seen that a backend is away, and that it is back.'),
        slowstart: span(second, hour, upToHour).optional().describe('How long one that came back takes to get its whole share.'),
        connections: z
          .int({ error: connections })
          .min(1, connections)
          .max(100_000, connections)
          .optional()
          .describe('Connections to each backend at once.'),
      },
      { error: 'settings like { by: least, sticky: cookie, check: { path: /health } }' },
    )
    .optional()
    .describe('How requests are spread over the backends of a list in to.');
}

/** `timeouts:`. */
export function timeoutsKey() {
  const upToDay = 'a time from 1s to 24h';
  return z
    .strictObject(
      {
        dial: span(second, hour, upToHour).optional().describe('For a connection to be taken. Default 5s.'),
        answer: span(second, 24 * hour, upToDay)
          .optional()
          .describe('From the end of a request to the head of its answer. Default 2m.'),
        idle: span(second, 24 * hour, upToDay)
          .optional()
          .describe('Between two pieces of an answer. Default 2m.'),
      },
      { error: 'times like { dial: 5s, answer: 30s, idle: 1m }' },
    )
    .optional()
    .describe('How long the service may take.');
}

type Checked = Readonly<{
  balance?: z.output<ReturnType<typeof balanceKey>>;
  timeouts?: z.output<ReturnType<typeof timeoutsKey>>;
}>;

/** Nothing where nothing is said. */
export function settleBalance({ balance, timeouts }: Checked): Readonly<{ balance?: BalancePlan; timeouts?: TimeoutsPlan }> {
  return {
    ...(balance === undefined ? {} : { balance: settled(balance) }),
    ...(timeouts === undefined ? {} : { timeouts: times(timeouts) }),
  };
}

function settled({ by, sticky, check, slowstart, connections }: NonNullable<Checked['balance']>): BalancePlan {
  const held =
    sticky === undefined ? null : typeof sticky === 'string' ? ({ by: sticky } as const) : ({ by: 'header', name: sticky.header } as const);
  const { path: asked = null, every, within, fails } = check;
  return {
    rules: { by, sticky: held, path: asked, everyMs: every, withinMs: within, failsMax: fails, slowMs: slowstart ?? 0 },
    connections: connections ?? null,
  };
}

function times({ dial, answer, idle }: NonNullable<Checked['timeouts']>): TimeoutsPlan {
  return {
    ...(dial === undefined ? {} : { dialMs: dial }),
    ...(answer === undefined ? {} : { answerMs: answer }),
    ...(idle === undefined ? {} : { idleMs: idle }),
  };
}

type Said = Checked &
  Readonly<{
    to?: Behind | undefined;
    rewritehost?: unknown;
    routes?: readonly Readonly<{ to: Behind | null }>[] | undefined;
  }>;

/** What could not be kept. */
export function balanceProblems({
  to,
  routes,
  balance,
  timeouts,
  rewritehost,
}: Said): readonly Readonly<{ key: string; sentence: string }>[] {
  const led = [to, ...(routes ?? []).map((route) => route.to)].flatMap((each) => (each === undefined || each === null ? [] : [each]));
  const isWeb = led.some(({ is }) => is === 'http');
  const isRaw = led.some(({ is }) => is === 'tcp' || is === 'tls');
  const problems: Readonly<{ key: string; sentence: string }>[] = [];
  const complain = (key: string, sentence: string): void => void problems.push({ key, sentence });
  for (const key of ['balance', 'timeouts'] as const) {
    const said = key === 'balance' ? balance : timeouts;
    if (said !== undefined && !isWeb && !isRaw)
      complain(key, 'found it where nothing is dialled, expected it beside to: http://, tcp:// or tls://');
  }
  if (isRaw && (balance?.check.path !== undefined || (balance?.sticky !== undefined && balance.sticky !== 'address')))
    complain('balance', 'found what asks for HTTP beside tcp:// or tls://, expected sticky: address and checks without a path');
  if (isRaw && (timeouts?.answer ?? timeouts?.idle) !== undefined)
    complain('timeouts', 'found answer or idle beside tcp:// or tls://, expected dial only');
  if (rewritehost === true && led.some((each) => 'members' in each && (each.members?.length ?? 0) > 1))
    complain('rewritehost', 'found true beside several backends, expected one name that all of them know');
  return problems;
}
