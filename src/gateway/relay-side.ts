/** The gateway's side towards one relay: which names it asks for, and what it makes of the relay's answers. */

import type { Closable } from '../contracts/stream.ts';
import type { NameAnswer, TunnelArrival } from '../contracts/tunnel.ts';
import type { RelayStatus } from '../controlplane/config/running.ts';
import type { Code, SallyportError } from '../core/errors.ts';
import type { Limits } from '../core/limits.ts';
import { dialRelay, type RelayLink, type RelayState } from '../dataplane/dial-relay.ts';
import { Way } from '../dataplane/reach/way.ts';
import type { RelayLeg } from './relay-leg.ts';

const refusedForGood: ReadonlySet<string> = new Set<Code>(['name-refused', 'name-malformed', 'name-unproved']);

export type RelaySideOptions = Readonly<{
  leg: RelayLeg;
  limits: Limits;
  /** Whether the relay may end the TLS of a name. */
  mayTerminate: (name: string) => boolean;
  onArrival: (arrival: TunnelArrival) => void;
  /** Another name than before is held or refused. */
  onNames: () => void;
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
  #state: RelayState = 'connecting';
  #error: SallyportError | null = null;
  #answers = new Map<string, NameAnswer>();

  constructor(options: RelaySideOptions) {
    this.#options = options;
  }

  /** From now on exactly these names. Waits for nobody: a relay that is away is told when it is back. */
  tell(names: readonly string[]): void {
    if (this.#link !== null) {
      this.#link.register(names).catch(() => undefined);
      return;
    }
    const { leg, limits, mayTerminate, onArrival } = this.#options;
    this.#link = dialRelay({
      address: leg.place.address,
      fingerprint: leg.fingerprint,
      identity: leg.identity,
      ...leg.keys,
      way: new Way(leg.via),
      names,
      limits,
      mayTerminate,
      onArrival,
      onNames: (answers) => this.#heard(answers),
      onState: (state, error) => this.#became(state, error),
      signal: this.#stop.signal,
    });
  }

  /** Whether the relay has said that this name is not ours: not that of another process of ours, and not one that is blocked. */
  isRefused(name: string): boolean {
    const answer = this.#answers.get(name);
    return answer?.is === 'refused' && refusedForGood.has(answer.code);
  }

  status(): RelayStatus {
    return {
      relay: this.#options.leg.place.address,
      state: this.#state === 'ready' ? 'ready' : 'waiting',
      code: this.#error?.code ?? null,
      why: this.#error?.message ?? null,
      carriers: this.#link?.carriers() ?? 0,
      roundTripMs: this.#link?.roundTripMs() ?? null,
      names: [...this.#answers.values()].filter(({ is }) => is === 'held').map(({ name }) => name),
    };
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#link?.close();
  }

  #heard(answers: readonly NameAnswer[]): void {
    if (this.#stop.signal.aborted) return;
    const before = this.#answers;
    this.#answers = new Map(answers.map((answer) => [answer.name, answer]));
    if (answers.length !== before.size || answers.some(({ name, is }) => before.get(name)?.is !== is)) this.#options.onNames();
  }

  #became(state: RelayState, error: SallyportError | undefined): void {
    if (this.#stop.signal.aborted) return;
    // While it is dialled anew, what was wrong the last time is what is known.
    if (state !== 'connecting') this.#error = error ?? null;
    this.#state = state;
    if (state === 'lost' && error !== undefined) this.#options.onShut(error);
    if (state !== 'ready') return;
    // Who stands by is not where a visitor comes out: to be reached would prove another gateway.
    if (error?.code === 'name-standby') return this.#options.onShut(error);
    if (error !== undefined) this.#options.onRefused(error);
    this.#options.onOpen();
  }
}
