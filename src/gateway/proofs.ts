/** Where the services of a gateway are reached, how it finds out by itself, and what stands in the `ready` line beside it. */

import type { X509Certificate } from 'node:crypto';
import { contains, parseIp } from '../core/address.ts';
import type { Snapshot } from '../contracts/snapshot.ts';
import type { Contexts } from '../controlplane/certificates/contexts.ts';
import type { Facts } from '../controlplane/certificates/shown.ts';
import { reachPassage } from '../controlplane/check/passage.ts';
import { PortChecks } from '../controlplane/check/port-reach.ts';
import { withPreamble } from '../controlplane/check/preamble.ts';
import { reachSelf, type Reached, type Through } from '../controlplane/check/reach.ts';
import type { Proof } from '../controlplane/check/readiness.ts';
import type { Config, ServicePlan } from '../controlplane/config/plan.ts';
import { portOf } from '../controlplane/config/ports.ts';
import { placesOf, portPlacesOf, type DoorPlace, type Place, type RelayPlace } from '../controlplane/places.ts';
import { defaults } from '../core/limits.ts';
import { openLine } from '../dataplane/reach/line.ts';
import type { Parts } from './assemble.ts';
import { machineAddresses } from './parts.ts';
import type { RelayLeg } from './relay-leg.ts';
import type { Relays } from './relays.ts';

export type ProofsOptions = Readonly<{
  config: () => Config;
  snapshot: () => Snapshot | null;
  doors: () => readonly (DoorPlace & Readonly<{ proxy?: Readonly<{ service: string }> }>)[];
  contexts: Contexts;
  caPath: string;
  /** A certificate that is not ours was shown where visitors of that name come in. */
  onOther: (host: string, shown: X509Certificate) => void;
  legs: readonly RelayLeg[];
  relays: () => Pick<Relays, 'isRefused'>;
  nonce: string;
}>;

/** What of it stands for as long as the process does. */
export function standing({ contexts, ca, legs, acme }: Parts): Pick<ProofsOptions, 'contexts' | 'caPath' | 'legs' | 'onOther'> {
  return { contexts, legs, caPath: ca.path, onOther: (host, shown) => void acme.seen(host, shown).catch(() => undefined) };
}

export class Proofs {
  readonly #options: ProofsOptions;
  /** Asked of whoever comes to a port whether it is us. */
  readonly portChecks = new PortChecks();

  constructor(options: ProofsOptions) {
    this.#options = options;
  }

  /** None where nobody can come. An address says what it is: `tls` where we cannot know what is spoken, `tcp` for what `connect` reaches. */
  placesOf(service: Readonly<{ name: string; hosts: readonly string[] }>): readonly Place[] {
    const { doors, legs, relays } = this.#options;
    const behind = this.#planOf(service.name)?.behind;
    const kind = behind?.is;
    const unread = kind === 'tls';
    const isRefused = (relay: RelayPlace, name: string): boolean => relays().isRefused(relay, name);
    const port = behind === undefined ? null : portOf(behind);
    if (port !== null) return portPlacesOf({ service: service.name, relays: legs.map(({ place }) => place), isRefused }, port);
    // A proxy with addresses of its own is reached there; by its name only where TLS is.
    const isOwn = behind?.is === 'egress' && behind.door.listen.length > 0;
    const suits = (scheme: string): boolean => (!unread && kind !== 'egress') || scheme === 'https';
    const places = placesOf({
      service: service.name,
      hosts: service.hosts,
      doors: doors().filter(({ scheme, proxy }) => (isOwn ? proxy?.service === service.name : proxy === undefined && suits(scheme))),
      relays: isOwn ? [] : legs.map(({ place }) => place),
      isRefused,
      machine: machineAddresses(),
    });
    // What is meant below a path only is reached there.
    const said = this.#planOf(service.name)?.web?.places ?? [];
    if (kind !== 'tls' && kind !== 'tcp')
      return places.map((place) => ({ ...place, url: `${place.url}${said.find(({ host }) => host === place.host)?.path ?? ''}` }));
    return places.map((place) => {
      const host = place.host.includes(':') ? `[${place.host}]` : place.host;
      return { ...place, url: `${kind}://${host}:${place.dial.port}` };
    });
  }

  /** Comes by the visitor's way. */
  reach(place: Place, signal: AbortSignal): Promise<Reached> {
    const plan = this.#planOf(place.service);
    if (plan?.behind.is === 'tls') {
      const { host, port } = plan.behind;
      const byAddress = plan.access?.some((uses) => uses.some(({ guard }) => guard === 'ip')) ?? false;
      const way = plan.proxy === null ? this.#way(place) : { ...this.#way(place), throughToService: withPreamble(plan.proxy) };
      return reachPassage({ name: place.host, outside: place.dial, service: { host, port }, byAddress, signal, ...way });
    }
    const port = plan === null ? null : portOf(plan.behind);
    if (port !== null) return this.portChecks.reach({ port, dial: place.dial, signal, ...this.#way(place) });
    const leaf = this.#isTerminated(place) ? null : this.#leafOf(place);
    const { nonce } = this.#options;
    // The way to a TCP service begins with HTTP, and a stranger is refused there as everywhere.
    const url = place.url.replace(/^tcp:/, place.tls ? 'https:' : 'http:');
    return reachSelf({
      ...place,
      url,
      ca: leaf?.issuer ?? null,
      fingerprint: leaf?.fingerprint ?? null,
      nonce,
      signal,
      onOther: (shown) => this.#options.onOther(place.host, shown),
      ...this.#way(place),
    });
  }

  /** Behind a proxy nobody dials a relay, not even to see whether it passes visitors on; before a door that believes our own address we are a balancer. */
  #way(place: Place): Readonly<{ through?: Through }> {
    if (this.#isBelieved(place)) return { through: withPreamble('v2') };
    const proxy = this.#options.legs.find((leg) => leg.place.address === place.relay)?.via.proxy ?? null;
    if (proxy === null) return {};
    const through: Through = (target, signal) =>
      openLine({
        target,
        proxy,
        limits: defaults,
        hold: (line) => signal.addEventListener('abort', () => line.destroy(new Error('timed out')), { once: true }),
      });
    return { through };
  }

  proofOf(place: Place): Proof {
    const expires = this.#options.snapshot()?.services.find((service) => service.name === place.service)?.expires ?? null;
    const unseen = this.#planOf(place.service)?.behind.is === 'tls' || this.#isTerminated(place);
    const leaf = unseen ? null : this.#leafOf(place);
    return {
      ca: leaf?.isLocal === true ? this.#options.caPath : null,
      fingerprint: leaf?.fingerprint ?? null,
      expires: expires === null ? null : new Date(expires).toISOString(),
    };
  }

  /** What a visitor of that place is shown: by its name, or by none where an address is dialled. */
  #leafOf(place: Place): Facts | null {
    const { contexts } = this.#options;
    return place.tls ? (contexts.leafOf(place.host) ?? contexts.leafOf(null)) : null;
  }

  /** The relay may show a certificate of its own there, and sees what we ask: it is no stranger to what we know. */
  #isTerminated({ service, relay }: Place): boolean {
    return relay !== null && this.#planOf(service)?.terminate === 'relay';
  }

  #isBelieved({ dial }: Place): boolean {
    const from = parseIp(dial.host === 'localhost' ? '127.0.0.1' : dial.host);
    const door =
      this.#options.legs.length === 0 ? this.#options.config().listen.find(({ port }) => port === dial.port || port === 0) : undefined;
    return from !== null && door?.header === undefined && (door?.trust ?? []).some((network) => contains(network, from));
  }

  #planOf(service: string): ServicePlan | null {
    return this.#options.config().services.find(({ name }) => name === service) ?? null;
  }
}
