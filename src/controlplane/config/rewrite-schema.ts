/** `rewrite:` in the file: fields, path, query and cookies, checked so that no rule can break a message. */

import { z } from 'zod';
import type { ZodType } from 'zod';
import { consistsOf, tokenOctet, valueOctet } from '../../core/http/octets.ts';
import { setsOwnCookie } from '../../core/http/own-cookies.ts';
import { isRemovedFromRequest, isRemovedFromResponse } from '../../core/http/removed-fields.ts';
import type { FieldChanges, PathChange, Rewriting } from '../../core/http/rewriting.ts';
import { literalPath } from '../../core/policy/match-path.ts';
import { makePattern } from '../../core/policy/pattern.ts';
import { formed, oneOf } from './pieces.ts';

const entriesMax = 50;

/** Framing and hop-by-hop fields, and what only we say of a visitor, cannot be named; neither can what describes the bytes of a body. */
function requestField(lower: string): boolean {
  return !isRemovedFromRequest(lower) && lower !== 'content-encoding' && lower !== 'max-forwards';
}

function responseField(lower: string): boolean {
  return !isRemovedFromResponse(lower) && !['via', 'date', 'content-encoding', 'content-range', 'host'].includes(lower);
}

function changesSchema(allows: (lower: string) => boolean, which: string): ZodType<FieldChanges> {
  const expected = `a field that a ${which} may be given: no field of framing or of one connection, none that only we say, like X-Forwarded-For`;
  const name = formed((text) => {
    const lower = text.toLowerCase();
    return lower !== '' && lower.length <= 100 && consistsOf(lower, tokenOctet) && allows(lower) ? text : null;
  }, expected);
  const valueExpected = 'a value of one line, of Latin-1 characters, 4000 at most';
  const value = z.union(
    [
      z.number({ error: valueExpected }).transform(String),
      z.boolean({ error: valueExpected }).transform(String),
      z
        .string({ error: valueExpected })
        .max(4_000, valueExpected)
        .refine((text) => consistsOf(text, valueOctet) && text === text.trim(), valueExpected),
    ],
    { error: valueExpected },
  );
  const fields = z
    .record(name, value, { error: 'fields by name, like { x-team: blue }' })
    .refine((map) => Object.keys(map).length <= entriesMax, `at most ${entriesMax} fields`)
    .refine(
      (map) => !Object.entries(map).some(([key, text]) => key.toLowerCase() === 'set-cookie' && setsOwnCookie(text)),
      'a cookie that is not called sallyport',
    );
  return z
    .strictObject(
      {
        set: fields.optional().describe('Written in place of what is there.'),
        add: fields.optional().describe('Written beside what is there.'),
        remove: z
          .array(name, { error: 'a list of fields' })
          .max(entriesMax, `at most ${entriesMax} fields`)
          .optional()
          .describe('Taken out.'),
      },
      { error: 'set, add and remove, like { set: { x-team: blue }, remove: [x-powered-by] }' },
    )
    .transform(({ set, add, remove }): FieldChanges => ({
      set: Object.entries(set ?? {}),
      add: Object.entries(add ?? {}),
      remove: (remove ?? []).map((each) => each.toLowerCase()),
    }));
}

function pathSchema(): ZodType<PathChange> {
  const expected = 'a path of whole segments, like /api, without a slash at its end';
  const whole = formed((text) => {
    const path = text === '/' ? '' : literalPath(text);
    return path === null || path.endsWith('/') || path.includes('*') ? null : path;
  }, expected);
  const example = 'strip, or replace and with, or regex and with, like { strip: /api }';
  const strip = z
    .strictObject({ strip: whole.describe('The beginning that is taken away.') }, { error: example })
    .transform((keys): PathChange => ({ is: 'prefix', from: keys.strip, to: '' }));
  const replace = z
    .strictObject(
      { replace: whole.describe('The beginning that is replaced.'), with: whole.describe('What stands in its place.') },
      { error: example },
    )
    .transform((keys): PathChange => ({ is: 'prefix', from: keys.replace, to: keys.with }));
  const regex = z
    .strictObject(
      {
        regex: z.string({ error: 'a pattern' }).describe('A regular expression of the whole path.'),
        with: z.string({ error: 'a path with $1 to $9' }).describe('The path in its place, with $1 to $9 for its groups.'),
      },
      { error: example },
    )
    .transform((keys, context): PathChange => {
      const made = makePattern(keys.regex);
      const fault = !made.ok ? made.expected : replacementFault(keys.with, made.pattern.groups);
      if (made.ok && fault === null) return { is: 'pattern', pattern: made.pattern, to: keys.with };
      context.issues.push({ code: 'custom', message: fault ?? example, input: keys, path: [made.ok ? 'with' : 'regex'] });
      return z.NEVER;
    });
  return z.union([strip, replace, regex], { error: example });
}

function replacementFault(text: string, groups: number): string | null {
  if (!/^\/[\x21-\x7e]*$/.test(text) || /[?#]/.test(text) || text.length > 2_000) return 'a path, with $1 to $9 for the groups';
  const asked = Array.from(text.matchAll(/\$(.)?/g), (match) => match[1] ?? '');
  const wrong = asked.find((digit) => !/^[0-9]$/.test(digit) || Number(digit) > groups);
  return wrong === undefined ? null : `$0 to $${groups}, for the pattern has ${groups} groups`;
}

const nothing: FieldChanges = Object.freeze({ set: [], add: [], remove: [] });

export function rewriteSchema(): ZodType<Rewriting> {
  const parameter = z.string({ error: 'a parameter' }).min(1).max(200);
  const query = z.strictObject(
    {
      set: z
        .record(parameter, z.union([z.string().max(2_000), z.number().transform(String)], { error: 'a text' }), {
          error: 'parameters by name',
        })
        .optional()
        .describe('Parameters written in place of what is there.'),
      remove: z.array(parameter, { error: 'a list of parameters' }).max(entriesMax).optional().describe('Parameters taken out.'),
    },
    { error: 'set and remove, like { remove: [utm_source] }' },
  );
  const cookies = z.strictObject(
    {
      domain: oneOf(['cut', 'keep'])
        .prefault('cut')
        .describe('cut: a cookie is for our name alone. keep: a Domain that covers our name stays.'),
      samesite: oneOf(['strict', 'lax', 'none']).optional().describe('For cookies that say nothing of it.'),
    },
    { error: 'domain and samesite, like { samesite: lax }' },
  );
  return z
    .strictObject(
      {
        request: changesSchema(requestField, 'request').optional().describe('Fields of the request as the service gets it.'),
        response: changesSchema(responseField, 'response').optional().describe('Fields of the answer as the visitor gets it.'),
        path: pathSchema().optional().describe('The path as the service gets it.'),
        query: query.optional().describe('The query as the service gets it.'),
        outside: z
          .boolean({ error: 'true or false' })
          .optional()
          .describe(
            'Makes Location, Content-Location, Refresh and Set-Cookie right for the outside. By default where Host or path is changed.',
          ),
        cookies: cookies.optional().describe('How Set-Cookie is made right.'),
      },
      { error: 'request, response, path, query, outside and cookies' },
    )
    .transform((keys): Rewriting => ({
      request: keys.request ?? nothing,
      response: keys.response ?? nothing,
      path: keys.path ?? null,
      query: { set: Object.entries(keys.query?.set ?? {}), remove: keys.query?.remove ?? [] },
      outside: keys.outside ?? null,
      cookies: { domain: keys.cookies?.domain ?? 'cut', sameSite: sameSites[keys.cookies?.samesite ?? 'unsaid'] },
    }))
    .describe('How messages are written anew on their way.');
}

const sameSites = { strict: 'Strict', lax: 'Lax', none: 'None', unsaid: null } as const;
