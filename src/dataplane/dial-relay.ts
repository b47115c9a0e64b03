/** Keeps a gateway at its relay: several carriers, its names, and a new carrier whenever one is lost or leaves. */

import { randomBytes } from 'node:crypto';
import { SallyportError, fault } from '../core/errors.ts';
import type { Opening } from '../core/mux/opening.ts';
import type { NameAnswer } from '../contracts/tunnel.ts';
import type { Carrier } from './carrier.ts';
import { CarrierPool, type Ends } from './carrier-pool.ts';
import type { CarrierStream } from './carrier-stream.ts';
import { comeBack } from './comeback.ts';
import { ChangeWatch } from './change-watch.ts';
import { steadyNow } from './deadlines.ts';
import { type Reached, type ReachOptions, reachRelay } from './reach-relay.ts';
import type { DialOptions, RelayLink, RelayState } from './relay-link.ts';
import { RelayPins } from './relay-pins.ts';
import { Redial } from './redial.ts';
import { Registrar, refusalIn } from './registrar.ts';
import { arrivalOf } from './tunnel-arrival.ts';

export type { DialOptions, RelayLink, RelayState };

/** Reconnects for ever: at once the first time, then with jittered backoff up to `redialMs`. */
export function dialRelay(options: DialOptions): RelayLink {
  return new Link(options);
}

/** More carriers than this help nobody, and a relay takes sixteen of one key. */
const carriersMost = 8;
/** How a carrier ended for us: broken, told by the relay to leave (what runs may end), or given back for good. */
type End = SallyportError | 'leaving' | 'spare';
type Outcome = Readonly<{ end: End; stoodMs: number }>;

class Link implements RelayLink {
  readonly #options: DialOptions;
  readonly #instance = randomBytes(16).toString('hex');
  readonly #stop = new AbortController();
  readonly #ready = Promise.withResolvers<void>();
  readonly #registrar: Registrar;
  readonly #pins: RelayPins;
  readonly #pool: CarrierPool;
  readonly #redials = new Set<Redial>();
  readonly #dialling = new Set<AbortController>();
  readonly #changes: ChangeWatch;
  /** One for each carrier that is kept. */
  readonly #running = new Set<Promise<void>>();
  #grants: readonly string[] = [];
  #state: RelayState = 'connecting';
  /** What was said last of refused names; null when all are held. */
  #refusal: string | null = null;
  #asksAgain = false;
  #closing: Promise<void> | null = null;

  constructor(options: DialOptions) {
    const { limits, signal, names } = options;
    this.#options = options;
    this.#registrar = new Registrar(names, () => void this.#askAgain(), options.mayTerminate);
    this.#pins = new RelayPins(options);
    const count = Math.min(carriersMost, Math.max(1, limits.carriersPerRelay));
    this.#pool = new CarrierPool({
      drainMs: limits.carrierDrainMs,
      spareMs: limits.carrierSpareMs,
      least: count,
      streamsEach: Math.max(1, limits.carrierStreamsMax / 4),
    });
    this.#ready.promise.catch(() => undefined);
    this.#changes = new ChangeWatch({ ...options.watching, changed: () => this.#changed() });
    signal.addEventListener('abort', () => void this.close(), { once: true, signal: this.#stop.signal });
    if (signal.aborted) this.#stop.abort();
    for (let index = 0; index < count; index += 1) this.#start(index === 0);
    if (signal.aborted) void this.close();
  }

  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  grants(): readonly string[] {
    return this.#grants;
  }

  carriers(): number {
    return this.#pool.taking;
  }

  roundTripMs(): number | null {
    return this.#pool.roundTripMs;
  }

  async register(names: readonly string[]): Promise<readonly NameAnswer[]> {
    this.#registrar.names = names;
    for (;;) {
      try {
        return this.#heard(await this.#registrar.ask(() => this.#pool.any()));
      } catch (error) {
        // The carrier was lost; the names must not be lost with it while another one stands.
        if (this.#pool.any() === null) throw error;
      }
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#goodbye();
    return this.#closing;
  }

  async #goodbye(): Promise<void> {
    this.#stop.abort();
    this.#changes.close();
    this.#ready.reject(closed());
    await this.#pool.close(this.#options.limits.goodbyeMs);
    await Promise.all(this.#running);
  }

  /** Keeps one carrier. The first one leads: the others come where it has got through, so that a relay that is away is asked by one. */
  async #keep(redial: Redial, leads: boolean): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      if (!leads) await this.#pool.stands;
      if (signal.aborted) return;
      if (leads && this.#state !== 'ready') this.#say('connecting');
      const { end, stoodMs } = await this.#carryOnce(leads);
      if (signal.aborted || end === 'spare') return;
      const none = this.#pool.size === 0;
      // Whoever leads may sit out a long wait from before.
      if (redial.lost(stoodMs) && none) for (const other of this.#redials) if (other !== redial) other.wake();
      if (end !== 'leaving' && none && (leads || this.#state === 'ready')) this.#say('lost', end);
      await redial.pause(signal);
    }
  }

  /** One carrier from its beginning until it takes no more streams. Never rejects. */
  async #carryOnce(leads: boolean): Promise<Outcome> {
    const gone = Promise.withResolvers<End>();
    const attempt = new AbortController();
    this.#dialling.add(attempt);
    const stopped = (): void => gone.resolve('leaving');
    this.#stop.signal.addEventListener('abort', stopped);
    let carrier: Carrier | null = null;
    let reached: Reached | null = null;
    let fallen: SallyportError | null = null;
    const fell = (error: SallyportError): void => {
      if (fallen !== null) return;
      fallen = error;
      gone.resolve(error);
      if (carrier === null) return;
      this.#pool.delete(carrier);
      this.#registrar.lost(carrier, error);
      carrier.close(fault('carrier-broken', 'the gateway has given it up'));
    };
    try {
      const { keys, attempt: number } = await this.#pins.now();
      const reach: ReachOptions = {
        ...this.#options,
        ...keys,
        instance: this.#instance,
        invite: null,
        signal: AbortSignal.any([this.#stop.signal, attempt.signal]),
        open: (stream, opening) => this.#arrived(stream, opening),
        message: (type, value) => {
          if (type !== 'names' || !this.#registrar.answered(carrier, value)) fell(untrusted());
        },
        goaway: (code) => (code === 'interrupted' ? gone.resolve('leaving') : fell(this.#unreachable(`is leaving (${code})`))),
        suspended: () => reached !== null && void comeBack(reach, reached, (error) => fell(this.#notResumed(error))),
        end: (why) => fell(this.#unreachable(`was lost: ${why.why}`)),
      };
      reached = await reachRelay(reach);
      this.#dialling.delete(attempt);
      carrier = reached.carrier;
      this.#grants = reached.accepted.grants;
      this.#pins.learn(reached, number);
      if (fallen !== null) throw closed();
      await this.#announce(carrier, { giveUp: fell, giveBack: leads ? null : () => gone.resolve('spare') });
      const since = performance.now();
      const end = await gone.promise;
      // This one carrier goes, not the process: the relay gives its streams to the others.
      if (end === 'spare') carrier.goaway('carrier-idle');
      if (typeof end === 'string' && !this.#stop.signal.aborted) this.#pool.retire(carrier);
      return { end, stoodMs: performance.now() - since };
    } catch (error) {
      return { end: fallen ?? asError(error), stoodMs: 0 };
    } finally {
      this.#dialling.delete(attempt);
      this.#stop.signal.removeEventListener('abort', stopped);
      // One that stands or leaves is closed with the link, or by its last stream.
      if (carrier !== null && !this.#pool.has(carrier)) carrier.close(fault('carrier-broken', 'the gateway has no use for it'));
    }
  }

  /** Registers the names on a new carrier, which stands from then on. Throws when not one of them is held. */
  async #announce(carrier: Carrier, ends: Ends): Promise<void> {
    const error = refusalIn(this.#heard(await this.#registrar.ask(() => carrier)));
    if (carrier.ended || this.#stop.signal.aborted) throw closed();
    this.#pool.add(carrier, ends);
    this.#ready.resolve();
    this.#registered(error);
  }

  #registered(error: SallyportError | null): void {
    if (this.#state !== 'ready' || this.#refusal !== (error?.message ?? null)) this.#say('ready', error ?? undefined);
    if (error === null || this.#asksAgain) return;
    this.#asksAgain = true;
    setTimeout(() => void this.#askAgain(), this.#options.limits.redialMs).unref();
  }

  /** A name that another process holds may become free. */
  async #askAgain(): Promise<void> {
    this.#asksAgain = false;
    const carrier = this.#pool.any();
    if (carrier === null) return;
    try {
      this.#registered(refusalIn(this.#heard(await this.#registrar.ask(() => carrier))));
    } catch (error) {
      this.#pool.giveUp(carrier, asError(error));
    }
  }

  #heard(answers: readonly NameAnswer[]): readonly NameAnswer[] {
    this.#options.onNames?.(answers);
    return answers;
  }

  #say(state: RelayState, error?: SallyportError): void {
    this.#state = state;
    this.#refusal = error?.message ?? null;
    this.#options.onState(state, error);
  }

  /** The machine slept, or is at another place of the network: what is dead is found at once, and what failed is tried at once. */
  #changed(): void {
    if (this.#pool.size === 0) for (const attempt of this.#dialling) attempt.abort();
    for (const redial of this.#redials) redial.wake();
    this.#pool.probe(this.#options.limits.carrierProbeMs);
  }

  #arrived(stream: CarrierStream, opening: Opening): void {
    const arrival = arrivalOf(stream, opening);
    if (arrival === null) return void stream.destroy(new SallyportError('frame-malformed', 'an open that cannot be read'));
    if (this.#pool.crowded(this.#options.limits.carrierStreamsMax / 2)) this.#grow();
    this.#options.onArrival(arrival);
  }

  /** One carrier more; the pool gives it back when it was not needed for a while. */
  #grow(): void {
    if (this.#running.size >= carriersMost || this.#running.size > this.#pool.size || this.#stop.signal.aborted) return;
    this.#start(false);
  }

  #start(leads: boolean): void {
    const redial = new Redial({ mostMs: this.#options.limits.redialMs, now: steadyNow, chance: Math.random });
    const running = this.#keep(redial, leads).finally(() => {
      this.#redials.delete(redial);
      this.#running.delete(running);
    });
    this.#redials.add(redial);
    this.#running.add(running);
  }

  /** It refuses a carrier of before, as each relay does that has begun anew: whether it refuses us, the next carrier is told. */
  #notResumed(error: SallyportError): SallyportError {
    return error.code === 'relay-refused' ? this.#unreachable('was lost, and the relay knows nothing of it any more') : error;
  }

  #unreachable(what: string): SallyportError {
    return new SallyportError('relay-unreachable', `The carrier to ${this.#options.address} ${what}.`);
  }
}

function untrusted(): SallyportError {
  return new SallyportError('relay-untrusted', 'The relay says what nobody asked for.');
}

function asError(error: unknown): SallyportError {
  return error instanceof SallyportError ? error : new SallyportError('relay-unreachable', 'Reaching the relay failed.', { cause: error });
}

function closed(): SallyportError {
  return new SallyportError('interrupted', 'The link to the relay was closed.');
}
