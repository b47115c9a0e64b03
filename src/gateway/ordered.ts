/** Which names a gateway orders certificates for, and how their authority may look. */

import type { Material } from '../contracts/certificate.ts';
import type { RelayPlace } from '../controlplane/places.ts';
import type { Parts } from './assemble.ts';
import { certified } from './parts.ts';
import type { Snapshot } from '../contracts/snapshot.ts';
import { isOrderable, type AcmeWanted } from '../controlplane/acme/desk.ts';
import { chosenFor } from '../controlplane/certificates/choice.ts';
import type { Config } from '../controlplane/config/plan.ts';

/** Orders what this configuration says, from now on. `closing`: somebody else has a certificate for a name of that service. */
export function order(
  { files, acme, tools }: Pick<Parts, 'files' | 'acme' | 'tools'>,
  relays: readonly RelayPlace[],
  { config, snapshot, closing }: Readonly<{ config: Config; snapshot: Snapshot; closing: (service: string) => Promise<void> }>,
): Promise<void> {
  const { hosts } = certified(snapshot, config, relays);
  const wanted = orderedBy(config, { hosts, snapshot, files: files.current(), behindRelay: relays.length > 0, now: tools.now() });
  return acme.use(wanted, async ({ name }) => {
    if (wanted?.plan.watch !== 'close') return;
    await Promise.all(snapshot.services.filter(({ hosts }) => hosts.includes(name)).map((service) => closing(service.name)));
  });
}

/** Public names of services that do not say `acme: off`, but for those that the operator's files have a certificate for. */
function orderedBy(
  config: Config,
  facts: Readonly<{ hosts: readonly string[]; snapshot: Snapshot; files: readonly Material[]; behindRelay: boolean; now: number }>,
): AcmeWanted {
  const { acme: plan } = config;
  if (plan === null || plan === undefined) return null;
  const off = new Set(config.services.filter(({ acme }) => acme === 'off').map(({ name }) => name));
  const kept = new Set(facts.snapshot.services.filter(({ name }) => off.has(name)).flatMap(({ hosts }) => hosts));
  const names = facts.hosts.filter(
    (host) => isOrderable(host, plan) && !kept.has(host) && chosenFor(facts.files, host, [host], facts.now) === null,
  );
  const speaks = (scheme: string): boolean => config.listen.some((each) => each.scheme === scheme);
  const ways = [
    ...(plan.hook === null ? [] : (['dns-01'] as const)),
    ...(facts.behindRelay || speaks('https') ? (['tls-alpn-01'] as const) : []),
    ...(speaks('http') ? (['http-01'] as const) : []),
  ];
  return { plan, names, ways };
}
