/** One order, from the first word to the certificate; after a stop at any point it goes on, or begins anew with the same account. */

import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Material } from '../../contracts/certificate.ts';
import type { Records } from '../../contracts/store.ts';
import { SallyportError } from '../../core/errors.ts';
import type { Limits } from '../../core/limits.ts';
import type { SharedAnswers } from './answers.ts';
import { AuthorityRefusal, type Authority, type Told } from './authority.ts';
import { recordValue, runHook } from './hook.ts';
import { malformed } from './https.ts';
import { readIssued, requestFor } from './issued.ts';
import { newKeyPem } from './jws.ts';
import { keyOf } from './plan.ts';
import { challengeOf, wordsOf, type Authorization, type ChallengeKind, type Order } from './replies.ts';

/** An order of the evening before is dead: authorities keep pending ones for a week at most. */
const orderAgeMsMax = 86_400_000;
const pollMsMin = 200;
const pollMsMax = 10_000;
/** What the hook may take to clean up when the gateway ends. */
const endingMs = 1_000;

export type ObtainOptions = Readonly<{
  records: Records;
  authority: Authority;
  answers: SharedAnswers;
  kind: ChallengeKind;
  hook: string | null;
  profile: string | null;
  /** See `renewalId`; null for the first certificate of a name. */
  replaces: string | null;
  limits: Pick<Limits, 'acmeOrderMs' | 'acmeHookMs'>;
  now: () => number;
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
}>;

const running = z.object({ url: z.string(), key: z.string(), at: z.number() });
type Running = z.infer<typeof running>;

/** Errors: those of the authority and the store, `hook-failed`, `interrupted`. */
export async function obtain(name: string, options: ObtainOptions): Promise<Material> {
  const { records, authority, now } = options;
  const until = AbortSignal.any([options.signal, AbortSignal.timeout(options.limits.acmeOrderMs)]);
  const bounded = { ...options, signal: until };
  const record = orderRecord(name);
  const { mine, order } = (await resume(name, options)) ?? (await begin(name, options));
  const { url, key } = mine;
  try {
    if (order.identifiers[0]?.value !== name) throw malformed(url, 'the order is for another name');
    if (order.status === 'pending') await prove(name, order, bounded);
    const proved = await poll(
      () => authority.readOrder(url),
      ({ status }) => status !== 'pending',
      bounded,
    );
    if (proved.status === 'ready') await authority.finalize(proved.finalize, await requestFor(name, key));
    const done = await poll(
      () => authority.readOrder(url),
      ({ status }) => status === 'valid' || status === 'invalid',
      bounded,
    );
    if (done.status !== 'valid' || done.certificate === undefined)
      throw new AuthorityRefusal(
        'invalid',
        `The order of ${name} failed. ${done.error === undefined ? '' : wordsOf(done.error)}`.trim(),
        null,
      );
    return readIssued(await authority.certificate(done.certificate), key, name, now());
  } catch (error) {
    if (error instanceof AuthorityRefusal || (error instanceof SallyportError && error.code === 'authority-malformed'))
      // It will not become better by going on.
      await records.delete(record);
    throw error;
  }
}

/** Of the order that ran; to be forgotten when its certificate is kept. */
export function orderRecord(name: string): string {
  return `acme-orders/${keyOf(name)}`;
}

type Begun = Readonly<{ mine: Running; order: Order }>;

async function resume(name: string, { records, authority, now }: ObtainOptions): Promise<Begun | null> {
  const entry = await records.get(orderRecord(name));
  const mine = running.safeParse(entry?.value).data;
  if (mine === undefined || now() - mine.at > orderAgeMsMax) return null;
  try {
    const { value: order } = await authority.readOrder(mine.url);
    return order.status === 'invalid' ? null : { mine, order };
  } catch (error) {
    // Forgotten there, or another authority's: a new one then.
    if (error instanceof SallyportError && (error.code === 'certificate-refused' || error.code === 'authority-malformed')) return null;
    throw error;
  }
}

async function begin(name: string, { records, authority, profile, replaces, now }: ObtainOptions): Promise<Begun> {
  const key = newKeyPem();
  const ordering = (follows: string | null): Promise<Told<Order>> => authority.order(name, { profile, replaces: follows });
  const { url, value: order } = await ordering(replaces).catch((error: unknown) => {
    // RFC 9773, 5: one that was followed already, or that it does not know, is ordered plainly.
    if (replaces !== null && error instanceof AuthorityRefusal && error.type !== 'rateLimited') return ordering(null);
    throw error;
  });
  const mine: Running = { url, key, at: now() };
  await records.put(orderRecord(name), mine);
  return { mine, order };
}

/** Answers the challenge until the CA has seen it. */
async function prove(name: string, order: Order, options: ObtainOptions): Promise<void> {
  const { authority, kind } = options;
  const [at = ''] = order.authorizations;
  const { value: offered } = await authority.readAuthorization(at);
  if (offered.status === 'valid') return;
  if (offered.identifier.value !== name.replace(/^\*\./, '')) throw malformed(at, 'what is to be proved is another name');
  const challenge = challengeOf(offered, kind);
  if (challenge === null) throw new AuthorityRefusal('unsupported', `The authority does not offer ${kind} for ${name}.`, null);
  const authorization = authority.key.authorize(challenge.token);
  const withdraw = await present(name, challenge.token, authorization, options);
  try {
    if (!challenge.asked) await authority.ready(challenge.url);
    const proved = await poll(
      () => authority.readAuthorization(at),
      ({ status }) => status !== 'pending',
      options,
    );
    if (proved.status !== 'valid') throw new AuthorityRefusal('unauthorized', `${name} was not proved by ${kind}: ${whyNot(proved)}`, null);
  } finally {
    await withdraw();
  }
}

/** Returns how to take the answer away again. */
async function present(name: string, token: string, authorization: string, options: ObtainOptions): Promise<() => Promise<void>> {
  const { answers, kind, hook, limits, signal, env } = options;
  if (kind !== 'dns-01') {
    await answers.present(name, kind, token, authorization);
    return () => answers.withdraw(name);
  }
  if (hook === null) throw new SallyportError('hook-failed', 'DNS-01 needs a program that writes the record: acme: { hook: FILE }.');
  const call = { hook, domain: name.replace(/^\*\./, ''), value: recordValue(authorization), timeoutMs: limits.acmeHookMs, env };
  await runHook({ ...call, action: 'set', signal });
  // Also when the order was ended, but nobody waits long for an end. That a record stays is no reason to lose a certificate.
  const patience = (): number => (signal.aborted ? endingMs : limits.acmeHookMs);
  return () => runHook({ ...call, action: 'clear', signal: AbortSignal.timeout(patience()) }).catch(() => undefined);
}

function whyNot({ status, challenges }: Authorization): string {
  const error = challenges.find((each) => each.error !== undefined)?.error;
  return error === undefined ? `it is ${status}` : wordsOf(error);
}

/** As often as the CA wants, and within the time of the order. */
async function poll<Value>(
  read: () => Promise<Told<Value>>,
  isDone: (value: Value) => boolean,
  { signal }: Pick<ObtainOptions, 'signal'>,
): Promise<Value> {
  for (let pauseMs = pollMsMin; ; pauseMs = Math.min(pauseMs * 2, pollMsMax)) {
    if (signal.aborted) throw ended(signal);
    const { value, retryMs } = await read();
    if (isDone(value)) return value;
    // pebble and Let's Encrypt say 3 s where 200 ms would do for the first look.
    const pause = pauseMs === pollMsMin ? pollMsMin : Math.min(Math.max(retryMs ?? 0, pauseMs), pollMsMax);
    await sleep(pause, undefined, { signal }).catch(() => undefined);
  }
}

function ended({ reason }: AbortSignal): SallyportError {
  return reason instanceof DOMException && reason.name === 'TimeoutError'
    ? new SallyportError('authority-unreachable', 'The certificate authority takes too long to decide.')
    : new SallyportError('interrupted', 'The order of a certificate was ended.');
}
