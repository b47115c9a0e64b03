/** The forms of the guard `passkey` for making one: the link that invites, what the browser is to make, and what it made. */

import type { Form, FormAnswer } from '../../../contracts/guard.ts';
import { householdOf } from '../../../core/address.ts';
import { SallyportError } from '../../../core/errors.ts';
import { errorReply } from '../../../core/pages/error.ts';
import type { Exchange } from '../../../core/policy/exchange.ts';
import { foreignOrigin, originOf } from '../../../core/policy/origin.ts';
import { madeOf, makingOptions, readMade } from './ceremony.ts';
import { endChallengeCookie, opened, sealed } from './challenge.ts';
import { first, newChallenge, only, sealerOf, type PasskeyDoor } from './forms.ts';
import { endPage, makePage, startPage } from './pages.ts';

export function enrolForms(door: PasskeyDoor): readonly Form[] {
  return [
    {
      method: 'GET',
      path: '/.sallyport/enrol',
      // Looking spends nothing: previews of links and people who think twice do no harm.
      handle: (exchange) => (exchange.listener.scheme === 'https' ? startPage(exchange) : unanswered('an invitation over plain HTTP')),
    },
    { method: 'POST', path: '/.sallyport/enrol', handle: (exchange, { fields }) => enrol(exchange, fields, door) },
  ];
}

async function enrol(exchange: Exchange, fields: URLSearchParams, door: PasskeyDoor): Promise<FormAnswer> {
  const { tools, memory } = door;
  if (exchange.listener.scheme !== 'https') return unanswered('an invitation over plain HTTP');
  const forged = foreignOrigin(exchange);
  if (forged !== null) return { is: 'challenge', ...forged, answer: errorReply(exchange, forged.code) };
  const network = householdOf(exchange.from.ip);
  const waitMs = memory.attempts.take(network, tools.now());
  if (waitMs > 0) {
    const answer = errorReply(exchange, 'credentials-throttled', { retryAfterSeconds: Math.ceil(waitMs / 1000) });
    return { is: 'challenge', code: 'credentials-throttled', why: 'too many wrong invitations', answer };
  }
  try {
    const secret = only(fields, 'invitation');
    const answer = secret === null ? await made(exchange, only(fields, 'credential'), door) : await asked(exchange, secret, door);
    if (!('is' in answer)) memory.attempts.forgive(network, false);
    return answer;
  } catch (error) {
    const code = error instanceof SallyportError ? error.code : 'store-unavailable';
    return { is: 'challenge', code, why: 'the passkey could not be kept', answer: errorReply(exchange, code) };
  }
}

/** Whoever has the secret is asked for a passkey; nothing is spent yet. */
async function asked(exchange: Exchange, secret: string, door: PasskeyDoor): Promise<FormAnswer> {
  const { passkeys } = door.tools.logins;
  const invitation = passkeys.invited(secret, door.own);
  if (invitation === null || !door.admits(invitation.user)) return over(exchange, 'no invitation of this service has that secret');
  const others = passkeys.of(invitation.user, exchange.host);
  const text = newChallenge(door);
  const handle = others[0]?.handle ?? newChallenge(door);
  const cookie = await sealed(exchange, { for: 'make', text, note: secret, handle }, sealerOf(door));
  if (cookie === null) return over(exchange, 'the challenge does not fit into a cookie');
  const options = makingOptions({ name: invitation.user, handle }, exchange.host, text, others);
  return makePage(exchange, { name: invitation.user, options, cookie });
}

/** What was made is checked before the invitation is spent, and kept by one alone. */
async function made(exchange: Exchange, credential: string | null, door: PasskeyDoor): Promise<FormAnswer> {
  const { passkeys } = door.tools.logins;
  const challenge = await opened(exchange, 'make', sealerOf(door));
  if (challenge === null) return over(exchange, 'no challenge of this browser');
  const given = readMade(credential);
  const { host } = exchange;
  const passkey = given === null ? null : await madeOf(given, { challenge: challenge.text, origin: originOf(exchange), host });
  const invitation = passkeys.invited(challenge.note, door.own);
  if (passkey === null || invitation === null || !door.admits(invitation.user))
    return over(exchange, 'what was made is no answer to this challenge, or the invitation is over');
  if (!first(challenge.text, door)) return over(exchange, 'a challenge that was answered before');
  const kept = await passkeys.accept(challenge.note, door.own, { ...passkey, host, handle: challenge.handle });
  return kept ? endPage(exchange, true, [endChallengeCookie]) : over(exchange, 'the invitation was used before');
}

function over(exchange: Exchange, why: string): FormAnswer {
  return { is: 'challenge', code: 'credentials-wrong', why, answer: endPage(exchange, false, [endChallengeCookie]) };
}

function unanswered(why: string): FormAnswer {
  return { is: 'challenge', code: 'credentials-missing', why, answer: null };
}
