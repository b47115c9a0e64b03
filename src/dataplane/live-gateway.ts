/** A process of a gateway with all its carriers. They hold its names together: one that is lost takes its own streams only. */

import { SallyportError, fault } from '../core/errors.ts';
import type { Fault } from '../core/errors.ts';
import type { Limits } from '../core/limits.ts';
import type { Opening } from '../core/mux/opening.ts';
import type { Stream } from '../contracts/stream.ts';
import type { Carrier } from './carrier.ts';
import type { SharingOffer } from './sharing.ts';

/** A carrier whose gateway was let in. */
export type LiveCarrier = Readonly<{
  fingerprint: string;
  /** Of the process: carriers of one key and one instance are one gateway. */
  instance: string;
  /** The address it came from. */
  from: string;
  since: number;
  carrier: Carrier;
  offer: SharingOffer;
}>;

/** More than any carrier has streams: one that may be dead is taken only where there is no other. */
const doubt = 1e9;

export class LiveGateway {
  readonly fingerprint: string;
  readonly instance: string;
  readonly names = new Set<string>();
  /** Names whose TLS the relay may end: its own word, of its newest registration. */
  terminable: ReadonlySet<string> = new Set();
  /** When it was given a visitor last, by a clock that never jumps. */
  openedAt = 0;
  /** The newest registration: one that was sent earlier on another carrier and came later is worth nothing. */
  lastAsk = -1;
  /** One registration after the other, whichever carrier it came on. */
  turn: Promise<unknown> = Promise.resolve();
  /** Let in, and silent since. */
  readonly #greeted = new Set<LiveCarrier>();
  /** In the order in which they came. */
  readonly #takers = new Set<LiveCarrier>();
  /** One side said goaway: what runs may end, nothing begins. */
  readonly #leaving = new Set<LiveCarrier>();
  /** Asked whether they live, and silent since. */
  readonly #doubted = new Set<LiveCarrier>();
  /** Streams of shared names that nobody has said a byte on, and since when, or since it was asked whether it lives: the oldest first. */
  readonly #unanswered = new Map<Stream, number>();
  #watching = false;
  /** What it was told, or is being told, of its names. */
  readonly #news = new Set<string>();

  constructor(fingerprint: string, instance: string) {
    this.fingerprint = fingerprint;
    this.instance = instance;
  }

  /** Whether any carrier takes new streams. */
  get stands(): boolean {
    return this.#takers.size > 0;
  }
  /** Whether any of them has a connection now: a carrier that waits for another one takes nothing. */
  get reachable(): boolean {
    for (const { carrier } of this.#takers) if (!carrier.ended && !carrier.suspended) return true;
    return false;
  }
  /** What it says of sharing, by its newest carrier. */
  get offer(): SharingOffer {
    return this.carriers.at(-1)?.offer ?? { shares: false, store: null };
  }
  get carriers(): readonly LiveCarrier[] {
    return [...this.#greeted, ...this.#takers, ...this.#leaving];
  }
  get streams(): number {
    return this.carriers.reduce((count, { carrier }) => count + carrier.streams, 0);
  }

  get facts(): Readonly<{
    fingerprint: string;
    from: string;
    since: number;
    names: readonly string[];
    carriers: number;
    streams: number;
    roundTripMs: number | null;
  }> {
    const { carriers, fingerprint, streams } = this;
    const last = carriers.at(-1);
    const since = Math.min(...carriers.map((each) => each.since));
    const names = [...this.names].toSorted();
    return {
      fingerprint,
      from: last?.from ?? '',
      since,
      names,
      carriers: carriers.length,
      streams,
      roundTripMs: last?.carrier.roundTripMs ?? null,
    };
  }

  add(live: LiveCarrier): void {
    this.#greeted.add(live);
  }

  /**
   * The carrier takes streams from its first registration on: what is opened before could reach its gateway together with
   * our `accepted`, and would be taken for a fault. Whoever comes again may come because another carrier is dead and only
   * its own side knows: the others are asked, and take no new streams before they have answered. Those that do not within
   * `probeMs` are closed.
   */
  stand(live: LiveCarrier, probeMs: number): void {
    if (!this.#greeted.delete(live)) return;
    for (const other of this.#takers) void this.#ask(other, probeMs);
    this.#takers.add(live);
  }

  retire(live: LiveCarrier): void {
    if (this.#takers.delete(live) || this.#greeted.delete(live)) this.#leaving.add(live);
  }

  /** Returns whether nothing is left of the gateway. */
  remove(live: LiveCarrier): boolean {
    for (const some of [this.#greeted, this.#takers, this.#leaving]) some.delete(live);
    return this.carriers.length === 0;
  }

  /** Opens a stream on the carrier with the fewest; on another where that one has no room. Null: none has. */
  open(opening: Opening): Stream | null {
    this.openedAt = performance.now();
    const first = this.#leastLoaded();
    const stream = first?.carrier.open(opening) ?? null;
    if (stream !== null) return stream;
    for (const live of this.#takers) {
      const other = live === first ? null : live.carrier.open(opening);
      if (other !== null) return other;
    }
    return null;
  }

  /** Whether any carrier answers within this time. */
  async probe(ms: number): Promise<boolean> {
    const asked = this.carriers.map(async ({ carrier }) => {
      if (!(await carrier.probe(ms))) throw new Error('no answer');
    });
    return Promise.any(asked).then(
      () => true,
      () => false,
    );
  }

  /** Asks a gateway that others stand by for whether it lives. If it does not answer, streams that it has not said a byte on go to them. */
  async doubt({ carrierProbeMs }: Pick<Limits, 'carrierProbeMs'>): Promise<void> {
    if (await this.probe(carrierProbeMs)) return;
    for (const { carrier } of this.carriers) carrier.doubt(fault('carrier-idle', 'it did not answer while another gateway stood by'));
    // One carrier may have ended with nothing on it while another one waits for its connection with all of them.
    this.giveUpUnanswered();
  }

  giveUpUnanswered(): void {
    for (const stream of [...this.#unanswered.keys()]) stream.destroy(new SallyportError('carrier-idle', 'its gateway does not answer'));
  }

  /** Something is wrong with a name that it holds: its owner hears of it once. */
  tell(what: 'crowded' | 'failing', name: string): void {
    const news = `${what} ${name}`;
    if (this.#news.has(news)) return;
    this.#news.add(news);
    this.nudge();
  }

  /** The gateway was told how its name is held. */
  told(what: 'crowded' | 'failing', name: string, is: boolean): void {
    if (!is) this.#news.delete(`${what} ${name}`);
  }

  /** Asks the gateway to register again: how it holds its names has changed. */
  nudge(): void {
    for (const { carrier, offer } of this.#takers) {
      if (!offer.shares || carrier.ended || carrier.suspended) continue;
      carrier.message('names', { ask: null, answers: [] });
      return;
    }
  }

  /** Remembers a stream until its first byte has come; while one waits for it longer than `standbyDoubtMs` the gateway is asked. */
  watch(stream: Stream, limits: Pick<Limits, 'standbyDoubtMs' | 'carrierProbeMs'>): void {
    const answered = (): void => {
      this.#unanswered.delete(stream);
      stream.off('readable', answered);
      stream.off('close', answered);
    };
    this.#unanswered.set(stream, performance.now());
    stream.once('readable', answered);
    stream.once('close', answered);
    if (!this.#watching) void this.#watchOldest(limits);
  }

  async #watchOldest(limits: Pick<Limits, 'standbyDoubtMs' | 'carrierProbeMs'>): Promise<void> {
    this.#watching = true;
    for (let [oldest] = this.#unanswered; oldest !== undefined; [oldest] = this.#unanswered) {
      const [stream, since] = oldest;
      const ms = since + limits.standbyDoubtMs - performance.now();
      if (ms > 0) await new Promise((resolve) => void setTimeout(resolve, ms).unref());
      if (!this.#unanswered.has(stream)) continue;
      await this.doubt(limits);
      // It lives, and may need long for an answer: asked again after the same time.
      for (const each of [...this.#unanswered.keys()]) {
        this.#unanswered.delete(each);
        this.#unanswered.set(each, performance.now());
      }
    }
    this.#watching = false;
  }

  async #ask(live: LiveCarrier, probeMs: number): Promise<void> {
    this.#doubted.add(live);
    const alive = await live.carrier.probe(probeMs);
    this.#doubted.delete(live);
    if (!alive) live.carrier.close(fault('carrier-idle', 'it did not answer when another carrier of its process came'));
  }

  close(why: Fault): void {
    for (const { carrier } of this.carriers) carrier.close(why);
  }

  #leastLoaded(): LiveCarrier | null {
    let least: LiveCarrier | null = null;
    let leastLoad = Infinity;
    for (const live of this.#takers) {
      const load = live.carrier.streams + (this.#doubted.has(live) ? doubt : 0);
      if (live.carrier.ended || load >= leastLoad) continue;
      least = live;
      leastLoad = load;
    }
    return least;
  }
}
