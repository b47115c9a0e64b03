/** `sallyport connect`: the visitor's side of what has no TLS of its own. */

import { readFile } from 'node:fs/promises';
import { isLoopbackHost } from '../../controlplane/config/presets.ts';
import { SallyportError } from '../../core/errors.ts';
import { defaults } from '../../core/limits.ts';
import { fileFault, systemCode } from '../../core/system-error.ts';
import { createDeadlines, startDeadlines, steadyNow } from '../../dataplane/deadlines.ts';
import { joinBoth, openLocalDoor } from '../../dataplane/local-door.ts';
import { createSplice } from '../../dataplane/splice.ts';
import { visit, type VisitOptions } from '../../dataplane/visit.ts';
import { hostPort } from '../../core/address.ts';
import type { Cli } from '../cli.ts';
import { newCommand } from '../cli.ts';
import { failureOf } from '../failure.ts';
import { standardOutput, StdioStream } from '../stdio-stream.ts';
import { localAddress, placeToVisit, type Visited } from '../visited.ts';
import { visitorCredential } from '../visitor-credential.ts';

type ConnectOptions = Readonly<{ listen?: string; stdio?: boolean; user?: string; stdin?: boolean; credential: boolean; ca?: string }>;

type Far = Omit<VisitOptions, 'signal'>;

/** Of a certificate and its chain. */
const caBytesMax = 1_048_576;

export function connectCommand(cli: Cli) {
  return newCommand({
    usage: 'connect <name>',
    summary: 'reach a TCP service that somebody shares',
    description:
      'Opens a port of this machine that leads to a TCP service shared with `sallyport tcp`, through TLS and with your credential. ' +
      'The link is asked for, or read from SALLYPORT_LINK; with --user a password is, or SALLYPORT_PASSWORD. With --stdio it is one ' +
      'connection over standard input and output, as ssh wants its ProxyCommand.',
    examples: [
      'sallyport connect db.example.org --listen 127.0.0.1:5432',
      'sallyport connect ssh.example.org --user ana',
      "ssh -o ProxyCommand='sallyport connect %h --stdio' ssh.example.org",
    ],
  })
    .option('--listen <address>', 'where programs of this machine connect to: 127.0.0.1:PORT, or a port')
    .option('--stdio', 'one connection over standard input and output')
    .option('--user <name>', 'show this user’s password instead of a link')
    .option('--stdin', 'read the link or password from standard input')
    .option('--no-credential', 'show nothing: for what is public or asks for an address')
    .option('--ca <file>', 'trust this certificate authority, and no other')
    .action(async (name: string, options: ConnectOptions) => {
      const visited = placeToVisit(name);
      const stdio = options.stdio === true;
      if (stdio && (options.stdin === true || options.listen !== undefined))
        throw new SallyportError('usage-wrong', '--stdio goes with neither --stdin nor --listen.', {
          hint: 'Hand the link in as SALLYPORT_LINK.',
        });
      const local = localAddress(options.listen ?? '127.0.0.1:0');
      const ca = options.ca === undefined ? null : await certificates(options.ca);
      const credential = await visitorCredential(cli.terminal, {
        host: visited.host,
        user: options.user ?? null,
        stdin: options.stdin === true,
        none: !options.credential,
      });
      const far: Far = {
        ...visited,
        dial: isLoopbackHost(visited.host) ? dialOf(visited) : null,
        credential,
        ca,
        timeoutMs: defaults.handshakeMs,
      };
      if (stdio) await overStdio(cli, far);
      else await listening(cli, far, local);
    });
}

/** `*.localhost` is here, whatever a resolver says (RFC 6761, 6.3). */
function dialOf({ host }: Visited): string | null {
  return host === 'localhost' || host.endsWith('.localhost') ? '127.0.0.1' : null;
}

async function certificates(path: string): Promise<string> {
  try {
    const text = await readFile(path, 'latin1');
    if (text.length <= caBytesMax && text.includes('-----BEGIN CERTIFICATE-----')) return text;
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw fileFault(error, 'reading', path);
    throw new SallyportError('file-missing', `There is no ${path}.`, {
      hint: 'The owner of the share finds it with: sallyport ca',
      cause: error,
    });
  }
  throw new SallyportError('usage-wrong', `${path} holds no certificate.`, { hint: 'It begins with -----BEGIN CERTIFICATE-----' });
}

/** Ends when both directions have ended, or the person says so. Standard output belongs to the service: nothing else is written there. */
async function overStdio(cli: Cli, far: Far): Promise<void> {
  const { terminal } = cli;
  const abort = new AbortController();
  const release = terminal.onSignal(() => abort.abort());
  const deadlines = createDeadlines(steadyNow);
  const ticking = startDeadlines(deadlines);
  try {
    const stream = await visit({ ...far, signal: abort.signal });
    abort.signal.addEventListener('abort', () => stream.destroy());
    const near = new StdioStream(terminal.stdin, standardOutput());
    const whole = await joinBoth(near, stream, { splice: createSplice({ deadlines }), limits: defaults });
    if (!whole) throw new SallyportError('address-unreachable', 'The connection broke.', { hint: 'Connect again.' });
  } finally {
    release();
    await ticking.close();
    terminal.stdin.destroy();
  }
}

async function listening(cli: Cli, far: Far, local: Readonly<{ host: string; port: number }>): Promise<void> {
  const { terminal } = cli;
  const reporter = cli.reporter();
  const ended = Promise.withResolvers<void>();
  const release = terminal.onSignal(() => ended.resolve());
  const deadlines = createDeadlines(steadyNow);
  const ticking = startDeadlines(deadlines);
  try {
    const door = await openLocalDoor({
      ...local,
      limits: defaults,
      splice: createSplice({ deadlines }),
      visit: (signal) => visit({ ...far, signal }),
      onFailure: (error) => {
        // Who is not let in is not let in a second time either, and each try counts as a guess.
        if (error instanceof SallyportError && error.code !== 'address-unreachable') return ended.reject(error);
        const { code, message, hint } = failureOf(error);
        return reporter.say({ event: 'error', code, message, hint });
      },
    });
    reporter.say({ event: 'connecting', name: hostPort(far.host, far.port), listen: hostPort(local.host, door.port) });
    try {
      await ended.promise;
    } finally {
      await door.close();
    }
  } finally {
    release();
    await ticking.close();
  }
}
