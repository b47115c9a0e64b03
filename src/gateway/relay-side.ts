/** The gateway's side towards its relay: which names it asks for, and what it makes of the relay's answers. */

import type { Snapshot } from '../contracts/snapshot.ts';
import type { Closable } from '../contracts/stream.ts';
import type { TunnelArrival } from '../contracts/tunnel.ts';
import { hostPort } from '../core/address.ts';
import type { SallyportError } from '../core/errors.ts';
import type { Limits } from '../core/limits.ts';
import { dialRelay, type RelayLink, type RelayState } from '../dataplane/dial-relay.ts';
import { Way } from '../dataplane/reach/way.ts';
import type { RelayLeg } from './relay-leg.ts';

export type RelaySideOptions = Readonly<{
  leg: RelayLeg;
  limits: Limits;
  onArrival: (arrival: TunnelArrival) => void;
  /** The relay holds our names: visitors can come. */
  onOpen: () => void;
  /** They cannot any more, or not yet, and why. It is tried again. */
  onShut: (error: SallyportError) => void;
  /** Some of the names are refused; the others are held. */
  onRefused: (error: SallyportError) => void;
}>;

export class RelaySide implements Closable {
  readonly #options: RelaySideOptions;
  readonly #stop = new AbortController();
  #link: RelayLink | null = null;

  constructor(options: RelaySideOptions) {
    this.#options = options;
  }

  /** From now on exactly the names of what is open. Waits for nobody: a relay that is away is told when it is back. */
  tell(snapshot: Snapshot): void {
    const { leg, limits, onArrival } = this.#options;
    const { host, port, root, embedded } = leg.place;
    const names = snapshot.services
      .filter(({ open }) => open)
      .flatMap(({ hosts }) => hosts)
      .filter((name) => name === root || name.endsWith(`.${root}`) || !embedded);
    if (this.#link !== null) {
      this.#link.register(names).catch(() => undefined);
      return;
    }
    this.#link = dialRelay({
      address: hostPort(host, port),
      fingerprint: leg.fingerprint,
      identity: leg.identity,
      ...leg.keys,
      way: new Way(leg.via),
      names,
      limits,
      onArrival,
      onState: (state, error) => this.#state(state, error),
      signal: this.#stop.signal,
    });
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#link?.close();
  }

  #state(state: RelayState, error: SallyportError | undefined): void {
    if (this.#stop.signal.aborted) return;
    if (state === 'lost' && error !== undefined) this.#options.onShut(error);
    if (state !== 'ready') return;
    if (error !== undefined) this.#options.onRefused(error);
    this.#options.onOpen();
  }
}
