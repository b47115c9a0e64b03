/** Guard `password`: lets in who knows a name and its password, by Basic or by a session. */

import { z } from 'zod';
import { defineGuard, type Decoy, type GuardedService } from '../../contracts/guard.ts';
import type { Session, Tools, User } from '../../contracts/tools.ts';
import { admitting, usersInWords, usersOption, usersOptionExpected } from '../../contracts/named-users.ts';
import { SallyportError } from '../../core/errors.ts';
import { errorReply } from '../../core/pages/error.ts';
import { credentialsOf, onlyField, readBasic, twice } from '../../core/policy/credentials.ts';
import type { Exchange, Identity } from '../../core/policy/exchange.ts';
import { showed, type LoginPlace } from '../../core/policy/login-steps.ts';
import { forgery } from '../../core/policy/origin.ts';
import { readSessionCookie } from '../../core/policy/session-cookie.ts';
import type { Verdict } from '../../core/policy/verdict.ts';
import { Door, type Proof } from './password/door.ts';
import { passwordForms } from './password/forms.ts';
import { Htpasswd } from './password/htpasswd.ts';
import { storedUsers, type UserSource } from './password/source.ts';

type CredentialField = 'authorization' | 'sallyport-authorization';

const pathExpected = 'the absolute path of a file, like /etc/apache2/htpasswd';
export const password = defineGuard({
  name: 'password',
  stage: 'identify',
  options: z.strictObject(
    {
      users: usersOption('Who may come in: names of users, or all.'),
      htpasswd: z
        .string({ error: pathExpected })
        .regex(/^\/.{1,4095}$/, pathExpected)
        .optional()
        .describe(
          'The absolute path of an htpasswd file, whose users come in instead of those of users add. bcrypt (htpasswd -B) or argon2id.',
        ),
    },
    { error: usersOptionExpected },
  ),
  build({ users, htpasswd }, tools, service) {
    const source = htpasswd === undefined ? storedUsers(tools) : new Htpasswd(htpasswd, tools);
    requireUsers(users, tools, htpasswd === undefined ? null : { path: htpasswd, source });
    const admits = admitting(users);
    const door = new Door(tools, service.name, admits, source);
    return {
      check: (exchange) => check(exchange, door, tools, service.name),
      forms: passwordForms({ door, tools, place: placeOf(service), opens: true }),
      words: `a password of ${usersInWords(users)}${htpasswd === undefined ? '' : ' of an htpasswd file'}`,
      knows: (subject) => subject.startsWith('user:') && door.find(subject.slice('user:'.length)) !== null,
    };
  },
  decoy,
});

/** Alone, unless the entry of `access` names more. */
function placeOf({ name: service, login }: Pick<GuardedService, 'name' | 'login'>): LoginPlace {
  return { service, ...(login ?? { way: ['password'], ways: [['password']] }) };
}

/** No service is called so: no session is found, and credentials that were right here are remembered for nobody. */
const NOWHERE = '';

/**
 * Right credentials are told from wrong ones here as well, though both are answered alike: a program that goes on asking
 * a closed service with its good password is no guesser, and costs one hash in a while.
 */
function decoy(tools: Tools): Decoy {
  const door = new Door(tools, NOWHERE, () => true);
  return {
    check: (exchange) => {
      const verdict = check(exchange, door, tools, NOWHERE);
      return verdict instanceof Promise ? verdict.then(closed) : closed(verdict);
    },
    forms: passwordForms({ door, tools, place: placeOf({ name: NOWHERE }), opens: false }),
  };
}

function closed(verdict: Verdict): Verdict {
  return verdict.is === 'pass' || verdict.is === 'deny' ? wrong('right credentials, and nothing to open with them') : verdict;
}

/** Auth that is configured but empty is no auth: it refuses to start. */
function requireUsers(users: readonly string[] | 'all', tools: Tools, file: Readonly<{ path: string; source: UserSource }> | null): void {
  // A file without a user is refused when it is read.
  if (users === 'all' && file !== null) return;
  if (users === 'all' || users.length === 0) {
    if (users === 'all' && tools.users.list().length > 0) return;
    throw new SallyportError('user-missing', 'A password is asked for, but there is no user.', {
      hint: 'Add one: sallyport users add ana',
    });
  }
  const source = file?.source ?? storedUsers(tools);
  const missing = users.find((each) => source.find(each) === null);
  if (missing === undefined) return;
  if (file !== null)
    throw new SallyportError('user-missing', `There is no user ${missing} in ${file.path}.`, {
      hint: `Add them: htpasswd -B ${file.path} ${missing}`,
    });
  throw new SallyportError('user-missing', `There is no user ${missing}.`, { hint: `Add them: sallyport users add ${missing}` });
}

function check(exchange: Exchange, door: Door, tools: Tools, service: string): Verdict | Promise<Verdict> {
  const { http } = exchange;
  if (http === null) return { is: 'skip' };
  const own = onlyField(http.fields, 'sallyport-authorization');
  const plain = onlyField(http.fields, 'authorization');
  if (own === twice || plain === twice) return wrong('a field of credentials was sent twice');
  const cookie = readSessionCookie(exchange);
  if (cookie.is === 'twice') return wrong('two session cookies were sent');
  const ownToken = own === null ? null : credentialsOf(own, 'basic');
  if (ownToken !== null) return byBasic(exchange, ownToken, 'sallyport-authorization', door);
  const session = cookie.is === 'one' ? tools.sessions.find(cookie.token, service, exchange.host, exchange.from.ip) : null;
  if (session !== null) return showed(session, 'password') ? bySession(exchange, session, door) : { is: 'skip' };
  // Where Sallyport-Authorization speaks to us, Authorization speaks to the service.
  const token = own !== null || plain === null ? null : credentialsOf(plain, 'basic');
  if (token !== null) return byBasic(exchange, token, 'authorization', door);
  if (cookie.is !== 'none')
    return { is: 'challenge', code: 'credentials-expired', why: 'the session has ended or is not of this service', answer: null };
  return { is: 'challenge', code: 'credentials-missing', why: 'no password and no session were shown', answer: null };
}

function bySession(exchange: Exchange, session: Session, door: Door): Verdict {
  const user = door.find(session.name);
  if (user === null || user.revision !== session.revision)
    return { is: 'challenge', code: 'credentials-expired', why: 'the user of the session is gone or has a new password', answer: null };
  return forged(exchange, 'session') ?? { is: 'pass', identity: { ...identityOf(user, 'session'), session: session.id } };
}

function byBasic(exchange: Exchange, token: string, field: CredentialField, door: Door): Verdict | Promise<Verdict> {
  const key = door.keyFor(exchange, token);
  const user = door.remembered(key);
  if (user !== null) return admitted(exchange, user, field);
  const basic = readBasic(token);
  if (basic === null) return wrong('Basic credentials that are not base64 of UTF-8 with a colon');
  return door.prove(exchange, basic, key).then((proof) => proved(exchange, proof, field));
}

function proved(exchange: Exchange, proof: Proof, field: CredentialField): Verdict {
  switch (proof.is) {
    case 'right':
      return admitted(exchange, proof.user, field);
    case 'wrong':
      return wrong(proof.why);
    case 'wait':
      return {
        is: 'challenge',
        code: 'credentials-throttled',
        why: proof.why,
        answer: errorReply(exchange, 'credentials-throttled', { retryAfterSeconds: proof.seconds }),
      };
    default:
      return proof satisfies never;
  }
}

function admitted(exchange: Exchange, user: User, field: CredentialField): Verdict {
  const by = field === 'authorization' ? 'basic' : 'header';
  return forged(exchange, 'basic') ?? { is: 'pass', identity: identityOf(user, by), spent: [field] };
}

/** The visitor is known by now, so the refusal may speak plainly. */
function forged(exchange: Exchange, by: 'basic' | 'session'): Verdict | null {
  const fault = forgery(exchange, by);
  return fault === null ? null : { is: 'deny', ...fault, answer: errorReply(exchange, fault.code) };
}

/** By the record of the user: another one is another object. */
const identities = { basic: new WeakMap<User, Identity>(), header: new WeakMap<User, Identity>(), session: new WeakMap<User, Identity>() };

/** Made once: a subject that was put together anew would be hashed by every table in which a request looks for it. */
function identityOf(user: User, by: keyof typeof identities): Identity {
  const before = identities[by].get(user);
  if (before !== undefined) return before;
  const identity: Identity = { guard: 'password', subject: `user:${user.name}`, name: user.name, by, roles: user.roles };
  identities[by].set(user, identity);
  return identity;
}

function wrong(why: string): Verdict {
  return { is: 'challenge', code: 'credentials-wrong', why, answer: null };
}
