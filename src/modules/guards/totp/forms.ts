/** The forms of the guard `totp`: the page that asks for a code, and the code. */

import type { Form, FormAnswer } from '../../../contracts/guard.ts';
import type { Tools } from '../../../contracts/tools.ts';
import { SallyportError } from '../../../core/errors.ts';
import { errorReply } from '../../../core/pages/error.ts';
import { say, sayTime } from '../../../core/pages/say.ts';
import { signOut } from '../../../core/pages/sign-out.ts';
import { userName } from '../../../core/policy/credentials.ts';
import type { Exchange } from '../../../core/policy/exchange.ts';
import { begins, comesTo, nextFactors, type BegunLogin, type LoginPlace } from '../../../core/policy/login-steps.ts';
import { foreignOrigin, originOf } from '../../../core/policy/origin.ts';
import { returnTarget } from '../../../core/policy/return-target.ts';
import { codePage } from './pages.ts';

export type CodeDoor = Readonly<{ place: LoginPlace; admits: (user: string) => boolean; tools: Tools }>;

/** Somebody at the page: what they showed before, or null where the way begins here. */
type Here = Readonly<{ begun: BegunLogin | null; to: string }>;

export function codeForms(door: CodeDoor): readonly Form[] {
  const { tools, place } = door;
  const shown: Form['handle'] = (exchange, { fields }) => show(exchange, fields, door);
  return [
    { method: 'GET', path: '/.sallyport/totp', handle: shown },
    { method: 'POST', path: '/.sallyport/totp', handle: (exchange, { fields }) => take(exchange, fields, door) },
    // Where a login begins with it, the face leads here.
    ...(begins(place.way, 'totp') ? [{ method: 'GET', path: '/.sallyport/withcode', handle: shown } as const] : []),
    { method: 'POST', path: '/.sallyport/logout', handle: (exchange) => signOut(exchange, tools.sessions, place.service) },
  ];
}

async function show(exchange: Exchange, fields: URLSearchParams, door: CodeDoor): Promise<FormAnswer> {
  const here = await whereIs(exchange, fields, door);
  return here === null ? outOfOrder() : page(exchange, here, door, {});
}

async function take(exchange: Exchange, fields: URLSearchParams, door: CodeDoor): Promise<FormAnswer> {
  const { tools, place, admits } = door;
  // Without this somebody else's page could sign the visitor in as somebody else (login CSRF).
  const forged = foreignOrigin(exchange);
  if (forged !== null) return { is: 'challenge', ...forged, answer: errorReply(exchange, forged.code) };
  const here = await whereIs(exchange, fields, door);
  if (here === null) return outOfOrder();
  const { begun, to } = here;
  const shown = only(fields, 'code');
  // Of a login that was begun its own user, whoever the form names.
  const named = begun?.user ?? userName(only(fields, 'user')?.trim() ?? '');
  if (shown === null) return wrong(exchange, here, door, 'the form was sent without a code');
  const user = named === null ? null : tools.users.find(named);
  const guess = await tools.logins.guesses.take(exchange, { name: named ?? '?', revision: user?.revision ?? 0 }, begun !== null);
  if (typeof guess === 'number') return wait(exchange, here, door, Math.ceil(guess / 1000));
  try {
    // Of somebody whom this entry does not admit none is used up: another may.
    const found = await tools.logins.codes.take(named ?? '?', shown, named !== null && admits(named));
    const still = named === null ? null : tools.users.find(named);
    const gone = still === null || !admits(still.name) || (begun !== null && still.revision !== begun.revision);
    if (found !== 'right' || gone)
      return wrong(exchange, here, door, found === 'repeated' ? 'a code that was shown before' : 'the code is wrong');
    guess.right();
    const { sessionMs } = tools.limits;
    return await tools.logins.steps.proved(exchange, { place, factor: 'totp', user: still, begun, to, sessionMs });
  } catch (error) {
    const code = error instanceof SallyportError ? error.code : 'store-unavailable';
    return { is: 'challenge', code, why: 'the code could not be taken', answer: errorReply(exchange, code) };
  }
}

/** Null for who has not shown what comes before the code: they are told nothing of there being one. */
async function whereIs(exchange: Exchange, fields: URLSearchParams, { tools, place }: CodeDoor): Promise<Here | null> {
  if (exchange.listener.scheme !== 'https') return null;
  if (begins(place.way, 'totp')) return { begun: null, to: returnTarget(only(fields, 'to') ?? '/', originOf(exchange)) ?? '/' };
  const begun = await tools.logins.steps.begun(exchange, place.service);
  return begun !== null && comesTo(place.way, 'totp', begun) ? { begun, to: begun.to } : null;
}

function outOfOrder(): FormAnswer {
  return { is: 'challenge', code: 'credentials-missing', why: 'a code before what is asked for first', answer: null };
}

function wrong(exchange: Exchange, here: Here, door: CodeDoor, why: string): FormAnswer {
  return { is: 'challenge', code: 'credentials-wrong', why, answer: page(exchange, here, door, { said: say(exchange, 'code.wrong') }) };
}

function wait(exchange: Exchange, here: Here, door: CodeDoor, seconds: number): FormAnswer {
  const said = say(exchange, 'login.wait', { time: sayTime(exchange, seconds) });
  const answer = page(exchange, here, door, { said, status: 429, fields: [['Retry-After', String(seconds)]] });
  return { is: 'challenge', code: 'credentials-throttled', why: 'too many wrong guesses', answer };
}

type Said = Omit<Parameters<typeof codePage>[1], 'asksName' | 'to' | 'passkey'>;

function page(exchange: Exchange, { begun, to }: Here, { place }: CodeDoor, said: Said) {
  const passkey = begun !== null && nextFactors(begun.shown, place.ways).includes('passkey');
  return codePage(exchange, { ...said, asksName: begun === null, to, passkey });
}

/** The value of a field that stands once; two of one name are no answer. */
function only(fields: URLSearchParams, name: string): string | null {
  const [value, ...rest] = fields.getAll(name);
  return value === undefined || rest.length > 0 ? null : value;
}
