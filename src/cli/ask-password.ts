/** Asks for a new password twice, unseen, or takes it from the environment: never from the command line. */

import { passwordFault } from '../controlplane/identities/password-rules.ts';
import { SallyportError } from '../core/errors.ts';
import { defaults } from '../core/limits.ts';
import type { Terminal } from './terminal.ts';

/**
 * SALLYPORT_PASSWORD, which is then forgotten so that no child inherits it; or the person's answer.
 * Errors: `usage-wrong` when nobody can be asked, `interrupted`.
 */
export async function newPassword(terminal: Terminal, user: string): Promise<string> {
  const { env } = terminal;
  const given = env['SALLYPORT_PASSWORD'];
  if (given !== undefined && given !== '') {
    delete env['SALLYPORT_PASSWORD'];
    return given;
  }
  if (!terminal.askable) {
    throw new SallyportError('usage-wrong', `A password for ${user} is needed, and there is no terminal to ask for it.`, {
      hint: 'Hand it in as SALLYPORT_PASSWORD.',
    });
  }
  const first = await hidden(`A password for ${user}`, (typed) => passwordFault(typed, user, defaults));
  const second = await hidden('The same once more');
  if (first === second) return first;
  throw new SallyportError('usage-wrong', 'The two passwords are not the same.', { hint: 'Try again; nothing was changed.' });
}

/** What will not do is told at once, not after it was typed twice. */
async function hidden(message: string, faultOf: (typed: string) => string | null = () => null): Promise<string> {
  const validate = (typed: string | undefined): string | undefined => {
    const fault = faultOf(typed ?? '');
    return fault === null ? undefined : `This will not do: ${fault}. Four unrelated words make a good one.`;
  };
  const { isCancel, password: ask } = await import('@clack/prompts');
  const answer = await ask({ message, validate, output: process.stderr });
  if (isCancel(answer)) throw new SallyportError('interrupted', 'Nothing was changed.');
  return answer;
}
