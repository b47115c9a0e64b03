/** The relays of a gateway: each with its own carriers and the names that are its own; what is true of one says nothing of another. */

import type { Snapshot } from '../contracts/snapshot.ts';
import type { Closable } from '../contracts/stream.ts';
import type { TunnelArrival } from '../contracts/tunnel.ts';
import type { RelayStatus } from '../controlplane/config/running.ts';
import { isNameAt, relayName, type RelayPlace } from '../controlplane/places.ts';
import type { SallyportError } from '../core/errors.ts';
import type { Limits } from '../core/limits.ts';
import type { RelayLeg } from './relay-leg.ts';
import { RelaySide } from './relay-side.ts';

export type RelaysOptions = Readonly<{
  legs: readonly RelayLeg[];
  limits: Limits;
  mayTerminate: (name: string) => boolean;
  /** `relay` as it stands in the record. */
  onArrival: (arrival: TunnelArrival, relay: string) => void;
  /** The names that a relay holds are others: addresses may be. */
  onNames: () => void;
  /** By the relay's address. */
  onOpen: (relay: string) => void;
  onShut: (relay: string, error: SallyportError) => void;
  onRefused: (error: SallyportError) => void;
}>;

export class Relays implements Closable {
  readonly places: readonly RelayPlace[];
  readonly #sides: ReadonlyMap<string, RelaySide>;
  readonly #joined: boolean;

  constructor({ legs, limits, mayTerminate, onArrival, onNames, onOpen, onShut, onRefused }: RelaysOptions) {
    this.places = legs.map(({ place }) => place);
    this.#joined = legs.some(({ place }) => !place.embedded);
    this.#sides = new Map(
      legs.map((leg) => {
        const { address, host, embedded } = leg.place;
        const side = new RelaySide({
          leg,
          limits,
          mayTerminate,
          onNames,
          onRefused,
          onArrival: (arrival) => onArrival(arrival, embedded ? 'here' : host),
          onOpen: () => onOpen(address),
          onShut: (error) => onShut(address, error),
        });
        return [address, side];
      }),
    );
  }

  /** Each relay is told its names of what is open, and no other's. Waits for nobody. */
  tell({ services }: Snapshot): void {
    const open = services.filter((service) => service.open);
    for (const place of this.places) {
      const names = open.flatMap(({ name, hosts }) => (hosts.length === 0 ? [relayName(name, place)] : hosts));
      this.#sides.get(place.address)?.tell(names.filter((name) => isNameAt(name, place, this.places)));
    }
  }

  isRefused({ address }: RelayPlace, name: string): boolean {
    return this.#sides.get(address)?.isRefused(name) ?? false;
  }

  /** Of those that were joined. */
  status(): readonly RelayStatus[] {
    return this.#joined ? [...this.#sides.values()].map((side) => side.status()) : [];
  }

  async close(): Promise<void> {
    await Promise.all([...this.#sides.values()].map((side) => side.close()));
  }
}
