/** Guard `passkey`: lets in whose session was opened with a passkey (WebAuthn), alone or after a password. */

import { z } from 'zod';
import { defineGuard, type GuardedService } from '../../contracts/guard.ts';
import { byShownSession, factorDoor } from '../../contracts/shown-session.ts';
import type { Tools } from '../../contracts/tools.ts';
import { admitting, usersInWords, usersOption, usersOptionExpected } from '../../contracts/named-users.ts';
import { SallyportError } from '../../core/errors.ts';
import type { LoginPlace } from '../../core/policy/login-steps.ts';
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
    const has = (user: string, host: string): boolean => admits(user) && tools.logins.passkeys.of(user, host).length > 0;
    const words = { one: 'a passkey', none: 'no passkey' };
    const shown = factorDoor({ factor: 'passkey', tools, service: service.name, words, has });
    return {
      check: (exchange) => byShownSession(exchange, shown),
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

function stands(user: string, admits: (user: string) => boolean, tools: Tools): boolean {
  return admits(user) && tools.users.find(user) !== null && tools.logins.passkeys.has(user);
}
