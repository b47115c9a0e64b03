/** The carriers of one gateway at one relay: those that take streams, and those that leave and let theirs end. */

import { fault } from '../core/errors.ts';
import type { SallyportError } from '../core/errors.ts';
import type { Carrier } from './carrier.ts';

/** How often carriers that leave are looked at, and the last streams of a gateway that goes. */
const leavingLookMs = 500;
const goodbyeLookMs = 10;

/** How a carrier that stands ends before its time: given up as broken, or, where others do its work, given back. */
export type Ends = Readonly<{ giveUp: (error: SallyportError) => void; giveBack: (() => void) | null }>;

export type PoolOptions = Readonly<{
  /** How long the streams of a carrier that leaves may go on. */
  drainMs: number;
  /** How long more carriers than are needed are kept. */
  spareMs: number;
  /** As many are always needed. */
  least: number;
  /** One is enough for so many streams: well below where the next one is dialled, so that nothing swings. */
  streamsEach: number;
}>;

export class CarrierPool {
  readonly #options: PoolOptions;
  readonly #standing = new Map<Carrier, Ends>();
  /** Until when they may go on. */
  readonly #leaving = new Map<Carrier, number>();
  readonly #looking: NodeJS.Timeout;
  #stands = Promise.withResolvers<void>();
  /** When as many as there are were needed last. */
  #neededAt = performance.now();

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#looking = setInterval(() => {
      this.#lookAtLeaving();
      this.#lookAtSpares();
    }, leavingLookMs);
    this.#looking.unref();
  }

  /** How many stand. */
  get size(): number {
    return this.#standing.size;
  }

  /** Resolves when one stands. */
  get stands(): Promise<void> {
    return this.#stands.promise;
  }

  /** How many take new streams at this moment: not those whose connection broke, and which may come back. */
  get taking(): number {
    return [...this.#standing.keys()].filter(({ ended, suspended }) => !ended && !suspended).length;
  }

  /** One that stands; one whose connection broke only where there is no other. */
  any(): Carrier | null {
    let away: Carrier | null = null;
    for (const carrier of this.#standing.keys()) {
      if (carrier.ended) continue;
      if (!carrier.suspended) return carrier;
      away ??= carrier;
    }
    return away;
  }

  /** The shortest round trip of those that stand, in milliseconds; null while none is known. */
  get roundTripMs(): number | null {
    const known = [...this.#standing.keys()].flatMap(({ roundTripMs }) => (roundTripMs === null ? [] : [roundTripMs]));
    return known.length === 0 ? null : Math.min(...known);
  }

  /** Whether each of them has so many streams. */
  crowded(streams: number): boolean {
    for (const carrier of this.#standing.keys()) if (carrier.streams < streams) return false;
    return this.#standing.size > 0;
  }

  has(carrier: Carrier): boolean {
    return this.#standing.has(carrier) || this.#leaving.has(carrier);
  }

  add(carrier: Carrier, ends: Ends): void {
    this.#standing.set(carrier, ends);
    this.#stands.resolve();
  }

  /** Gives up a carrier that stands, and why. False when it stands no more. */
  giveUp(carrier: Carrier, error: SallyportError): boolean {
    const ends = this.#standing.get(carrier);
    ends?.giveUp(error);
    return ends !== undefined;
  }

  /** Nothing is left of it. */
  delete(carrier: Carrier): void {
    this.#leaving.delete(carrier);
    if (this.#standing.delete(carrier) && this.#standing.size === 0) this.#stands = Promise.withResolvers<void>();
  }

  /** It takes no new streams; those that run may end. */
  retire(carrier: Carrier): void {
    this.delete(carrier);
    if (!carrier.ended) this.#leaving.set(carrier, performance.now() + this.#options.drainMs);
  }

  /** Takes the connection from whoever does not answer in time: what runs goes on over another one, and where nothing runs the carrier ends. */
  probe(ms: number): void {
    for (const carrier of this.#all())
      void carrier.probe(ms).then((alive) => {
        if (!alive) carrier.doubt(fault('carrier-idle', 'it did not answer after the network had changed'));
      });
  }

  /** Says on all that this process goes (`interrupted` means that, and nothing else), waits for their streams so long, and closes them. Nothing may be added any more. */
  async close(ms: number): Promise<void> {
    clearInterval(this.#looking);
    // Nobody waits for ever.
    this.#stands.resolve();
    const all = this.#all();
    for (const carrier of all) carrier.goaway('interrupted');
    const end = performance.now() + ms;
    while (all.some((carrier) => !carrier.ended && carrier.streams > 0) && performance.now() < end)
      await new Promise((resolve) => void setTimeout(resolve, goodbyeLookMs));
    for (const carrier of all) carrier.close(fault('interrupted', 'the gateway is going'));
  }

  #all(): readonly Carrier[] {
    return [...this.#standing.keys(), ...this.#leaving.keys()];
  }

  #lookAtLeaving(): void {
    for (const [carrier, until] of this.#leaving) {
      if (carrier.streams > 0 && performance.now() < until) continue;
      this.#leaving.delete(carrier);
      carrier.close(fault('carrier-idle', 'it has said goodbye, or was told so'));
    }
  }

  /** One at a time, and only where nothing runs: a WebSocket is not cut to save a connection. */
  #lookAtSpares(): void {
    const { spareMs, least, streamsEach } = this.#options;
    const now = performance.now();
    let streams = 0;
    for (const carrier of this.#standing.keys()) streams += carrier.streams;
    if (this.#standing.size <= Math.max(least, Math.ceil(streams / streamsEach))) this.#neededAt = now;
    if (now - this.#neededAt < spareMs) return;
    for (const [carrier, { giveBack }] of this.#standing) if (giveBack !== null && carrier.streams === 0) return giveBack();
  }
}
