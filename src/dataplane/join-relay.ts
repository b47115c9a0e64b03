/** A gateway's first word to a relay: an invitation, spent once. */

import { SallyportError, fault } from '../core/errors.ts';
import type { Limits } from '../core/limits.ts';
import type { Invite, MachineIdentity } from '../contracts/tunnel.ts';
import { reachRelay } from './reach-relay.ts';
import type { Way } from './reach/way.ts';

/**
 * Spends an invitation: shows the relay this machine's key and gets the grants, as far as the invitation speaks of them.
 * Errors as of `reachRelay`; `relay-untrusted` also where the invited name is not among the grants.
 */
export async function join(
  options: Readonly<{ invite: Invite; identity: MachineIdentity; limits: Limits; signal: AbortSignal; instance: string; way?: Way }>,
): Promise<Readonly<{ relay: string; domain: string; grants: readonly string[] }>> {
  const { invite } = options;
  const { carrier, accepted } = await reachRelay({
    ...options,
    address: invite.relayAddress,
    fingerprint: invite.fingerprint,
    invite: invite.secret,
    open: (stream) => stream.destroy(),
    message: () => undefined,
    goaway: () => undefined,
    end: () => undefined,
  });
  carrier.close(fault('interrupted', 'joined'));
  const grants = accepted.grants.filter((name) => isSpokenOf(name, invite.name));
  if (!grants.includes(invite.name))
    throw new SallyportError('relay-untrusted', `The relay ${invite.relayAddress} does not grant ${invite.name}, which it invited to.`, {
      hint: 'Ask its operator what happened to that name.',
    });
  return { relay: invite.relayAddress, domain: accepted.domain, grants };
}

/** Names beside and below the invited one: what else a relay grants would widen what our local CA may sign for. */
function isSpokenOf(name: string, invited: string): boolean {
  const dot = invited.indexOf('.');
  return dot === -1 ? name === invited : name.endsWith(invited.slice(dot));
}
