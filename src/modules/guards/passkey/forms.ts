/** The forms of the guard `passkey` for signing in: the page with its challenge, and the answer to it. */

import type { Form, FormAnswer } from '../../../contracts/guard.ts';
import type { Tools } from '../../../contracts/tools.ts';
import { householdOf } from '../../../core/address.ts';
import { SallyportError } from '../../../core/errors.ts';
import { errorReply } from '../../../core/pages/error.ts';
import { say, sayTime } from '../../../core/pages/say.ts';
import { signOut } from '../../../core/pages/sign-out.ts';
import type { Exchange } from '../../../core/policy/exchange.ts';
import { begins, comesTo, nextFactors, type BegunLogin, type LoginPlace } from '../../../core/policy/login-steps.ts';
import { foreignOrigin, originOf } from '../../../core/policy/origin.ts';
import { returnTarget } from '../../../core/policy/return-target.ts';
import { countOf, readUsed, usingOptions } from './ceremony.ts';
import { endChallengeCookie, opened, sealed, type Sealer } from './challenge.ts';
import type { Memory } from './memory.ts';
import { usePage } from './pages.ts';

/** `own`: the name of the service, where `place` is that of several at one address. */
export type PasskeyDoor = Readonly<{ place: LoginPlace; own: string; admits: (user: string) => boolean; tools: Tools; memory: Memory }>;

/** Somebody at the page: what they showed before, or null where the way begins here. */
type Here = Readonly<{ begun: BegunLogin | null; to: string }>;

export function passkeyForms(door: PasskeyDoor): readonly Form[] {
  const { tools, place } = door;
  const shown: Form['handle'] = async (exchange, { fields }) => {
    const here = await whereIs(exchange, fields.get('to'), door);
    return here === null ? outOfOrder() : page(exchange, here, door, {});
  };
  return [
    { method: 'GET', path: '/.sallyport/passkey', handle: shown },
    { method: 'POST', path: '/.sallyport/passkey', handle: (exchange, { fields }) => take(exchange, fields, door) },
    // Where a login begins with it, the face leads here.
    ...(begins(place.way, 'passkey') ? [{ method: 'GET', path: '/.sallyport/withpasskey', handle: shown } as const] : []),
    { method: 'POST', path: '/.sallyport/logout', handle: (exchange) => signOut(exchange, tools.sessions, place.service) },
  ];
}

async function take(exchange: Exchange, fields: URLSearchParams, door: PasskeyDoor): Promise<FormAnswer> {
  const { tools, place, admits, memory } = door;
  // Without this somebody else's page could sign the visitor in as somebody else (login CSRF).
  const forged = foreignOrigin(exchange);
  if (forged !== null) return { is: 'challenge', ...forged, answer: errorReply(exchange, forged.code) };
  const here = await whereIs(exchange, null, door);
  if (here === null) return outOfOrder();
  const asked = await opened(exchange, 'use', sealerOf(door));
  if (asked === null) return wrong(exchange, here, door, 'no challenge of this browser');
  const network = householdOf(exchange.from.ip);
  const waitMs = memory.attempts.take(network, tools.now());
  if (waitMs > 0) return wait(exchange, here, door, Math.ceil(waitMs / 1000));
  const given = readUsed(only(fields, 'credential'));
  const passkey = given === null ? null : tools.logins.passkeys.byCredential(given.id);
  if (given === null || passkey === null) return wrong(exchange, here, door, 'a passkey that nobody has');
  // One that was made at another host has its own number of the user; it would also name the other host.
  const count = await countOf(given, passkey, { challenge: asked.text, origin: originOf(exchange), host: exchange.host });
  if (count === null || passkey.host !== exchange.host)
    return wrong(exchange, here, door, 'the answer is not that of the passkey to this challenge, here');
  const user = tools.users.find(passkey.user);
  const { begun } = here;
  const fits = begun === null || (begun.user === passkey.user && begun.revision === user?.revision);
  if (user === null || !admits(user.name) || !fits) return wrong(exchange, here, door, 'the passkey of somebody else');
  // From here on it is answered. Nothing is awaited between the question and this.
  if (!first(asked.text, door)) return wrong(exchange, here, door, 'a challenge that was answered before');
  try {
    if (!(await tools.logins.passkeys.used(passkey, count)))
      return await wrong(exchange, here, door, 'the passkey was used elsewhere at the same time');
  } catch (error) {
    const code = error instanceof SallyportError ? error.code : 'store-unavailable';
    return { is: 'challenge', code, why: 'the passkey could not be counted', answer: errorReply(exchange, code) };
  }
  memory.attempts.forgive(network, false);
  const to = begun?.to ?? asked.note;
  const { sessionMs } = tools.limits;
  const answer = await tools.logins.steps.proved(exchange, { place, factor: 'passkey', user, begun, to, sessionMs });
  return 'is' in answer ? answer : { ...answer, fields: [...answer.fields, endChallengeCookie] };
}

/** Whether a challenge was not answered before. It is from then on. */
export function first(challenge: string, { memory, tools }: PasskeyDoor): boolean {
  const before = memory.answered.get(challenge, tools.now()) === true;
  memory.answered.set(challenge, true, tools.now());
  return !before;
}

export function sealerOf({ memory, place, tools }: PasskeyDoor): Sealer {
  return { key: memory.key, service: place.service, now: tools.now(), lifeMs: tools.limits.loginMs };
}

/** 32 bytes, base64url (WebAuthn, 13.4.3 asks for 16 at least). */
export function newChallenge({ tools }: PasskeyDoor): string {
  return Buffer.from(tools.randomBytes(32)).toString('base64url');
}

/** Null for who has not shown what comes before it: they are told nothing of there being a passkey. */
async function whereIs(exchange: Exchange, wanted: string | null, { tools, place }: PasskeyDoor): Promise<Here | null> {
  if (exchange.listener.scheme !== 'https') return null;
  if (begins(place.way, 'passkey')) return { begun: null, to: returnTarget(wanted ?? '/', originOf(exchange)) ?? '/' };
  const begun = await tools.logins.steps.begun(exchange, place.service);
  return begun !== null && comesTo(place.way, 'passkey', begun) ? { begun, to: begun.to } : null;
}

type Said = Readonly<{ said?: string; status?: number; fields?: readonly (readonly [string, string])[] }>;

/** Each showing has a challenge of its own. */
async function page(exchange: Exchange, { begun, to }: Here, door: PasskeyDoor, more: Said): Promise<ReturnType<typeof usePage>> {
  const text = newChallenge(door);
  const seal = (note: string) => sealed(exchange, { for: 'use', text, note, handle: '' }, sealerOf(door));
  const cookie = (await seal(to)) ?? (await seal('/'));
  const code = begun !== null && nextFactors(begun.shown, door.place.ways).includes('totp');
  const fields = [...(more.fields ?? []), ...(cookie === null ? [] : [cookie])];
  return usePage(exchange, { ...more, options: usingOptions(exchange.host, text), code, fields });
}

function outOfOrder(): FormAnswer {
  return { is: 'challenge', code: 'credentials-missing', why: 'a passkey before what is asked for first', answer: null };
}

async function wrong(exchange: Exchange, here: Here, door: PasskeyDoor, why: string): Promise<FormAnswer> {
  return {
    is: 'challenge',
    code: 'credentials-wrong',
    why,
    answer: await page(exchange, here, door, { said: say(exchange, 'passkey.wrong') }),
  };
}

async function wait(exchange: Exchange, here: Here, door: PasskeyDoor, seconds: number): Promise<FormAnswer> {
  const said = say(exchange, 'login.wait', { time: sayTime(exchange, seconds) });
  const answer = await page(exchange, here, door, { said, status: 429, fields: [['Retry-After', String(seconds)]] });
  return { is: 'challenge', code: 'credentials-throttled', why: 'too many wrong answers', answer };
}

/** The value of a field that stands once; two of one name are no answer. */
export function only(fields: URLSearchParams, name: string): string | null {
  const [value, ...rest] = fields.getAll(name);
  return value === undefined || rest.length > 0 ? null : value;
}
