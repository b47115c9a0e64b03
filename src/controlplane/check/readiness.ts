/** Says `ready` only for what this program has reached itself, by the visitor's way, and keeps looking until it has. */

import type { Code } from '../../core/errors.ts';
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

  /** The way to all places broke: each is reached anew before it is ready again. */
  lost(code: Code, why: string): void {
    for (const watched of [...this.#watched.values()]) {
      if (watched.state === 'ready') this.#options.onEvent({ event: 'lost', service: watched.place.service, code, why });
      this.#begin(watched.place, watched);
    }
  }

  close(): void {
    this.#closed = true;
    for (const watched of this.#watched.values()) watched.abort.abort();
    this.#watched.clear();
  }

  #begin(place: Place, old: Watched | undefined): void {
    old?.abort.abort();
    const watched: Watched = { place, state: 'waiting', said: null, abort: new AbortController() };
    this.#watched.set(place.service, watched);
    void this.#try(watched);
  }

  async #try(watched: Watched): Promise<void> {
    const { place, abort } = watched;
    for (let tries = 0; !abort.signal.aborted && !this.#closed; tries += 1) {
      const found = await this.#options.reach(place, abort.signal);
      if (abort.signal.aborted) return;
      if (found.ok) {
        watched.state = 'ready';
        this.#options.onEvent({
          event: 'ready',
          service: place.service,
          url: place.url,
          reach: place.reach,
          ...this.#options.proofOf(place),
        });
        return;
      }
      // Said once for each reason, and not for the blink of an eye that every start takes.
      if (tries >= 3 && watched.said !== found.code) {
        watched.said = found.code;
        this.#options.onEvent({ event: 'waiting', service: place.service, code: found.code, why: found.why });
      }
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
