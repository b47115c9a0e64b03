/** Keeps a gateway at its relay: several carriers, its names, and a new carrier whenever one is lost or leaves. */

import { randomBytes } from 'node:crypto';
import { SallyportError, fault } from '../core/errors.ts';
import type { Opening } from '../core/mux/opening.ts';
import type { Limits } from '../core/limits.ts';
import type { NameAnswer, TunnelArrival } from '../contracts/tunnel.ts';
import type { Carrier } from './carrier.ts';
import { CarrierPool } from './carrier-pool.ts';
import type { CarrierStream } from './carrier-stream.ts';
import { comeBack } from './comeback.ts';
import { ChangeWatch, type ChangeWatchOptions } from './change-watch.ts';
import { steadyNow } from './deadlines.ts';
import { type Reached, type ReachOptions, reachRelay } from './reach-relay.ts';
import { RelayPins, type KeyOptions } from './relay-pins.ts';
import type { Way } from './reach/way.ts';
import { Redial } from './redial.ts';
import { Registrar, nameError } from './registrar.ts';
import { arrivalOf } from './tunnel-arrival.ts';

export type RelayState = 'connecting' | 'ready' | 'lost';

export type DialOptions = KeyOptions &
  Readonly<{
    /** HOST:PORT, `[v6]:PORT`. */
    address: string;
    /** Straight when left out. One for all carriers, for what the first finds out serves the others. */
    way?: Way;
    /** Canonical names (`blog.example.org`, `*.blog.example.org`) to be held at once. */
    names: readonly string[];
    limits: Limits;
    /** A visitor's stream: still TLS. Where it came from is the relay's word. */
    onArrival: (arrival: TunnelArrival) => void;
    /**
     * `lost` comes with the reason when no carrier stands any more, `ready` with one when some of the names are refused.
     * The link goes on trying in either case. A relay that says goodbye is not lost before its first redial has failed.
     */
    onState: (state: RelayState, error?: SallyportError) => void;
    signal: AbortSignal;
    /** How sleep and other addresses are seen; by the system's own means when left out. */
    watching?: Omit<ChangeWatchOptions, 'changed'>;
  }>;

export interface RelayLink {
  /** Resolves when the relay first holds every name that it will hold; rejects with `interrupted` when closed before. */
  readonly ready: Promise<void>;
  /** Makes these the names of this gateway, now and after every reconnection. Says how each fared; rejects when no carrier is left. */
  register(names: readonly string[]): Promise<readonly NameAnswer[]>;
  /** What the relay said that this key may hold; empty before the first carrier. */
  grants(): readonly string[];
  /** How many carriers take new streams. */
  carriers(): number;
  /** Says goodbye, lets streams end within `goodbyeMs`, and is gone. */
  close(): Promise<void>;
}

/** Reconnects for ever: at once the first time, then with jittered backoff up to `redialMs`. */
export function dialRelay(options: DialOptions): RelayLink {
  return new Link(options);
}

/** More carriers than this help nobody, and a relay takes sixteen of one key. */
const carriersMost = 8;
/** How a carrier ended for us: `error` null where the relay said goodbye and what runs may end. */
type Outcome = Readonly<{ error: SallyportError | null; stoodMs: number }>;

class Link implements RelayLink {
  readonly #options: DialOptions;
  readonly #instance = randomBytes(16).toString('hex');
  readonly #stop = new AbortController();
  readonly #ready = Promise.withResolvers<void>();
  readonly #registrar: Registrar;
  readonly #pins: RelayPins;
  readonly #pool: CarrierPool;
  readonly #redials: Redial[] = [];
  readonly #dialling = new Set<AbortController>();
  readonly #changes: ChangeWatch;
  /** One for each carrier that is kept. */
  readonly #running: Promise<void>[] = [];
  #grants: readonly string[] = [];
  #state: RelayState = 'connecting';
  /** What was said last of refused names; null when all are held. */
  #refusal: string | null = null;
  #asksAgain = false;
  #closing: Promise<void> | null = null;

  constructor(options: DialOptions) {
    const { limits, signal, names } = options;
    this.#options = options;
    this.#registrar = new Registrar(names);
    this.#pins = new RelayPins(options);
    this.#pool = new CarrierPool(limits.carrierDrainMs);
    this.#ready.promise.catch(() => undefined);
    this.#changes = new ChangeWatch({ ...options.watching, changed: () => this.#changed() });
    signal.addEventListener('abort', () => void this.close(), { once: true, signal: this.#stop.signal });
    if (signal.aborted) this.#stop.abort();
    const count = Math.min(carriersMost, Math.max(1, limits.carriersPerRelay));
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
    return this.#pool.size;
  }

  async register(names: readonly string[]): Promise<readonly NameAnswer[]> {
    this.#registrar.names = names;
    for (;;) {
      try {
        return await this.#registrar.ask(() => this.#pool.any());
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
      const { error, stoodMs } = await this.#carryOnce();
      if (signal.aborted) return;
      const none = this.#pool.size === 0;
      // Whoever leads may sit out a long wait from before.
      if (redial.lost(stoodMs) && none) for (const other of this.#redials) if (other !== redial) other.wake();
      if (error !== null && none && (leads || this.#state === 'ready')) this.#say('lost', error);
      await redial.pause(signal);
    }
  }

  /** One carrier from its beginning until it takes no more streams. Never rejects. */
  async #carryOnce(): Promise<Outcome> {
    const gone = Promise.withResolvers<SallyportError | null>();
    const attempt = new AbortController();
    this.#dialling.add(attempt);
    const stopped = (): void => gone.resolve(null);
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
      const reach: ReachOptions = {
        ...this.#options,
        ...(await this.#pins.now()),
        instance: this.#instance,
        invite: null,
        signal: AbortSignal.any([this.#stop.signal, attempt.signal]),
        open: (stream, opening) => this.#arrived(stream, opening),
        message: (type, value) => {
          if (type !== 'names' || !this.#registrar.answered(carrier, value)) fell(untrusted());
        },
        goaway: (code) => (code === 'interrupted' ? gone.resolve(null) : fell(this.#unreachable(`is leaving (${code})`))),
        suspended: () => reached !== null && void comeBack(reach, reached, fell),
        end: (why) => fell(this.#unreachable(`was lost: ${why.why}`)),
      };
      reached = await reachRelay(reach);
      this.#dialling.delete(attempt);
      carrier = reached.carrier;
      this.#grants = reached.accepted.grants;
      this.#pins.learn(reached);
      if (fallen !== null) throw closed();
      await this.#announce(carrier, fell);
      const since = performance.now();
      const error = await gone.promise;
      if (error === null && !this.#stop.signal.aborted) this.#pool.retire(carrier);
      return { error, stoodMs: performance.now() - since };
    } catch (error) {
      return { error: fallen ?? asError(error), stoodMs: 0 };
    } finally {
      this.#dialling.delete(attempt);
      this.#stop.signal.removeEventListener('abort', stopped);
      // One that stands or leaves is closed with the link, or by its last stream.
      if (carrier !== null && !this.#pool.has(carrier)) carrier.close(fault('carrier-broken', 'the gateway has no use for it'));
    }
  }

  /** Registers the names on a new carrier, which stands from then on. Throws when not one of them is held. */
  async #announce(carrier: Carrier, fell: (error: SallyportError) => void): Promise<void> {
    const error = refusalIn(await this.#registrar.ask(() => carrier));
    if (carrier.ended || this.#stop.signal.aborted) throw closed();
    this.#pool.add(carrier, fell);
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
      this.#registered(refusalIn(await this.#registrar.ask(() => carrier)));
    } catch (error) {
      this.#pool.giveUp(carrier, asError(error));
    }
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

  /** One carrier more, for good: an idle one costs little. */
  #grow(): void {
    if (this.#running.length >= carriersMost || this.#running.length > this.#pool.size || this.#stop.signal.aborted) return;
    this.#start(false);
  }

  #start(leads: boolean): void {
    const redial = new Redial({ mostMs: this.#options.limits.redialMs, now: steadyNow, chance: Math.random });
    this.#redials.push(redial);
    this.#running.push(this.#keep(redial, leads));
  }

  #unreachable(what: string): SallyportError {
    return new SallyportError('relay-unreachable', `The carrier to ${this.#options.address} ${what}.`);
  }
}

/** Null when all names are held. Throws when none is. */
function refusalIn(answers: readonly NameAnswer[]): SallyportError | null {
  const refused = answers.find((answer) => answer.is === 'refused');
  if (refused === undefined) return null;
  const error = nameError(refused);
  if (!answers.some((answer) => answer.is === 'held')) throw error;
  return error;
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
