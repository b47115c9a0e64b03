/** The one timer of a shared bandwidth: it runs while somebody waits. */

import { FairShare, type PartyTerms } from '../../../core/policy/fair-share.ts';
import type { Waiter } from '../../../core/policy/permit.ts';

/** Twenty milliseconds of a bandwidth are moved at once: TCP has as much on its way. */
const tickMs = 20;

export class Pacer {
  readonly #share: FairShare;
  readonly #now: () => number;
  #timer: NodeJS.Timeout | null = null;

  constructor(partiesMax: number, now: () => number) {
    this.#share = new FairShare(partiesMax);
    this.#now = now;
  }

  set bytesPerSecond(whole: number | null) {
    this.#share.bytesPerSecond = whole;
  }

  take(terms: PartyTerms, bytes: number, waiter: Waiter): boolean {
    const may = this.#share.take(terms, bytes, waiter, this.#now());
    if (!may) this.#timer ??= setInterval(() => this.#tick(), tickMs).unref();
    return may;
  }

  leave(terms: PartyTerms, waiter: Waiter): void {
    this.#share.leave(terms, waiter);
  }

  #tick(): void {
    this.#share.tick(this.#now());
    if (this.#share.waits || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }
}
