/** What a visitor shows to a gateway: from the environment, standard input or a prompt, and never from the command line. */

import { SallyportError } from '../core/errors.ts';
import { isLinkSecret, type TcpCredential } from '../core/tcp-opening.ts';
import { userName } from '../core/policy/credentials.ts';
import { standardInput } from './standard-input.ts';
import { placeToVisit } from './visited.ts';
import type { Terminal } from './terminal.ts';

export type CredentialWishes = Readonly<{
  /** Whom it is for, canonical: a link of another place is not shown there. */
  host: string;
  /** Whose password; null for a link. */
  user: string | null;
  /** Whether it comes on standard input. */
  stdin: boolean;
  /** Whether nothing is to be shown. */
  none: boolean;
}>;

/**
 * SALLYPORT_PASSWORD or SALLYPORT_LINK, which are then forgotten so that no child inherits them; standard input; or the
 * person's answer. Errors: `usage-wrong`, `interrupted`.
 */
export async function visitorCredential(terminal: Terminal, { host, user, stdin, none }: CredentialWishes): Promise<TcpCredential> {
  if (none) return null;
  const variable = user === null ? 'SALLYPORT_LINK' : 'SALLYPORT_PASSWORD';
  const what = user === null ? 'The secret link, as it was given to you' : `The password of ${user}`;
  const text = taken(terminal, variable) ?? (stdin ? await standardInput(terminal) : await asked(terminal, what, variable));
  return user === null ? linkOf(text.trim(), host) : passwordOf(user, text);
}

function taken({ env }: Terminal, variable: string): string | null {
  const given = env[variable];
  if (given === undefined || given === '') return null;
  delete env[variable];
  return given;
}

async function asked(terminal: Terminal, message: string, variable: string): Promise<string> {
  if (!terminal.askable) {
    throw new SallyportError('usage-wrong', `${message} is needed, and there is no terminal to ask for it.`, {
      hint: `Hand it in as ${variable}, or on standard input with --stdin; --no-credential shows nothing.`,
    });
  }
  const { isCancel, password: ask } = await import('@clack/prompts');
  const answer = await ask({ message, output: process.stderr });
  if (isCancel(answer)) throw new SallyportError('interrupted', 'Nothing was connected.');
  return answer;
}

/** The whole link, or its secret alone. */
function linkOf(text: string, host: string): TcpCredential {
  const [, authority = host, secret = text] = /^https:\/\/([^\s/]+)\/\.sallyport\/link\/([^\s/?#]+)$/.exec(text) ?? [];
  const own = placeToVisit(authority).host;
  if (own !== host) {
    throw new SallyportError('usage-wrong', `This link is for ${own}, and ${host} is not to see it.`, {
      hint: `Connect to ${own}, or ask for a link to ${host}.`,
    });
  }
  if (isLinkSecret(secret)) return { is: 'link', secret };
  throw new SallyportError('usage-wrong', 'This is no secret link.', { hint: 'It looks like https://NAME/.sallyport/link/SECRET' });
}

function passwordOf(text: string, password: string): TcpCredential {
  const user = userName(text);
  if (user !== null && password !== '') return { is: 'password', user, password };
  throw new SallyportError(
    'usage-wrong',
    user === null ? `${JSON.stringify(text.slice(0, 64))} is no name of a user.` : 'The password is empty.',
  );
}
