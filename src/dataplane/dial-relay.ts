/** Keeps a gateway at its relay: one carrier, its names, and a new carrier whenever the old one is lost. */

import { randomBytes } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { SallyportError, fault } from '../core/errors.ts';
import { parseIp } from '../core/address.ts';
import { canonicalHost } from '../core/http/host.ts';
import type { MessageType } from '../core/mux/frame.ts';
import type { Opening } from '../core/mux/opening.ts';
import type { Limits } from '../core/limits.ts';
import type { MachineIdentity, NameAnswer, TunnelArrival } from '../contracts/tunnel.ts';
import type { Carrier } from './carrier.ts';
import type { CarrierStream } from './carrier-stream.ts';
import { namesShape } from './greeting.ts';
import { reachRelay } from './reach-relay.ts';

export type RelayState = 'connecting' | 'ready' | 'lost';

export type DialOptions = Readonly<{
  /** HOST:PORT, `[v6]:PORT`. */
  address: string;
  /** SHA-256 of the relay's key in hex, from the invitation. */
  fingerprint: string;
  identity: MachineIdentity;
  /** Canonical names (`blog.example.org`, `*.blog.example.org`) to be held at once. */
  names: readonly string[];
  limits: Limits;
  /** A visitor's stream: still TLS. Where it came from is the relay's word. */
  onArrival: (arrival: TunnelArrival) => void;
  /**
   * `lost` comes with the reason, `ready` with one when some of the names are refused.
   * The link goes on trying in either case.
   */
  onState: (state: RelayState, error?: SallyportError) => void;
  signal: AbortSignal;
}>;

export interface RelayLink {
  /** Resolves when the relay first holds every name that it will hold; rejects with `interrupted` when closed before. */
  readonly ready: Promise<void>;
  /** Makes these the names of this gateway, now and after every reconnection. Says how each fared; rejects when the carrier is lost. */
  register(names: readonly string[]): Promise<readonly NameAnswer[]>;
  /** What the relay said that this key may hold; empty before the first carrier. */
  grants(): readonly string[];
  close(): Promise<void>;
}

/** Reconnects for ever: at once the first time, then with jittered backoff up to `redialMs`. */
export function dialRelay(options: DialOptions): RelayLink {
  return new Link(options);
}

/** A carrier that lived this long ended for a reason of its own: the next attempt is made at once. */
const stoodMs = 5_000;

type Ask = Readonly<{ resolve: (answers: readonly NameAnswer[]) => void; reject: (error: SallyportError) => void }>;

class Link implements RelayLink {
  readonly #options: DialOptions;
  readonly #instance = randomBytes(16).toString('hex');
  readonly #stop = new AbortController();
  readonly #ready = Promise.withResolvers<void>();
  #carrier: Carrier | null = null;
  #grants: readonly string[] = [];
  #names: readonly string[];
  #asks = new Map<number, Ask>();
  #nextAsk = 0;
  /** Attempts since the last carrier that stood for a while. */
  #failures = 0;
  #end: (error: SallyportError) => void = () => undefined;
  readonly #running: Promise<void>;

  constructor(options: DialOptions) {
    this.#options = options;
    this.#names = [...options.names];
    this.#ready.promise.catch(() => undefined);
    options.signal.addEventListener('abort', () => this.#stop.abort(), { once: true, signal: this.#stop.signal });
    this.#stop.signal.addEventListener('abort', () => this.#fell(closed()));
    if (options.signal.aborted) this.#stop.abort();
    this.#running = this.#run();
  }

  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  grants(): readonly string[] {
    return this.#grants;
  }

  register(names: readonly string[]): Promise<readonly NameAnswer[]> {
    this.#names = [...names];
    return this.#ask();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      this.#options.onState('connecting');
      const error = await this.#carryOnce();
      if (this.#stop.signal.aborted) break;
      this.#options.onState('lost', error);
      await this.#pause();
    }
    this.#ready.reject(closed());
  }

  /** One carrier from its beginning to its end; returns why it ended. Never rejects. */
  async #carryOnce(): Promise<SallyportError> {
    const ended = Promise.withResolvers<SallyportError>();
    this.#end = ended.resolve;
    try {
      const { carrier, accepted } = await reachRelay({
        ...this.#options,
        instance: this.#instance,
        invite: null,
        signal: this.#stop.signal,
        open: (stream, opening) => this.#arrived(stream, opening),
        message: (type, value) => this.#message(type, value),
        goaway: (code) => this.#fell(new SallyportError('relay-unreachable', `The relay ${this.#options.address} is leaving (${code}).`)),
        end: (why) => this.#fell(new SallyportError('relay-unreachable', `The carrier to ${this.#options.address} was lost: ${why.why}.`)),
      });
      this.#carrier = carrier;
      this.#grants = accepted.grants;
      await this.#announce();
      const since = performance.now();
      const error = await ended.promise;
      // A relay that accepts and hangs up at once is no relay that came back: its gateways must not spin.
      if (performance.now() - since > stoodMs) this.#failures = 0;
      return error;
    } catch (error) {
      return error instanceof SallyportError
        ? error
        : new SallyportError('relay-unreachable', 'Reaching the relay failed.', { cause: error });
    } finally {
      this.#carrier?.close(fault('interrupted', 'the gateway is going'));
      this.#carrier = null;
    }
  }

  /** Registers the names on a new carrier. Throws when not one of them is held. */
  async #announce(): Promise<void> {
    const answers = await this.#ask();
    const refused = answers.find((answer) => answer.is === 'refused');
    const error = refused === undefined ? undefined : nameError(refused);
    if (error !== undefined && !answers.some((answer) => answer.is === 'held')) throw error;
    this.#ready.resolve();
    if (error === undefined) return this.#options.onState('ready');
    this.#options.onState('ready', error);
    this.#askAgain(this.#carrier);
  }

  /** A name that another process holds may become free: asked for anew as long as this carrier stands. */
  #askAgain(carrier: Carrier | null): void {
    const timer = setTimeout(() => {
      if (carrier !== null && carrier === this.#carrier) this.#announce().catch((error: unknown) => this.#fell(asError(error)));
    }, this.#options.limits.redialMs);
    timer.unref();
  }

  #ask(): Promise<readonly NameAnswer[]> {
    const carrier = this.#carrier;
    if (carrier === null || carrier.ended)
      return Promise.reject(
        new SallyportError('relay-unreachable', 'There is no carrier to the relay at this moment; the names are registered when there is.'),
      );
    const { promise, resolve, reject } = Promise.withResolvers<readonly NameAnswer[]>();
    const ask = this.#nextAsk++;
    this.#asks.set(ask, { resolve, reject });
    carrier.message('register', { ask, names: this.#names });
    return promise;
  }

  #message(type: MessageType, value: unknown): void {
    const said = namesShape.safeParse(value);
    const ask = said.success ? this.#asks.get(said.data.ask) : undefined;
    if (type !== 'names' || !said.success || ask === undefined)
      return this.#fell(new SallyportError('relay-untrusted', 'The relay says what nobody asked for.'));
    this.#asks.delete(said.data.ask);
    ask.resolve(said.data.answers);
  }

  #arrived(stream: CarrierStream, opening: Opening): void {
    const ip = parseIp(opening.ip);
    // The relay may be hostile: what is not in its one spelling is not believed.
    if (ip === null || (opening.sni !== null && canonicalHost(opening.sni) !== opening.sni)) {
      stream.destroy(new SallyportError('frame-malformed', 'an open that cannot be read'));
      return;
    }
    this.#options.onArrival({
      stream,
      id: opening.id,
      from: { ip: ip.text, port: opening.visitorPort },
      port: opening.listenerPort,
      sni: opening.sni,
      alpn: opening.alpn,
    });
  }

  /** The carrier is lost, or is not to be trusted: whoever waits for an answer of it waits in vain. */
  #fell(error: SallyportError): void {
    const asks = [...this.#asks.values()];
    this.#asks.clear();
    for (const ask of asks) ask.reject(error);
    this.#end(error);
  }

  /** At once after a carrier that stood; then 0.5, 1, 2 … s up to `redialMs`, each between a half and the whole of it. */
  async #pause(): Promise<void> {
    const failures = this.#failures++;
    if (failures === 0) return;
    const most = Math.min(this.#options.limits.redialMs, 500 * 2 ** Math.min(failures - 1, 16));
    await wait(most * (0.5 + Math.random() / 2), undefined, { signal: this.#stop.signal }).catch(() => undefined);
  }
}

function nameError(refused: Extract<NameAnswer, { is: 'refused' }>): SallyportError {
  const { name, code } = refused;
  switch (code) {
    case 'name-taken':
      return new SallyportError(code, `The name ${name} is held by another process with this key.`, {
        hint: 'End that process, or choose another name.',
      });
    case 'name-refused':
      return new SallyportError(code, `The relay does not grant ${name} to this gateway.`, {
        hint: 'Ask the relay’s operator for an invitation to this name.',
      });
    case 'name-malformed':
      return new SallyportError(code, `The relay cannot read the name ${name}.`);
    default:
      return code satisfies never;
  }
}

function asError(error: unknown): SallyportError {
  return error instanceof SallyportError ? error : new SallyportError('relay-unreachable', 'Reaching the relay failed.', { cause: error });
}

function closed(): SallyportError {
  return new SallyportError('interrupted', 'The link to the relay was closed.');
}
