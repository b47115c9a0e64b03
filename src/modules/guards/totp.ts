/** Guard `totp`: lets in whose session was opened with a code of their authenticator, after a password or alone. */

import { z } from 'zod';
import { defineGuard, type GuardedService } from '../../contracts/guard.ts';
import { byShownSession, factorDoor } from '../../contracts/shown-session.ts';
import type { Tools } from '../../contracts/tools.ts';
import { admitting, usersInWords, usersOption, usersOptionExpected } from '../../contracts/named-users.ts';
import { SallyportError } from '../../core/errors.ts';
import type { LoginPlace } from '../../core/policy/login-steps.ts';
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
    const has = (user: string): boolean => mayPass(user, admits, tools);
    const words = { one: 'a code', none: 'no codes' };
    const door = factorDoor({ factor: 'totp', tools, service: service.name, words, has });
    return {
      check: (exchange) => byShownSession(exchange, door),
      forms: codeForms({ place, admits, tools }),
      words: `a code of the authenticator of ${usersInWords(users)}`,
      knows: (subject) => subject.startsWith('user:') && has(subject.slice('user:'.length)),
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

function mayPass(user: string, admits: (user: string) => boolean, tools: Tools): boolean {
  return admits(user) && tools.users.find(user) !== null && tools.logins.codes.has(user);
}
