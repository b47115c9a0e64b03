/** Which handshakes ask for a client certificate, and of which authorities. */

import type { Service, Snapshot } from '../../contracts/snapshot.ts';
import type { Behind } from './plan.ts';

/** The authorities (PEM) of one guard, at this moment. */
export type Asks = () => readonly string[];

type AskingService = Readonly<{
  kind: Behind['is'];
  service: Pick<Service, 'name' | 'hosts'>;
  access: Readonly<{ asks: readonly Asks[] }>;
}>;

/**
 * By the name alone, for the path is not known yet: where several services share one, all of their authorities are named, and
 * each guard takes its own. Null where no service of this gateway wants a certificate.
 */
export function askingNames(built: readonly AskingService[]): NonNullable<Snapshot['asking']> | null {
  const wanting = built.filter(({ access }) => access.asks.length > 0);
  if (wanting.length === 0) return null;
  const byName = new Map<string, readonly Asks[]>();
  const byProxy = new Map<string, readonly Asks[]>();
  // The one service of a gateway that answers to every name, and to none.
  const everywhere: Asks[] = [];
  for (const { kind, service, access } of wanting) {
    if (kind === 'egress') byProxy.set(service.name, access.asks);
    else if (service.hosts.length === 0) everywhere.push(...access.asks);
    else for (const host of service.hosts) byName.set(host, [...(byName.get(host) ?? []), ...access.asks]);
  }
  return (name, proxy) => {
    const asks = proxy !== null ? byProxy.get(proxy.service) : [...everywhere, ...(name === null ? [] : (byName.get(name) ?? []))];
    const roots = [...new Set((asks ?? []).flatMap((each) => each()))];
    return roots.length === 0 ? null : roots;
  };
}
