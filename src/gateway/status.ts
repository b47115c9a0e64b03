/** One service of a running gateway, as `status` shows it. */

import type { AcmeDesk } from '../controlplane/acme/desk.ts';
import type { Sources } from '../controlplane/check/sources.ts';
import type { Service } from '../contracts/snapshot.ts';
import type { BackendState } from '../contracts/balance.ts';
import type { BackendStatus, ServiceStatus } from '../controlplane/config/running.ts';
import type { Place } from '../controlplane/places.ts';

export type StatusFacts = Readonly<{
  places: readonly Place[];
  readiness: 'waiting' | 'ready' | null;
  access: string;
  live: number;
  risks: readonly string[];
  backends: readonly BackendState[];
  now: number;
}>;

export function statusOf(service: Service, facts: StatusFacts): ServiceStatus {
  const urls = [...new Set(facts.places.map(({ url }) => url))];
  const expired = service.expires !== null && service.expires <= facts.now;
  return {
    name: service.name,
    url: urls[0] ?? null,
    urls,
    reach: facts.places[0]?.reach ?? null,
    state: !service.open ? 'closed' : expired ? 'expired' : (facts.readiness ?? 'waiting'),
    upstream: service.words,
    access: facts.access,
    expires: service.expires === null ? null : new Date(service.expires).toISOString(),
    live: facts.live,
    risks: facts.risks,
    ...(facts.backends.length === 0 ? {} : { backends: facts.backends.map(backendOf) }),
  };
}

function backendOf({ since, ...state }: BackendState): BackendStatus {
  return { ...state, since: new Date(since).toISOString() };
}

/** What the owner should know of a service, each by its word. */
export function risksOf(
  { name, hosts, relayTerminates }: Service,
  sources: Pick<Sources, 'risksOf'>,
  acme: Pick<AcmeDesk, 'risksOf'>,
): readonly string[] {
  return [...sources.risksOf(name), ...acme.risksOf(hosts), ...(relayTerminates === true ? ['relay-reads'] : [])];
}
