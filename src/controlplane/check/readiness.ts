/** Says `ready` only for what this program has reached itself, by the visitor's way, and keeps looking until it has. */

import type { Code, SallyportError } from '../../core/errors.ts';
import type { GatewayEvent } from '../config/running.ts';
import type { Place } from '../places.ts';

/** One try to reach a place by the visitor's way. */
export type Reacher = (
  place: Place,
  signal: AbortSignal,
) => Promise<Readonly<{ ok: true }> | Readonly<{ ok: false; code: Code; why: string }>>;

export type Proof = Readonly<{ ca: string | null; fingerprint: string | null; expires: string | null }>;

export type ReadinessOptions = Readonly<{
  reach: Reacher;
  /** What stands in the `ready` line beside the address. */
  proofOf: (place: Place) => Proof;
  onEvent: (event: GatewayEvent) => void;
}>;

/** The first tries follow each other quickly (a start takes milliseconds); later ones cost nobody anything. */
const WAITS_MS: readonly number[] = [20, 50, 100, 200, 500, 1_000, 2_000];
const LAST_WAIT_MS = 5_000;

type Watched = { readonly place: Place; state: 'waiting' | 'ready'; said: string | null; abort: AbortController };

export class Readiness {
  readonly #options: ReadinessOptions;
  #watched = new Map<string, Watched>();
  #closed = false;
  /** Whether visitors can come at all: not while the relay is away, and then nothing is tried. */
  #isOpen = true;
  #shutBy: SallyportError | null = null;

  constructor(options: ReadinessOptions) {
    this.#options = options;
  }

  stateOf(service: string): 'waiting' | 'ready' | null {
    return this.#watched.get(service)?.state ?? null;
  }

  /** From now on exactly these places. One that did not change and was reached is not asked again. */
  watch(places: readonly Place[]): void {
    const before = this.#watched;
    this.#watched = new Map();
    for (const place of places) {
      const old = before.get(place.service);
      before.delete(place.service);
      if (old?.state === 'ready' && old.place.url === place.url) this.#watched.set(place.service, old);
      else this.#begin(place, old);
    }
    for (const gone of before.values()) gone.abort.abort();
  }

  /** The way to all places is shut, for a reason or from the beginning: each is reached anew before it is ready again. */
  shut(error: SallyportError | null): void {
    this.#isOpen = false;
    this.#shutBy = error;
    for (const watched of [...this.#watched.values()]) {
      if (watched.state === 'ready' && error !== null) {
        this.#options.onEvent({ event: 'lost', service: watched.place.service, code: error.code, why: error.message });
        watched.said = error.code;
      }
      this.#begin(watched.place, watched);
    }
  }

  /** It is open, perhaps again. */
  open(): void {
    this.#isOpen = true;
    for (const watched of [...this.#watched.values()]) {
      if (watched.state === 'waiting') this.#begin(watched.place, watched);
    }
  }

  close(): void {
    this.#closed = true;
    for (const watched of this.#watched.values()) watched.abort.abort();
    this.#watched.clear();
  }

  #begin(place: Place, old: Watched | undefined): void {
    old?.abort.abort();
    // What was said of this place is not said again, whatever began anew in between.
    const watched: Watched = { place, state: 'waiting', said: old?.said ?? null, abort: new AbortController() };
    this.#watched.set(place.service, watched);
    if (this.#isOpen) void this.#try(watched);
    else if (this.#shutBy !== null) this.#wait(watched, this.#shutBy.code, this.#shutBy.message, this.#shutBy.hint);
  }

  /** Once for each reason. */
  #wait(watched: Watched, code: Code, why: string, hint: string | null): void {
    if (watched.said === code) return;
    watched.said = code;
    this.#options.onEvent({ event: 'waiting', service: watched.place.service, code, why, hint });
  }

  async #try(watched: Watched): Promise<void> {
    const { place, abort } = watched;
    for (let tries = 0; !abort.signal.aborted && !this.#closed; tries += 1) {
      const found = await this.#options.reach(place, abort.signal);
      if (abort.signal.aborted) return;
      if (found.ok) {
        watched.state = 'ready';
        watched.said = null;
        this.#options.onEvent({
          event: 'ready',
          service: place.service,
          url: place.url,
          reach: place.reach,
          ...this.#options.proofOf(place),
        });
        return;
      }
      // Not for the blink of an eye that every start takes.
      if (tries >= 3) this.#wait(watched, found.code, found.why, null);
      await pause(WAITS_MS[tries] ?? LAST_WAIT_MS, abort.signal);
    }
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
    signal.addEventListener('abort', done);
  });
}
