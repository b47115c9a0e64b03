/** Small facts and orders that the wiring of a gateway needs. */

import { networkInterfaces } from 'node:os';
import type { Snapshot } from '../contracts/snapshot.ts';
import type { Closable } from '../contracts/stream.ts';
import type { Wanted } from '../controlplane/certificates/contexts.ts';
import type { Config } from '../controlplane/config/plan.ts';
import { doorsOf } from '../controlplane/config/proxy.ts';
import { SallyportError } from '../core/errors.ts';
import { readPortName } from '../core/port-name.ts';
import { doorAddresses, relayName, type RelayPlace } from '../controlplane/places.ts';

/** The addresses of this machine's interfaces that others could dial, v4 first. */
export function machineAddresses(): readonly string[] {
  return Object.values(networkInterfaces())
    .flatMap((all) => all ?? [])
    .filter((each) => !each.internal && !each.address.startsWith('fe80:'))
    .toSorted((one, other) => one.family.localeCompare(other.family))
    .map((each) => each.address);
}

/** What needs a certificate: the names of the services, and the addresses of the doors with TLS. */
export function certified(snapshot: Snapshot, config: Config, relays: readonly RelayPlace[]): Wanted {
  // What is passed on unread shows its own certificate: one of ours for its name would be a way to end its TLS here.
  const ours = snapshot.services.filter(
    ({ hosts }) => !hosts.some((host) => snapshot.unread?.(host) === true || readPortName(host) !== null),
  );
  const hosts = new Set(ours.flatMap(({ name, hosts: own }) => (own.length > 0 ? own : relays.map((relay) => relayName(name, relay)))));
  const addresses = doorAddresses(doorsOf(config), machineAddresses());
  const everyName = ours.some((service) => service.hosts.length === 0);
  if (addresses.length > 0 && everyName) hosts.add('localhost');
  return { hosts: [...hosts], addresses, any: everyName, policy: config.tls?.policy ?? 'intermediate' };
}

/** Errors: `service-missing`, with the names that there are. */
export function assertService(name: string, services: Snapshot['services']): void {
  if (services.some((service) => service.name === name)) return;
  const known = services.map((service) => service.name).join(', ');
  throw new SallyportError('service-missing', `There is no service ${name} here.`, { hint: `There is: ${known}.` });
}

/** Ends what was begun, the last first; one that fails does not keep the others. */
export async function closeAll(ends: readonly Closable[]): Promise<void> {
  for (const each of ends.toReversed()) await each.close().catch(() => undefined);
}

/** Of anything that was thrown. Never shown to visitors. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Whether every service of this name lets a relay end its TLS: one that does not keeps all of the name to ourselves. */
export function mayTerminate({ services }: Snapshot, name: string): boolean {
  const named = services.filter(({ hosts }) => hosts.includes(name));
  return named.length > 0 && named.every(({ relayTerminates }) => relayTerminates === true);
}
