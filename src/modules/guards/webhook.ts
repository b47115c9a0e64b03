/** Guard `webhook`: opens one path, for POST, to whom a signature or a secret path admits. */

import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { defineGuard } from '../../contracts/guard.ts';
import type { Tools } from '../../contracts/tools.ts';
import { SallyportError } from '../../core/errors.ts';
import { onlyField, twice } from '../../core/policy/credentials.ts';
import type { Exchange } from '../../core/policy/exchange.ts';
import { isReserved } from '../../core/policy/return-target.ts';
import type { GatherBody, Verdict } from '../../core/policy/verdict.ts';

type Kind = 'secret' | 'github' | 'stripe' | 'hmac';
type Options = Readonly<{ path: string; kind: Kind; secret: string }>;

/** What a signature field says: any of `signatures` may hold, over `prefix` and the body. */
type Signed = Readonly<{ signatures: readonly string[]; prefix: string }>;

const path = z
  .string({ error: 'a path like /hooks/build' })
  .regex(/^(?:\/[A-Za-z0-9._~-]+)+$/, 'a path like /hooks/build, of letters, digits and . _ ~ -');

export const webhook = defineGuard({
  name: 'webhook',
  stage: 'identify',
  options: z.strictObject(
    {
      path: path
        .max(512, 'a shorter path')
        .refine((text) => !/\/\.{1,2}(?:\/|$)/.test(text) && !isReserved(text), 'a path without dot segments, outside /.sallyport'),
      kind: z.enum(['secret', 'github', 'stripe', 'hmac'], { error: 'one of secret, github, stripe, hmac' }),
      secret: z
        .string({ error: 'the name of a stored secret' })
        .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'the name of a stored secret, like stripe-live'),
    },
    { error: 'path, kind and secret, like { path: /hooks/build, kind: github, secret: build }' },
  ),
  build(options, tools) {
    requireSecret(options, tools);
    return {
      check: (exchange, gather) => check(exchange, gather, options, tools),
      words:
        options.kind === 'secret'
          ? `POST to a secret path below ${options.path}`
          : `POST to ${options.path} with a signature (${options.kind})`,
      knows: (subject) => subject === `webhook:${options.path}`,
    };
  },
});

function requireSecret({ kind, secret }: Options, tools: Tools): void {
  const value = tools.secret(secret);
  const hint = `Make one: sallyport secrets add ${secret}`;
  if (value === null || value.length === 0)
    throw new SallyportError('config-malformed', `The webhook's secret ${secret} is not stored.`, { hint });
  if (kind !== 'secret') return;
  if (value.length < 16 || !/^[A-Za-z0-9._~-]+$/.test(Buffer.from(value).toString('latin1'))) {
    throw new SallyportError('config-malformed', `The secret ${secret} cannot stand in a path.`, {
      hint: 'A secret path takes 16 or more letters, digits and . _ ~ -',
    });
  }
}

function check(exchange: Exchange, gather: GatherBody, options: Options, tools: Tools): Verdict | Promise<Verdict> {
  const { http } = exchange;
  // A path with two readings could be this one to us and another to the service: it is not this one.
  if (http?.path?.clear !== true || http.method !== 'POST') return { is: 'skip' };
  const secret = tools.secret(options.secret);
  if (options.kind === 'secret') return bySecretPath(http.path.text, options.path, secret);
  if (http.path.text !== options.path) return { is: 'skip' };
  if (secret === null) return wrong('the secret of this webhook is not stored any more');
  const signed = signatureOf(exchange, options.kind, { now: tools.now(), ageMs: tools.limits.signatureAgeMs });
  // Looked at before the body is read: who has no signature cannot make us keep five megabytes.
  if (typeof signed === 'string') return wrong(signed);
  return byBody(gather, { signed, secret, options, bytesMax: tools.limits.webhookBodyBytesMax });
}

function bySecretPath(text: string, stem: string, secret: Uint8Array | null): Verdict {
  if (!text.startsWith(`${stem}/`)) return { is: 'skip' };
  if (secret === null || !sameBytes(Buffer.from(text.slice(stem.length + 1), 'latin1'), secret))
    return wrong('the secret part of the path is wrong');
  return admitted(stem, 'secret');
}

async function byBody(
  gather: GatherBody,
  task: Readonly<{ signed: Signed; secret: Uint8Array; options: Options; bytesMax: number }>,
): Promise<Verdict> {
  const body = await gather(task.bytesMax);
  if (body === null) return { is: 'challenge', code: 'body-too-large', why: 'the body is longer than a webhook may be', answer: null };
  const { signatures, prefix } = task.signed;
  const wanted = createHmac('sha256', task.secret).update(prefix).update(body).digest();
  let right = false;
  for (const signature of signatures) right = sameBytes(Buffer.from(signature, 'hex'), wanted) || right;
  return right ? admitted(task.options.path, task.options.kind) : wrong('the signature does not fit the body');
}

type Clock = Readonly<{ now: number; ageMs: number }>;

/** Reads the signature field of a kind strictly; a text says what is wrong with it. */
function signatureOf(exchange: Exchange, kind: Exclude<Kind, 'secret'>, clock: Clock): Signed | string {
  const fields = exchange.http?.fields ?? [];
  switch (kind) {
    case 'github':
      return plainSignature(onlyField(fields, 'x-hub-signature-256'), /^sha256=([0-9a-f]{64})$/);
    case 'hmac':
      return plainSignature(onlyField(fields, 'x-signature-256'), /^(?:sha256=)?([0-9a-fA-F]{64})$/);
    case 'stripe':
      return stripeSignature(onlyField(fields, 'stripe-signature'), clock);
    default:
      return kind satisfies never;
  }
}

function plainSignature(value: string | typeof twice | null, form: RegExp): Signed | string {
  const found = typeof value === 'string' ? form.exec(value)?.[1] : undefined;
  return found === undefined ? 'no signature was shown, or none of the right form' : { signatures: [found], prefix: '' };
}

/** `t=1700000000,v1=HEX,v1=HEX`: the moment is signed too, so an old delivery cannot be played again later. */
function stripeSignature(value: string | typeof twice | null, { now, ageMs }: Clock): Signed | string {
  if (typeof value !== 'string' || value.length > 1_024) return 'no signature was shown, or none of the right form';
  const pairs = value.split(',').map((pair) => pair.trim().split('='));
  const times = pairs.filter(([key]) => key === 't').map(([, text]) => text ?? '');
  const signatures = pairs.filter(([key]) => key === 'v1').map(([, text]) => text ?? '');
  const [time] = times;
  if (time === undefined || times.length > 1 || !/^\d{1,12}$/.test(time)) return 'the signature names no moment, or several';
  if (signatures.length === 0 || !signatures.every((each) => /^[0-9a-f]{64}$/.test(each)))
    return 'no signature was shown, or none of the right form';
  if (Math.abs(now - Number(time) * 1_000) > ageMs) return 'the signature is too old or from the future';
  return { signatures, prefix: `${time}.` };
}

function admitted(stem: string, kind: Kind): Verdict {
  const identity = { guard: 'webhook', subject: `webhook:${stem}`, name: `webhook ${stem}`, by: 'signature', roles: [] } as const;
  return { is: 'pass', identity: kind === 'secret' ? { ...identity, secretPath: true } : identity };
}

function wrong(why: string): Verdict {
  return { is: 'challenge', code: 'signature-wrong', why, answer: null };
}

/** Constant in time for one length; the length itself is no secret. */
function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}
