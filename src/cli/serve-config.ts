/** Runs what a configuration file says, and keeps running what it says when it changes. */

import { configOrThrow } from '../controlplane/config/parse.ts';
import type { Config } from '../controlplane/config/plan.ts';
import { watchConfig } from '../controlplane/config/watch.ts';
import type { ServiceUser } from '../controlplane/service-user.ts';
import { SallyportError } from '../core/errors.ts';
import type { Cli } from './cli.ts';
import { readConfigFile } from './configuration.ts';
import { membershipsFor } from './membership.ts';
import { runGateway } from './run-gateway.ts';
import { takeSockets, userToBecome } from './serving-user.ts';

export type ServeOptions = Readonly<{ config: string; user?: string }>;

/** @param gatewayOnly refuses a configuration that listens nowhere itself: `sallyport gateway` */
export async function serveConfig(cli: Cli, options: ServeOptions, gatewayOnly: boolean): Promise<void> {
  const { terminal } = cli;
  const read = async (): Promise<Readonly<{ path: string; text: string; config: Config }>> => {
    const { path, text, parsed } = await readConfigFile(options.config, terminal.cwd());
    return { path, text, config: suited(configOrThrow(parsed, options.config), options.config, gatewayOnly) };
  };
  const { path, text, config } = await read();
  // The home is opened behind this line, by whom it belongs to from now on.
  const user = userToBecome(cli, [options.user, config.user]);
  const sockets = await takeSockets(cli, config.listen, user);
  if (user !== null) await assertReadable(read, user, options.config);
  // Who listens is at a relay only where that is written.
  const isDirect = gatewayOnly || (config.relays.length === 0 && config.listen.length > 0);
  const memberships = isDirect ? [] : await membershipsFor(cli, config.relays, config.services[0]?.name ?? null, config.via);
  const needsRelay = !isDirect && memberships.length === 0;
  await runGateway(cli, {
    config,
    embeddedRelay: needsRelay ? { host: '127.0.0.1', port: null } : null,
    memberships,
    keepSwitches: true,
    fresh: () => ({ link: null, webhook: null }),
    endsWithServices: false,
    reload: async () => {
      const next = (await read()).config;
      const moved = JSON.stringify([next.relays, next.via, next.user]) !== JSON.stringify([config.relays, config.via, config.user]);
      if (moved || (next.listen.length === 0) !== (config.listen.length === 0)) {
        throw new SallyportError(
          'config-malformed',
          `${options.config} changes relay:, via: or user:, or begins or ends to listen, which takes a restart.`,
          { hint: 'Restart it; until then the rest of the file waits too.' },
        );
      }
      return next;
    },
    watch: (changed) => watchConfig({ path, text, changed }),
    source: options.config,
    sockets,
  });
}

/** Root read it; whoever it became has to read it again. */
async function assertReadable(read: () => Promise<unknown>, { name, uid }: ServiceUser, named: string): Promise<void> {
  await read().catch((error: unknown) => {
    throw new SallyportError('permission-missing', `${name ?? uid} cannot read ${named}.`, {
      hint: `chown root:${name ?? uid} and chmod 0640 do, where its folder may be entered.`,
      cause: error,
    });
  });
}

function suited(config: Config, named: string, gatewayOnly: boolean): Config {
  if (!gatewayOnly || config.listen.length > 0) return config;
  throw new SallyportError('config-malformed', `${named} does not say where to listen.`, {
    hint: 'Add a line like listen: https://0.0.0.0:443, or use sallyport up for a relay.',
  });
}
