/** Ports first, then away from root: what every command does that serves for weeks. */

import { becomeUser, readUserName, standingOf, type ServiceUser } from '../controlplane/service-user.ts';
import { SallyportError } from '../core/errors.ts';
import { defaults } from '../core/limits.ts';
import { handedSockets } from '../dataplane/bound-handles.ts';
import { GivenSockets, type Asked } from '../dataplane/given-sockets.ts';
import type { Cli } from './cli.ts';

/** The environment's form of `--user`. */
const userVariable = 'SALLYPORT_USER';

/**
 * Whom to become; null to stay. `said` is what the options say, then the file.
 * Errors: `root-refused`, `user-missing`, `usage-wrong`.
 */
export function userToBecome(cli: Cli, said: readonly (string | null | undefined)[]): ServiceUser | null {
  const variable = cli.terminal.env[userVariable];
  const wanted = said.find((each) => typeof each === 'string') ?? (variable === '' ? undefined : variable) ?? null;
  if (wanted !== null && readUserName(wanted) === null)
    throw new SallyportError('usage-wrong', `--user ${JSON.stringify(wanted)} is no user.`, { hint: 'For example: --user sallyport' });
  const standing = standingOf(wanted, process.getuid?.());
  if (standing.is === 'leaves') return standing.user;
  if (standing.is === 'unsaid') {
    cli.reporter().say({
      event: 'warning',
      code: 'root-kept',
      message: 'It serves as root: whoever finds a fault in it has every right on this machine.',
      hint: 'Say who it is to become once its ports are bound: --user sallyport (or user: in the file); --user root if it has to be root.',
    });
    return null;
  }
  if (standing.ignored !== null)
    cli.reporter().say({
      event: 'warning',
      code: 'permission-missing',
      message: `Only root can become ${standing.ignored}: it goes on as who has started it.`,
      hint: 'Leave out user:, or start it as that user or as root.',
    });
  return null;
}

/** Sockets that were handed over or bound in advance, with the rights of root left behind. Call before the home is opened. */
export async function takeSockets(cli: Cli, listen: readonly Asked[], user: ServiceUser | null): Promise<GivenSockets> {
  const { env } = cli.terminal;
  const { sockets, odd } = handedSockets(env, { pid: process.pid, most: defaults.heldSocketsMax });
  const given = new GivenSockets(sockets);
  for (const one of odd) warnUnused(cli, one);
  if (user === null) return given;
  await given.bindAhead(listen.filter(({ port }) => port !== 0));
  becomeUser(user, env);
  return given;
}

/** Said once everything listens. */
export function closeUnasked(cli: Cli, given: GivenSockets): void {
  for (const one of given.closeUnasked()) warnUnused(cli, one);
}

function warnUnused(cli: Cli, socket: string): void {
  cli.reporter().say({
    event: 'warning',
    code: 'socket-unused',
    message: `A socket was handed over that nothing listens on: ${socket}.`,
    hint: 'Its address must stand under listen:, or its name as socket: there (docs/guides/service.md).',
  });
}
