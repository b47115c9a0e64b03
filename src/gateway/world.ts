/** What a configuration of this gateway meets when it is compiled. */

import type { World } from '../controlplane/config/compile.ts';
import { farthest, namesOf, type RelayPlace } from '../controlplane/places.ts';
import { guards, upstreams } from '../registry.ts';
import type { Parts } from './assemble.ts';
import { machineAddresses } from './parts.ts';

export function worldOf(
  parts: Pick<Parts, 'tools' | 'switches' | 'contexts' | 'acme' | 'balancer' | 'clientCertificates' | 'post'>,
  relays: readonly RelayPlace[],
  facts: Readonly<{ version: number; checkNonce: string }>,
): World {
  const { tools, switches, contexts, acme, balancer, clientCertificates, post } = parts;
  // What the one before it named is nobody's to wait for.
  clientCertificates.begin();
  return {
    guards,
    upstreams,
    balancing: balancer,
    tools,
    post,
    ways: { relay: farthest(relays), machine: machineAddresses() },
    namesOf: (plan, hasDoors) => namesOf(plan, relays, hasDoors),
    isOpen: (service) => switches.isOpen(service),
    pausedBy: (service) => switches.pausedBy(service),
    openedAt: (service) => switches.openedAt(service),
    ...facts,
    certificates: { isPublic: (host) => contexts.isPublic(host), challenges: acme.answers },
    platform: process.platform,
  };
}
