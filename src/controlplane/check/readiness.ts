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

/** How long the first relay that was reached waits for what the others come to, so that one line says it all. */
const OTHERS_MS = 1_000;

type Why = Readonly<{ code: Code; why: string; hint: string | null }>;

type Watched = {
  readonly place: Place;
  state: 'waiting' | 'ready';
  /** Why it waits, once that is known. */
  why: Why | null;
  said: Code | null;
  readonly abort: AbortController;
};

/** One service: reached when one of its places is. */
type Watch = {
  /** By the address of the relay. */
  readonly watched: Map<string | null, Watched>;
  readonly isAtSeveral: boolean;
  /** The last `ready` line, while it is true that it is ready; null when it is not. */
  told: string | null;
  /** The others have had their time. */
  isLate: boolean;
  timer: NodeJS.Timeout | null;
};

export class Readiness {
  readonly #options: ReadinessOptions;
  #services = new Map<string, Watch>();
  #closed = false;
  /** The relays that visitors cannot come by at all, and why (null from the beginning): nothing is tried there. */
  readonly #shut = new Map<string | null, SallyportError | null>();

  constructor(options: ReadinessOptions) {
    this.#options = options;
  }

  stateOf(service: string): 'waiting' | 'ready' | null {
    const watch = this.#services.get(service);
    if (watch === undefined) return null;
    return reachedOf(watch).length > 0 ? 'ready' : 'waiting';
  }

  /** From now on exactly these places. One that did not change and was reached is not asked again. */
  watch(places: readonly Place[]): void {
    const before = this.#services;
    this.#services = new Map();
    for (const { service } of places) {
      if (this.#services.has(service)) continue;
      const old = before.get(service);
      const isAtSeveral = places.filter((place) => place.service === service).length > 1;
      this.#services.set(service, { watched: new Map(), isAtSeveral, told: old?.told ?? null, isLate: old?.isLate ?? false, timer: null });
    }
    const gone = new Set([...before.values()].flatMap(({ watched }) => [...watched.values()]));
    for (const { timer } of before.values()) if (timer !== null) clearTimeout(timer);
    for (const place of places) {
      const old = before.get(place.service)?.watched.get(place.relay);
      if (old?.place.url === place.url && (old.state === 'ready' || this.#shut.has(place.relay))) {
        this.#services.get(place.service)?.watched.set(place.relay, old);
        gone.delete(old);
      } else this.#begin(place, old);
    }
    for (const old of gone) old.abort.abort();
    for (const [service, watch] of this.#services) this.#settle(service, watch);
  }

  /** The way by that relay (null: by our own doors) is shut, for a reason or from the beginning: what is there is reached anew before it is ready again. */
  shut(relay: string | null, error: SallyportError | null): void {
    this.#shut.set(relay, error);
    for (const [service, watch] of this.#services) {
      const watched = watch.watched.get(relay);
      if (watched === undefined) continue;
      const fell = watched.state === 'ready' && error !== null;
      watched.state = 'waiting';
      if (fell && reachedOf(watch).length === 0) {
        this.#options.onEvent({ event: 'lost', service, code: error.code, why: error.message });
        watched.said = error.code;
        watch.told = null;
      }
      this.#begin(watched.place, watched);
    }
  }

  /** It is open, perhaps again. */
  open(relay: string | null): void {
    this.#shut.delete(relay);
    for (const { watched } of [...this.#services.values()]) {
      const there = watched.get(relay);
      if (there?.state === 'waiting') this.#begin(there.place, there);
    }
  }

  close(): void {
    this.#closed = true;
    for (const { watched, timer } of this.#services.values()) {
      if (timer !== null) clearTimeout(timer);
      for (const { abort } of watched.values()) abort.abort();
    }
    this.#services.clear();
  }

  #begin(place: Place, old: Watched | undefined): void {
    old?.abort.abort();
    const { service, relay } = place;
    // What was said of this place is not said again, whatever began anew in between.
    const watched: Watched = { place, state: 'waiting', why: null, said: old?.said ?? null, abort: new AbortController() };
    this.#services.get(service)?.watched.set(relay, watched);
    if (!this.#shut.has(relay)) return void this.#try(watched);
    const by = this.#shut.get(relay) ?? null;
    if (by !== null) this.#wait(watched, { code: by.code, why: by.message, hint: by.hint });
  }

  /** Once for each reason. Where another relay was reached the service is ready, and its line says what is awaited. */
  #wait(watched: Watched, why: Why): void {
    const { service, relay } = watched.place;
    const watch = this.#services.get(service);
    if (watch === undefined) return;
    watched.why = why;
    if (reachedOf(watch).length > 0) return this.#settle(service, watch);
    if (watched.said === why.code) return;
    watched.said = why.code;
    const { code, hint } = why;
    const where = relay !== null && watch.isAtSeveral ? { relay } : {};
    this.#options.onEvent({ event: 'waiting', service, code, why: why.why, hint, ...where });
  }

  /** Says what has become true of a service that is reached somewhere. */
  #settle(service: string, watch: Watch): void {
    const all = [...watch.watched.values()];
    const reached = reachedOf(watch);
    const [first] = reached;
    if (first === undefined) return;
    const others = all.filter(({ state }) => state === 'waiting');
    if (watch.told === null && !watch.isLate && others.some(({ why }) => why === null)) {
      watch.timer ??= setTimeout(() => {
        watch.timer = null;
        watch.isLate = true;
        this.#settle(service, watch);
      }, OTHERS_MS);
      watch.timer.unref();
      return;
    }
    const { url, reach } = first.place;
    const urls = [...new Set(reached.map(({ place }) => place.url))];
    const waiting = others.map(({ place: { relay }, why }) => ({ relay: relay ?? '', ...(why ?? notYet) }));
    const line = JSON.stringify([urls, waiting.map(({ relay, code }) => [relay, code])]);
    if (watch.told === line) return;
    watch.told = line;
    watch.isLate = false;
    this.#options.onEvent({
      event: 'ready',
      service,
      url,
      ...(urls.length > 1 ? { urls } : {}),
      reach,
      ...this.#options.proofOf(first.place),
      ...(waiting.length > 0 ? { waiting } : {}),
    });
  }

  async #try(watched: Watched): Promise<void> {
    const { place, abort } = watched;
    for (let tries = 0; !abort.signal.aborted && !this.#closed; tries += 1) {
      const found = await this.#options.reach(place, abort.signal);
      if (abort.signal.aborted) return;
      if (found.ok) {
        watched.state = 'ready';
        watched.why = null;
        watched.said = null;
        const watch = this.#services.get(place.service);
        if (watch !== undefined) this.#settle(place.service, watch);
        return;
      }
      // Not for the blink of an eye that every start takes.
      if (tries >= 3) this.#wait(watched, { code: found.code, why: found.why, hint: null });
      await pause(WAITS_MS[tries] ?? LAST_WAIT_MS, abort.signal);
    }
  }
}

const notYet: Why = { code: 'relay-unreachable', why: 'It has not answered yet.', hint: null };

function reachedOf({ watched }: Watch): readonly Watched[] {
  return [...watched.values()].filter(({ state }) => state === 'ready');
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
