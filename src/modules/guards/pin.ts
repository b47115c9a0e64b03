/** Guard `pin`: lets in who knows the short code of the service, by a page with one field and the session after it. */

import { z } from 'zod';
import { defineGuard, type FormAnswer } from '../../contracts/guard.ts';
import { rolesOption } from '../../contracts/named-roles.ts';
import type { Pin } from '../../contracts/pins.ts';
import { byShownSession, passBySession, refused, type SessionDoor } from '../../contracts/shown-session.ts';
import type { Session, Tools } from '../../contracts/tools.ts';
import { SallyportError } from '../../core/errors.ts';
import { pinPage } from '../../core/pages/code-forms.ts';
import { say, sayTime } from '../../core/pages/say.ts';
import { signIn } from '../../core/pages/sign-in.ts';
import { signOut } from '../../core/pages/sign-out.ts';
import type { Exchange } from '../../core/policy/exchange.ts';
import { originOf } from '../../core/policy/origin.ts';
import { pinDigits } from '../../core/policy/pin.ts';
import { returnTarget } from '../../core/policy/return-target.ts';
import type { Verdict } from '../../core/policy/verdict.ts';

const options = z.strictObject(
  {
    roles: rolesOption('What rules know those by who come in by the code.'),
  },
  { error: 'nothing, or roles, like { roles: [guest] }' },
);

type Place = Readonly<{ tools: Tools; service: string; roles: readonly string[] }>;

export const pin = defineGuard({
  name: 'pin',
  stage: 'identify',
  options,
  build({ roles }, tools, { name: service }) {
    // Access control that is configured and cannot work is no access control.
    if (tools.pins.find(service) === null)
      throw new SallyportError('pin-missing', `The service ${service} has no code.`, { hint: `Set one: sallyport pins set ${service}` });
    const place: Place = { tools, service, roles };
    const door: SessionDoor = {
      tools,
      service,
      missing: 'no code and no session were shown',
      judge: (session, exchange) => judge(session, exchange, place),
    };
    return {
      check: (exchange) => byShownSession(exchange, door),
      forms: [
        { method: 'GET', path: '/.sallyport/pin', handle: (exchange, { fields }) => ask(exchange, fields.get('to')) },
        { method: 'POST', path: '/.sallyport/pin', handle: (exchange, { fields }) => take(exchange, fields, place) },
        { method: 'POST', path: '/.sallyport/logout', handle: (exchange) => signOut(exchange, tools.sessions, service) },
      ],
      words: `the code of ${service}`,
      knows: (subject) => subject === subjectOf(service),
      roles,
    };
  },
});

function judge(session: Session, exchange: Exchange, { tools, service, roles }: Place): Verdict {
  if (session.guard !== 'pin') return { is: 'skip' };
  const known = tools.pins.find(service);
  if (known === null || known.revision !== session.revision)
    return refused('credentials-expired', 'the code of the session is gone or another by now');
  const { subject, name, id } = session;
  return passBySession(exchange, { guard: 'pin', subject, name, roles, session: id });
}

/** The page; over plain HTTP there is none, for a code never travels in the clear. */
function ask(exchange: Exchange, to: string | null): FormAnswer {
  if (exchange.listener.scheme !== 'https') return refused('credentials-missing', 'a code over plain HTTP');
  const answer = pinPage(exchange, { to: returnTarget(to ?? '/', originOf(exchange)) ?? '/', said: null });
  return { is: 'challenge', code: 'credentials-missing', why: 'the page for the code was asked for', answer };
}

async function take(exchange: Exchange, fields: URLSearchParams, place: Place): Promise<FormAnswer> {
  const { tools, service, roles } = place;
  if (exchange.listener.scheme !== 'https') return refused('credentials-missing', 'a code over plain HTTP');
  const to = returnTarget(fields.get('to') ?? '/', originOf(exchange)) ?? '/';
  const [shown, ...others] = fields.getAll('pin');
  const digits = shown === undefined || others.length > 0 ? null : pinDigits(shown);
  const known = tools.pins.find(service);
  const named = { name: subjectOf(service), revision: known?.revision ?? 0 };
  // One code for all who know it: guesses are counted from everywhere, but for browsers that it has let in before.
  const guess = await tools.logins.guesses.take(exchange, named, true);
  if (typeof guess === 'number') return wait(exchange, to, Math.ceil(guess / 1000), 'too many wrong guesses');
  // What has no form of a code costs the same.
  const right = await tools.passwords.verify(digits ?? '', digits === null ? null : (known?.hash ?? null), guess.known);
  if (right === 'busy') {
    guess.unmade();
    return wait(exchange, to, 1, 'too many codes are being checked');
  }
  if (!right || known === null || !isSame(known, tools.pins.find(service))) {
    const answer = pinPage(exchange, { to, said: say(exchange, 'pin.wrong') });
    return { is: 'challenge', code: 'credentials-wrong', why: 'the code is wrong', answer };
  }
  guess.right();
  const mark = await tools.logins.guesses.mark(exchange, named);
  const now = tools.now();
  const entrant = {
    service,
    guard: 'pin',
    subject: subjectOf(service),
    name: 'code',
    roles,
    revision: known.revision,
    expires: now + tools.limits.sessionMs,
  };
  return signIn(exchange, { sessions: tools.sessions, entrant, now, to, cookies: mark === null ? [] : [mark] });
}

/** It may have changed while it was checked. */
function isSame(one: Pin, other: Pin | null): boolean {
  return one.revision === other?.revision;
}

function wait(exchange: Exchange, to: string, seconds: number, why: string): FormAnswer {
  const said = seconds < 5 ? say(exchange, 'login.busy') : say(exchange, 'login.wait', { time: sayTime(exchange, seconds) });
  const answer = pinPage(exchange, { to, said, status: 429, fields: [['Retry-After', String(seconds)]] });
  return { is: 'challenge', code: 'credentials-throttled', why, answer };
}

function subjectOf(service: string): string {
  return `pin:${service}`;
}
