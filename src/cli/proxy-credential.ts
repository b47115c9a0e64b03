/** What a client shows to a proxy: a password, an API key or a stored secret; and the certificate of its own TLS. Never from the command line. */

import { readFile } from 'node:fs/promises';
import { readCredentials } from '../controlplane/enrolment/way-out.ts';
import type { Shown } from '../core/egress/asking.ts';
import { SallyportError } from '../core/errors.ts';
import { fileFault, systemCode } from '../core/system-error.ts';
import type { Cli } from './cli.ts';
import { withPeople } from './people.ts';
import { standardInput } from './standard-input.ts';

export type ProxyCredentialWishes = Readonly<{
  user?: string;
  key?: string;
  secret?: string;
  stdin?: boolean;
  /** False: nothing is shown but, perhaps, a certificate. */
  credential: boolean;
  certificate?: string;
}>;

/**
 * SALLYPORT_PASSWORD or SALLYPORT_KEY, which are then forgotten so that no child inherits them; standard input; a stored secret;
 * or the person's answer. Errors: `usage-wrong`, `secret-missing`, `interrupted`.
 */
export async function proxyCredential(cli: Cli, wishes: ProxyCredentialWishes): Promise<Shown> {
  const { user, key, secret, stdin, credential, certificate } = wishes;
  const named = [user, key, secret].filter((each) => each !== undefined);
  if (named.length > 1)
    throw new SallyportError('usage-wrong', 'Say one of --user, --key and --secret.', { hint: 'A proxy is shown one.' });
  if (named.length === 0) {
    if (!credential || certificate !== undefined) return null;
    throw new SallyportError('usage-wrong', 'A proxy asks who somebody is, and nobody was named.', {
      hint: 'Say --user ana, --key ci or --secret NAME; --no-credential shows nothing.',
    });
  }
  if (secret !== undefined) return stored(cli, secret);
  const [name, variable, what] =
    user !== undefined ? [user, 'SALLYPORT_PASSWORD', `The password of ${user}`] : [key ?? '', 'SALLYPORT_KEY', `The API key ${key}`];
  const text = await wordOf(cli, { variable, what, stdin: stdin === true });
  const read = readCredentials(`${name}:${text}`, 'http');
  if (read !== null && text !== '') return read;
  throw new SallyportError(
    'usage-wrong',
    text === '' ? 'It is empty.' : `${JSON.stringify(name.slice(0, 64))} is no name of a user or key.`,
  );
}

async function stored(cli: Cli, name: string): Promise<Shown> {
  const found = await withPeople(cli, async ({ secrets }) => secrets.find(name));
  const read = found === null ? null : readCredentials(Buffer.from(found).toString('utf8'), 'http');
  if (read !== null) return read;
  throw new SallyportError('secret-missing', `There is no USER:PASSWORD under the secret ${JSON.stringify(name.slice(0, 64))}.`, {
    hint: `Store it: sallyport secrets add ${name} --proxy`,
  });
}

/** A secret word: from a variable, which is then forgotten, from standard input, or from whoever sits there. */
export async function wordOf(
  { terminal }: Cli,
  { variable, what, stdin }: Readonly<{ variable: string; what: string; stdin: boolean }>,
): Promise<string> {
  const given = terminal.env[variable];
  if (given !== undefined && given !== '') {
    delete terminal.env[variable];
    return given;
  }
  if (stdin) return standardInput(terminal);
  if (!terminal.askable) {
    throw new SallyportError('usage-wrong', `${what} is needed, and there is no terminal to ask for it.`, {
      hint: `Hand it in as ${variable}, or on standard input with --stdin.`,
    });
  }
  const { isCancel, password: ask } = await import('@clack/prompts');
  const answer = await ask({ message: what, output: process.stderr });
  if (isCancel(answer)) throw new SallyportError('interrupted', 'Nothing was connected.');
  return answer;
}

/** Of a certificate and its chain, or a key. */
const pemBytesMax = 1_048_576;

/** Errors: `file-missing`, `usage-wrong`; those of files. @param hint where it is to be found */
export async function readPem(path: string, what: 'CERTIFICATE' | 'PRIVATE KEY', hint: string): Promise<string> {
  try {
    const text = await readFile(path, 'latin1');
    if (text.length <= pemBytesMax && new RegExp(`-----BEGIN (?:[A-Z]+ )?${what}-----`).test(text)) return text;
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw fileFault(error, 'reading', path);
    throw new SallyportError('file-missing', `There is no ${path}.`, { hint, cause: error });
  }
  throw new SallyportError('usage-wrong', `${path} holds no ${what === 'CERTIFICATE' ? 'certificate' : 'key'}.`, {
    hint: `It begins with -----BEGIN ${what}-----`,
  });
}
