/** Where a relay's sockets come from: its holder, or the process itself; and whom both become behind them. */

import { becomeUser } from '../controlplane/service-user.ts';
import { bindHandle } from '../dataplane/bound-handles.ts';
import { cannotListen } from '../dataplane/listener.ts';
import type { HeldBy } from '../relay/held-by.ts';
import type { RelayOptions } from '../relay/options.ts';
import type { Cli } from './cli.ts';
import type { RelayPlan } from './relay-plan.ts';
import { takeSockets, userToBecome } from './serving-user.ts';

/** Errors: `root-refused`, `user-missing`, and those of listening. */
export async function relaySockets(
  cli: Cli,
  { listen, plain, user: said }: RelayPlan,
  held: HeldBy | null,
): Promise<Pick<RelayOptions, 'bind' | 'release'>> {
  const user = userToBecome(cli, [said]);
  const all = [...listen, ...plain];
  if (held === null) {
    const given = await takeSockets(cli, all, user);
    if (!given.any) return {};
    return {
      bind: async (at) => {
        const found = given.take(at) ?? bindHandle(at);
        if (typeof found === 'string') throw cannotListen({ code: found, message: found }, at);
        return found;
      },
    };
  }
  if (user !== null) {
    // The holder keeps what was asked for, and is asked for it once more when it is listened on: this descriptor is not needed.
    for (const at of all) (await held.bind(at)).close?.();
    await held.become(user);
    becomeUser(user, cli.terminal.env);
  }
  return { bind: held.bind, release: held.release };
}
