/** `sallyport users totp`: codes of an authenticator app, set up and taken away. */

import type { CodeTable } from '../../controlplane/identities/logins/codes.ts';
import { SallyportError } from '../../core/errors.ts';
import type { Cli } from '../cli.ts';
import { newCommand } from '../cli.ts';
import { withPeople } from '../people.ts';
import { standardInput } from '../standard-input.ts';
import type { Terminal } from '../terminal.ts';

/** A clock that differs, a code that was just over: then it is another mistake. */
const triesMax = 3;

export function usersTotp(cli: Cli) {
  return newCommand({
    usage: 'totp <name>',
    summary: 'set up codes of an authenticator app, or take them away',
    description:
      'Shows a secret for an authenticator app, as a QR code in a terminal, and asks for one code of it: only then it is kept. Shows ten recovery codes after that. Both ends the sessions of the user. Services ask for codes where their access says totp.',
    examples: ['sallyport users totp ana', 'sallyport users totp ana --remove'],
  })
    .option('--remove', 'take the codes away: what asks for one is closed to this user')
    .action((name: string, { remove }: Readonly<{ remove?: boolean }>) =>
      withPeople(cli, async ({ users, logins: { codes } }) => {
        const user = users.find(name);
        if (user === null)
          throw new SallyportError('user-missing', `There is no user ${JSON.stringify(name)}.`, {
            hint: 'See who there is: sallyport users list',
          });
        const reporter = cli.reporter();
        if (remove === true) {
          if (!(await codes.remove(user.name)))
            throw new SallyportError('secret-missing', `${user.name} has no codes.`, {
              hint: `Set them up: sallyport users totp ${user.name}`,
            });
          return reporter.say({ event: 'totp', name: user.name, change: 'removed' });
        }
        const before = codes.has(user.name);
        const secret = codes.newSecret();
        reporter.say({ event: 'totp', name: user.name, change: 'offered', ...(await codes.written(secret, user.name)) });
        await confirmed(cli.terminal, codes, secret);
        const recovery = await codes.enrol(user.name, secret);
        reporter.say({ event: 'totp', name: user.name, change: before ? 'changed' : 'added', recovery });
      }),
    );
}

/** Whoever cannot show a code now could not sign in later. */
async function confirmed(terminal: Terminal, codes: CodeTable, secret: Uint8Array): Promise<void> {
  if (!terminal.askable) {
    if (await codes.proves(secret, await standardInput(terminal))) return;
    throw new SallyportError('usage-wrong', 'That is no code of this secret; nothing was changed.', {
      hint: 'Hand a code of the secret in on standard input.',
    });
  }
  for (let tries = 0; tries < triesMax; tries += 1) {
    const message = tries === 0 ? 'The code that it shows now' : 'That was not right. The code that it shows now';
    const { isCancel, text: ask } = await import('@clack/prompts');
    const answer = await ask({ message, placeholder: '123456', output: process.stderr });
    if (isCancel(answer)) throw new SallyportError('interrupted', 'Nothing was changed.');
    if (await codes.proves(secret, answer)) return;
  }
  throw new SallyportError('usage-wrong', 'The codes do not fit; nothing was changed.', {
    hint: 'Codes go by the time of day: compare the clocks of both devices.',
  });
}
