/** Entries of `access` in which several factors stand: how they are written, and which go together. */

import { z, type ZodType } from 'zod';
import type { GuardedService } from '../../contracts/guard.ts';
import { SallyportError } from '../../core/errors.ts';
import { factors, isFactor, type LoginWay } from '../../core/policy/login-steps.ts';
import type { Access, GuardUse } from './plan.ts';
import type { Warning } from './presets.ts';

/** Entries that one combination comes to at most: each is asked about with each request. */
const entriesMax = 16;

type Entries = readonly (readonly GuardUse[])[];

/**
 * One entry, with combinations in it, as the entries that it comes to: `allOf: [{ password: {} }, { anyOf: [{ totp: {} },
 * { passkey: {} }] }]` is a password and a code, or a password and a passkey.
 * @param named the schema of each guard's options, optional
 */
export function entrySchema(named: Readonly<Record<string, ZodType>>, example: string): ZodType<Entries> {
  const expected = 'a list of guards, like [{ password: {} }, { totp: {} }]';
  const severalOf = (entry: ZodType<Entries>): ZodType<readonly Entries[]> =>
    z.array(entry, { error: expected }).min(1, 'at least one entry').max(entriesMax, `at most ${entriesMax} entries`);
  const entry: ZodType<Entries> = z
    .strictObject(
      {
        ...named,
        get allOf() {
          return severalOf(entry).optional().describe('All of these: a password, and then a code.');
        },
        get anyOf() {
          return severalOf(entry).optional().describe('Any one of these.');
        },
      },
      { error: example },
    )
    .transform(({ allOf, anyOf, ...uses }, context): Entries => {
      const own = Object.entries(uses).filter(([, options]) => options !== undefined);
      const parts: readonly Entries[] = [
        ...(own.length === 0 ? [] : [[own.map(([guard, options]): GuardUse => ({ guard, options }))]]),
        ...(allOf ?? []),
        ...(anyOf === undefined ? [] : [anyOf.flat()]),
      ];
      // An unknown key has been said already.
      if (parts.length === 0 && context.issues.length === 0) context.issues.push({ code: 'custom', message: example, input: uses });
      if (parts.reduce((product, entries) => product * entries.length, 1) <= entriesMax) return multiplied(parts);
      context.issues.push({ code: 'custom', message: `at most ${entriesMax} combinations`, input: uses });
      return z.NEVER;
    })
    .meta({ id: 'access' });
  return entry;
}

/** (a or b) and c: a and c, or b and c. */
function multiplied(all: readonly Entries[]): Entries {
  return all.reduce<Entries>((before, entries) => before.flatMap((one) => entries.map((other) => [...one, ...other])), [[]]);
}

/** The factors of an entry, in the order in which they are asked for. */
export function wayOf(uses: readonly GuardUse[]): LoginWay {
  return factors.filter((factor) => uses.some(({ guard }) => guard === factor));
}

/** What the guards of an entry are told of it; nothing for those that are no factor. */
export function loginOf(guard: string, uses: readonly GuardUse[], access: Access, own: string): Pick<GuardedService, 'login'> {
  if (!isFactor(guard)) return {};
  const ways = access.map(wayOf).filter((way) => way.length > 0);
  return { login: { way: wayOf(uses), ways, own } };
}

/** These open sessions of their own, and a browser shows one. */
const otherSessions: ReadonlySet<string> = new Set(['oidc', 'link', 'pin', 'email']);

/**
 * What could never be passed refuses to start.
 * Errors: `config-malformed`.
 */
export function assertFactorsFit(access: Access, service: string): void {
  for (const uses of access) {
    const asked = uses.map(({ guard }) => guard);
    const twice = factors.find((factor) => asked.filter((guard) => guard === factor).length > 1);
    if (twice !== undefined) throw malformed(service, `asks for ${twice} twice in one entry`, 'Say it once.');
    const other = asked.find((guard) => otherSessions.has(guard));
    const second = asked.find((guard) => guard === 'totp' || guard === 'passkey');
    if (other !== undefined && second !== undefined)
      throw malformed(
        service,
        `asks for ${other} and ${second} in one entry, which nobody can show together`,
        `${second} goes with a password: allOf: [{ password: {} }, { ${second}: {} }].`,
      );
  }
}

/** Six digits, and whoever guesses has shown nothing before. */
export function codeAlone(access: Access, service: string): readonly Warning[] {
  if (!access.some((uses) => wayOf(uses)[0] === 'totp')) return [];
  return [
    {
      code: 'code-alone',
      message: `${service} is open to a code alone: six digits, which anybody may guess at.`,
      hint: 'Ask for a password before it: access: [{ allOf: [{ password: {} }, { totp: {} }] }].',
    },
  ];
}

function malformed(service: string, what: string, hint: string): SallyportError {
  return new SallyportError('config-malformed', `services.${service}.access ${what}.`, { hint });
}
