/** The carriers of one gateway at one relay: those that take streams, and those that leave and let theirs end. */

import { fault } from '../core/errors.ts';
import type { SallyportError } from '../core/errors.ts';
import type { Carrier } from './carrier.ts';

/** How often carriers that leave are looked at, and the last streams of a gateway that goes. */
const leavingLookMs = 500;
const goodbyeLookMs = 10;

export class CarrierPool {
  readonly #drainMs: number;
  /** How to give each of them up. */
  readonly #standing = new Map<Carrier, (error: SallyportError) => void>();
  /** Until when they may go on. */
  readonly #leaving = new Map<Carrier, number>();
  readonly #looking: NodeJS.Timeout;
  #stands = Promise.withResolvers<void>();

  /** `drainMs`: how long the streams of a carrier that leaves may go on. */
  constructor(drainMs: number) {
    this.#drainMs = drainMs;
    this.#looking = setInterval(() => this.#lookAtLeaving(), leavingLookMs);
    this.#looking.unref();
  }

  /** How many take new streams. */
  get size(): number {
    return this.#standing.size;
  }

  /** Resolves when one stands. */
  get stands(): Promise<void> {
    return this.#stands.promise;
  }

  /** One that stands. */
  any(): Carrier | null {
    for (const carrier of this.#standing.keys()) if (!carrier.ended) return carrier;
    return null;
  }

  /** Whether each of them has so many streams. */
  crowded(streams: number): boolean {
    for (const carrier of this.#standing.keys()) if (carrier.streams < streams) return false;
    return this.#standing.size > 0;
  }

  has(carrier: Carrier): boolean {
    return this.#standing.has(carrier) || this.#leaving.has(carrier);
  }

  add(carrier: Carrier, giveUp: (error: SallyportError) => void): void {
    this.#standing.set(carrier, giveUp);
    this.#stands.resolve();
  }

  /** Gives up a carrier that stands, and why. False when it stands no more. */
  giveUp(carrier: Carrier, error: SallyportError): boolean {
    const giveUp = this.#standing.get(carrier);
    giveUp?.(error);
    return giveUp !== undefined;
  }

  /** Nothing is left of it. */
  delete(carrier: Carrier): void {
    this.#leaving.delete(carrier);
    if (this.#standing.delete(carrier) && this.#standing.size === 0) this.#stands = Promise.withResolvers<void>();
  }

  /** It takes no new streams; those that run may end. */
  retire(carrier: Carrier): void {
    this.delete(carrier);
    if (!carrier.ended) this.#leaving.set(carrier, performance.now() + this.#drainMs);
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
      carrier.close(fault('carrier-idle', 'the relay has said goodbye'));
    }
  }
}
