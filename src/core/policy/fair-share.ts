/** A bandwidth shared fairly: each party gets by its weight, what one leaves the others have, and none more than its own rate. */

import type { Waiter } from './permit.ts';

/** What a socket gives at once; a party that is let on takes as much. */
const pieceBytes = 65_536;
/** What a party may have saved: so much of a second. */
const savedSeconds = 0.05;
/** After a longer rest, or a clock that jumps, all have saved what they may. */
const restMsMax = 1_000;

export type PartyTerms = Readonly<{ name: string; weight: number; bytesPerSecond: number | null }>;

type Party = {
  terms: PartyTerms;
  /** Bytes that it may move now; below zero it has moved ahead, and waits until that is paid. */
  credit: number;
  /** First come, first served; one piece each. */
  readonly waiting: Set<Waiter>;
};

/**
 * Token buckets that borrow: a tick gives what has come since the last one to those who lack something, by weight and max-min
 * (who needs less than its share leaves the rest to the others; Demers, Keshav, Shenker: Fair Queueing, 1989). A piece that
 * was read is charged even if there was no credit, so that averages hold; connections of one party share what it gets.
 * Pure but for its own memory: time is handed in, in milliseconds.
 */
export class FairShare {
  readonly #partiesMax: number;
  readonly #parties = new Map<string, Party>();
  #bytesPerSecond: number | null = null;
  #last: number | null = null;
  #waiting = 0;

  constructor(partiesMax: number) {
    this.#partiesMax = partiesMax;
  }

  /** The whole, in bytes a second; null where only rates of parties hold. */
  set bytesPerSecond(whole: number | null) {
    this.#bytesPerSecond = whole;
  }

  /** Whether anybody waits: then `tick` has to be called. */
  get waits(): boolean {
    return this.#waiting > 0;
  }

  get size(): number {
    return this.#parties.size;
  }

  /** Charges a party. False: it waits, and `waiter` is told when it may go on. */
  take(terms: PartyTerms, bytes: number, waiter: Waiter, now: number): boolean {
    if (this.#bytesPerSecond === null && terms.bytesPerSecond === null) return true;
    if (!this.waits) this.tick(now);
    const party = this.#partyOf(terms);
    party.credit -= bytes;
    if (party.credit > 0 && party.waiting.size === 0) return true;
    if (!party.waiting.has(waiter)) this.#waiting += 1;
    party.waiting.add(waiter);
    return false;
  }

  /** Forgets one who waits no more. */
  leave({ name }: PartyTerms, waiter: Waiter): void {
    if (this.#parties.get(name)?.waiting.delete(waiter) === true) this.#waiting -= 1;
  }

  /** Gives what has come since the last tick, and lets on who may. */
  tick(now: number): void {
    const ms = Math.min(Math.max(0, now - (this.#last ?? now - restMsMax)), restMsMax);
    this.#last = now;
    if (ms === 0) return;
    this.#give(ms / 1_000);
    for (const [name, party] of this.#parties) {
      this.#letOn(party);
      // Whoever has all that may be saved is as one who was never here.
      if (party.waiting.size === 0 && party.credit >= this.#savedOf(party)) this.#parties.delete(name);
    }
  }

  #give(seconds: number): void {
    let left = this.#bytesPerSecond === null ? Infinity : this.#bytesPerSecond * seconds;
    let wanting = [...this.#parties.values()]
      .map((party) => ({ party, wants: this.#wantsOf(party, seconds) }))
      .filter(({ wants }) => wants > 0);
    while (wanting.length > 0 && left > 0) {
      const weights = wanting.reduce((sum, { party }) => sum + party.terms.weight, 0);
      const each = left / weights;
      const content = wanting.filter(({ party, wants }) => wants <= each * party.terms.weight);
      // Nobody is content with a share: all get theirs, and nothing is left.
      for (const { party, wants } of content.length > 0 ? content : wanting) {
        const given = content.length > 0 ? wants : each * party.terms.weight;
        party.credit += given;
        left -= given;
      }
      if (content.length === 0) return;
      wanting = wanting.filter((one) => !content.includes(one));
    }
  }

  /** What is missing to what it may have saved, as far as its own rate allows. */
  #wantsOf(party: Party, seconds: number): number {
    const { bytesPerSecond } = party.terms;
    return Math.min(this.#savedOf(party) - party.credit, bytesPerSecond === null ? Infinity : bytesPerSecond * seconds);
  }

  #savedOf({ terms }: Party): number {
    const rate = Math.min(terms.bytesPerSecond ?? Infinity, this.#bytesPerSecond ?? Infinity);
    return Math.max(pieceBytes, Number.isFinite(rate) ? rate * savedSeconds : 0);
  }

  #letOn(party: Party): void {
    let pieces = party.credit > 0 ? Math.max(1, Math.floor(party.credit / pieceBytes)) : 0;
    for (const waiter of party.waiting) {
      if (pieces === 0) return;
      pieces -= 1;
      party.waiting.delete(waiter);
      this.#waiting -= 1;
      waiter.resume();
    }
  }

  #partyOf(terms: PartyTerms): Party {
    const known = this.#parties.get(terms.name);
    if (known !== undefined) {
      known.terms = terms;
      return known;
    }
    const party: Party = { terms, credit: 0, waiting: new Set() };
    party.credit = this.#savedOf(party);
    this.#parties.set(terms.name, party);
    if (this.#parties.size > this.#partiesMax) this.#forgetOne(party);
    return party;
  }

  /** The one that was met first of those who do not wait. */
  #forgetOne(except: Party): void {
    for (const [name, party] of this.#parties) {
      if (party === except || party.waiting.size > 0) continue;
      this.#parties.delete(name);
      return;
    }
  }
}
