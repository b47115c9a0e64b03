/** What a certificate authority may say (RFC 8555, 7.1), read at the edge: what does not fit is refused whole. */

import { z } from 'zod';
import type { CaAnswer } from './https.ts';
import { malformed } from './https.ts';

const url = z.string().max(2_048).startsWith('https://');
/** RFC 8555, 8.1: base64url, 128 bits at least. It becomes a path and a name of a record: nothing else may stand in it. */
const token = z.string().regex(/^[A-Za-z0-9_-]{22,256}$/);
/** An order of ours has one name, and a challenge for each of some ways. */
const challengesMax = 20;

export const challengeKinds = ['http-01', 'tls-alpn-01', 'dns-01'] as const;
export type ChallengeKind = (typeof challengeKinds)[number];

export const problem = z.object({
  type: z.string().max(200).catch(''),
  detail: z.string().max(10_000).catch(''),
  subproblems: z
    .array(z.object({ type: z.string().max(200).catch(''), detail: z.string().max(10_000).catch('') }))
    .max(100)
    .optional()
    .catch(undefined),
});
export type Problem = z.infer<typeof problem>;

export const directory = z.object({
  newNonce: url,
  newAccount: url,
  newOrder: url,
  revokeCert: url.optional(),
  /** RFC 9773, 4.1. */
  renewalInfo: url.optional(),
  meta: z
    .object({
      termsOfService: z.string().max(2_048).optional(),
      externalAccountRequired: z.boolean().optional(),
      caaIdentities: z.array(z.string().max(253)).max(20).optional(),
      /** Profiles by name, with what they are (draft-ietf-acme-profiles). */
      profiles: z.record(z.string().max(64), z.string().max(2_048)).optional(),
    })
    .optional(),
});
export type Directory = z.infer<typeof directory>;

const identifier = z.object({ type: z.enum(['dns', 'ip']), value: z.string().max(253) });

export const order = z.object({
  status: z.enum(['pending', 'ready', 'processing', 'valid', 'invalid']),
  identifiers: z.array(identifier).min(1).max(1),
  authorizations: z.array(url).min(1).max(1),
  finalize: url,
  certificate: url.optional(),
  error: problem.optional(),
});
export type Order = z.infer<typeof order>;

const challenge = z.object({
  type: z.string().max(40),
  url,
  status: z.enum(['pending', 'processing', 'valid', 'invalid']),
  token: z.string().max(512).optional(),
  error: problem.optional(),
});

export const authorization = z.object({
  status: z.enum(['pending', 'valid', 'invalid', 'deactivated', 'expired', 'revoked']),
  identifier,
  wildcard: z.boolean().optional(),
  challenges: z.array(challenge).max(challengesMax),
});
export type Authorization = z.infer<typeof authorization>;

const instant = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text));
/** RFC 9773, 4.2: when this certificate is best renewed. */
export const renewalInfo = z.object({ suggestedWindow: z.object({ start: instant, end: instant }) });

/** Of the challenges that we know the one of that kind, its token looked at; null when it is not offered. Errors: `authority-malformed`. */
export function challengeOf(offered: Authorization, kind: ChallengeKind): Readonly<{ url: string; token: string; asked: boolean }> | null {
  const found = offered.challenges.find(({ type }) => type === kind);
  if (found === undefined) return null;
  const read = token.safeParse(found.token);
  if (!read.success) throw malformed(found.url, 'its token for a challenge is none');
  // Told before: it looks already.
  return { url: found.url, token: read.data, asked: found.status !== 'pending' };
}

/** The answer by that schema. Errors: `authority-malformed`. */
export function readReply<Value>(schema: z.ZodType<Value>, at: string, { type, body }: CaAnswer): Value {
  if (type !== 'application/json') throw malformed(at, `${type === '' ? 'no content type' : 'another content type'} where JSON should be`);
  return readJson(schema, at, body);
}

export function readJson<Value>(schema: z.ZodType<Value>, at: string, text: string): Value {
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    throw malformed(at, 'its answer cannot be read');
  }
}

/** For people: without control characters, and short. A CA's words may hold a stranger's (what a web server answered it). */
export function wordsOf({ type, detail, subproblems = [] }: Problem): string {
  const kind = /^urn:ietf:params:acme:error:([A-Za-z]{1,40})$/.exec(type)?.[1] ?? 'unknown';
  const said = [detail, ...subproblems.map((each) => each.detail)].filter((text) => text !== '').join('; ');
  const plain = said.replaceAll(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ').trim();
  return `${kind}${plain === '' ? '' : `: ${plain.length > 400 ? `${plain.slice(0, 400)}…` : plain}`}`;
}

/** Retry-After (RFC 9110, 10.2.3) in milliseconds from `now`; null when there is none that can be read. */
export function retryAfterMs(text: string | null, now: number): number | null {
  if (text === null) return null;
  const ms = /^\d{1,9}$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - now;
  return Number.isFinite(ms) ? Math.max(0, ms) : null;
}
