/** Guard `passkey`: lets in whose session was opened with a passkey (WebAuthn), alone or after a password. */

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
import { enrolForms } from './passkey/enrol.ts';
import { passkeyForms } from './passkey/forms.ts';
import { memoryOf } from './passkey/memory.ts';

export const passkey = defineGuard({
  name: 'passkey',
  stage: 'identify',
  options: z.strictObject(
    {
      users: usersOption('Whose passkeys are taken: names of users, or all.'),
    },
    { error: usersOptionExpected },
  ),
  build({ users }, tools, service) {
    requireUsers(users, tools);
    const admits = admitting(users);
    const door = { place: placeOf(service), own: service.login?.own ?? service.name, admits, tools, memory: memoryOf(tools) };
    return {
      check: (exchange) => check(exchange, admits, tools, service.name),
      forms: [...passkeyForms(door), ...enrolForms(door)],
      words: `a passkey of ${usersInWords(users)}`,
      knows: (subject) => subject.startsWith('user:') && stands(subject.slice('user:'.length), admits, tools),
    };
  },
});

/** Auth that is configured but empty refuses to start. A passkey needs a running page to be made on, so nobody must have one yet. */
function requireUsers(users: readonly string[] | 'all', tools: Tools): void {
  if (users === 'all' && tools.users.list().length === 0)
    throw new SallyportError('user-missing', 'A passkey is asked for, but there is no user.', { hint: 'Add one: sallyport users add ana' });
  const missing = users === 'all' ? undefined : users.find((each) => tools.users.find(each) === null);
  if (missing !== undefined)
    throw new SallyportError('user-missing', `There is no user ${missing}.`, { hint: `Add them: sallyport users add ${missing}` });
}

function placeOf({ name: service, login }: GuardedService): LoginPlace {
  return { service, way: login?.way ?? ['passkey'], ways: login?.ways ?? [['passkey']] };
}

/** Only a session can have been opened with a passkey: nothing that a program sends with each request holds one. */
function check(exchange: Exchange, admits: (user: string) => boolean, tools: Tools, service: string): Verdict {
  if (exchange.http === null) return { is: 'skip' };
  const cookie = readSessionCookie(exchange);
  if (cookie.is === 'twice') return { is: 'challenge', code: 'credentials-wrong', why: 'two session cookies were sent', answer: null };
  const session = cookie.is === 'one' ? tools.sessions.find(cookie.token, service, exchange.host, exchange.from.ip) : null;
  if (session !== null) return showed(session, 'passkey') ? bySession(exchange, session, admits, tools) : withoutPasskey;
  if (cookie.is !== 'none') return expired('the session has ended or is not of this service');
  return { is: 'challenge', code: 'credentials-missing', why: 'no session with a passkey; HTTP Basic holds none', answer: null };
}

const withoutPasskey: Verdict = {
  is: 'challenge',
  code: 'credentials-missing',
  why: 'the session was opened without a passkey',
  answer: null,
};

function bySession(exchange: Exchange, session: Session, admits: (user: string) => boolean, tools: Tools): Verdict {
  const user = tools.users.find(session.name);
  const has = user !== null && tools.logins.passkeys.of(user.name, exchange.host).length > 0;
  if (user === null || user.revision !== session.revision || !admits(user.name) || !has)
    return expired('the user of the session is gone, has a new password, or no passkey any more');
  const fault = forgery(exchange, 'session');
  if (fault !== null) return { is: 'deny', ...fault, answer: errorReply(exchange, fault.code) };
  const { roles } = user;
  return {
    is: 'pass',
    identity: { guard: 'passkey', subject: `user:${user.name}`, name: user.name, by: 'session', roles, session: session.id },
  };
}

function stands(user: string, admits: (user: string) => boolean, tools: Tools): boolean {
  return admits(user) && tools.users.find(user) !== null && tools.logins.passkeys.has(user);
}

function expired(why: string): Verdict {
  return { is: 'challenge', code: 'credentials-expired', why, answer: null };
}
