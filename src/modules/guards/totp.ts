/** Guard `totp`: lets in whose session was opened with a code of their authenticator, after a password or alone. */

import { z } from 'zod';
import { defineGuard, type GuardedService } from '../../contracts/guard.ts';
import type { Session, Tools } from '../../contracts/tools.ts';
import { admitting, usersInWords, usersOption, usersOptionExpected } from '../../contracts/named-users.ts';
import { SallyportError } from '../../core/errors.ts';
import { errorReply } from '../../core/pages/error.ts';
import type { Exchange } from '../../core/policy/exchange.ts';
import { showed, type LoginPlace } from '../../core/policy/login-steps.ts';
import { forgery } from '../../core/policy/origin.ts';
import { readSessionCookie } from '../../core/policy/session-cookie.ts';
import type { Verdict } from '../../core/policy/verdict.ts';
import { codeForms } from './totp/forms.ts';

export const totp = defineGuard({
  name: 'totp',
  stage: 'identify',
  options: z.strictObject(
    {
      users: usersOption('Whose codes are taken: names of users, or all.'),
    },
    { error: usersOptionExpected },
  ),
  build({ users }, tools, service) {
    requireCodes(users, tools);
    const admits = admitting(users);
    const place = placeOf(service);
    return {
      check: (exchange) => check(exchange, admits, tools, service.name),
      forms: codeForms({ place, admits, tools }),
      words: `a code of the authenticator of ${usersInWords(users)}`,
      knows: (subject) => subject.startsWith('user:') && mayPass(subject.slice('user:'.length), admits, tools),
    };
  },
});

/** Auth that is configured but cannot be passed is a mistake: it refuses to start. */
function requireCodes(users: readonly string[] | 'all', tools: Tools): void {
  const named = users === 'all' ? tools.users.list().map((user) => user.name) : users;
  const missing = named.find((each) => tools.users.find(each) === null);
  if (missing !== undefined)
    throw new SallyportError('user-missing', `There is no user ${missing}.`, { hint: `Add them: sallyport users add ${missing}` });
  if (named.some((each) => tools.logins.codes.has(each))) return;
  const one = named[0] ?? 'ana';
  throw new SallyportError('user-missing', 'A code is asked for, but no user has codes.', {
    hint: `Set them up: sallyport users totp ${one}`,
  });
}

function placeOf({ name: service, login }: GuardedService): LoginPlace {
  return { service, ...(login ?? { way: ['totp'], ways: [['totp']] }) };
}

/** Only a session can have been opened with a code: nothing that a program sends with each request, Basic least of all, holds one. */
function check(exchange: Exchange, admits: (user: string) => boolean, tools: Tools, service: string): Verdict {
  if (exchange.http === null) return { is: 'skip' };
  const cookie = readSessionCookie(exchange);
  if (cookie.is === 'twice') return { is: 'challenge', code: 'credentials-wrong', why: 'two session cookies were sent', answer: null };
  const session = cookie.is === 'one' ? tools.sessions.find(cookie.token, service, exchange.host, exchange.from.ip) : null;
  if (session !== null) return showed(session, 'totp') ? bySession(exchange, session, admits, tools) : withoutCode;
  if (cookie.is !== 'none') return expired('the session has ended or is not of this service');
  return { is: 'challenge', code: 'credentials-missing', why: 'no session with a code; HTTP Basic holds none', answer: null };
}

const withoutCode: Verdict = {
  is: 'challenge',
  code: 'credentials-missing',
  why: 'the session was opened without a code',
  answer: null,
};

function bySession(exchange: Exchange, session: Session, admits: (user: string) => boolean, tools: Tools): Verdict {
  const user = tools.users.find(session.name);
  if (user === null || user.revision !== session.revision || !mayPass(user.name, admits, tools))
    return expired('the user of the session is gone, has a new password, or no codes any more');
  const fault = forgery(exchange, 'session');
  if (fault !== null) return { is: 'deny', ...fault, answer: errorReply(exchange, fault.code) };
  const { roles } = user;
  return {
    is: 'pass',
    identity: { guard: 'totp', subject: `user:${user.name}`, name: user.name, by: 'session', roles, session: session.id },
  };
}

function mayPass(user: string, admits: (user: string) => boolean, tools: Tools): boolean {
  return admits(user) && tools.users.find(user) !== null && tools.logins.codes.has(user);
}

function expired(why: string): Verdict {
  return { is: 'challenge', code: 'credentials-expired', why, answer: null };
}
