/** The gateway's side of a carrier's beginning: reach the relay, see its key, greet, wait until it has accepted. */

import { connect } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import type { Duplex } from 'node:stream';
import { SallyportError, fault } from '../core/errors.ts';
import type { Code, Fault } from '../core/errors.ts';
import { FirstMessageReader } from '../core/mux/first-message.ts';
import type { MessageType } from '../core/mux/frame.ts';
import { encodeMessage } from '../core/mux/message.ts';
import type { Opening } from '../core/mux/opening.ts';
import type { Limits } from '../core/limits.ts';
import type { MachineIdentity } from '../contracts/tunnel.ts';
import { Carrier } from './carrier.ts';
import type { CarrierTaker } from './carrier-taker.ts';
import type { CarrierStream } from './carrier-stream.ts';
import type { Accepted, Hello } from './greeting.ts';
import { acceptedShape, carrierTls, nextKeyFeature, peerFingerprint, proveChannel } from './greeting.ts';
import { proveRenewal } from './renewal.ts';
import { resumeFeature, type Ticket } from './resumption.ts';
import { sharingFeatures } from './sharing.ts';
import { TurnBytes } from './turn-bytes.ts';
import { proxyUnreachable, refusal, unreachable, untrusted } from './reach/faults.ts';
import { openLine } from './reach/line.ts';
import { Way, straight } from './reach/way.ts';
import type { Wrapping } from './reach/way.ts';

export type ReachOptions = Readonly<{
  /** HOST:PORT, `[v6]:PORT`. */
  address: string;
  /** The relay's key, as it stood in the invitation. */
  fingerprint: string;
  /** The key that the relay said it will have next: as good as the one above. */
  nextFingerprint?: string | null;
  identity: MachineIdentity;
  /** Our key to come: the relay gives it what the one above has. */
  renewal?: MachineIdentity;
  instance: string;
  invite: string | null;
  /** A carrier whose connection broke: it goes on over the one that is made now. */
  resume?: Readonly<{ carrier: Carrier; ticket: Ticket }>;
  /** Straight when left out. */
  way?: Way;
  limits: Limits;
  signal: AbortSignal;
  open: (stream: CarrierStream, opening: Opening) => void;
  message: (type: MessageType, value: unknown) => void;
  goaway: (code: Code) => void;
  /** Tells two gateways that read one store; a secret of theirs. Null or left out: not known. */
  storeId?: string | null | undefined;
  /** The connection broke, and the carrier waits for another one. Left out: it does not wait. */
  suspended?: () => void;
  end: (why: Fault) => void;
}>;

/** `fingerprint`: the key that the relay showed. */
export type Reached = Readonly<{ carrier: Carrier; accepted: Accepted; fingerprint: string }>;

/**
 * How far an attempt came: no line to the relay, a line on which its key was not seen yet, or the relay itself.
 * Only in the second case another wrapping can help; in the third an invitation may have been spent.
 */
type Stage = 'dialling' | 'between' | 'known';
type Failed = Readonly<{ error: SallyportError; stage: Stage }>;

/**
 * Resolves once the relay has accepted. Nothing is said before its key was seen to be the pinned one.
 * Errors: `relay-unreachable`, `relay-untrusted` (another key, or no carrier's TLS), `relay-refused`,
 * `invite-refused`, `name-taken`, `proxy-unreachable`, `proxy-refused`, `interrupted` (the signal).
 */
export async function reachRelay(options: ReachOptions): Promise<Reached> {
  const way = options.way ?? new Way(straight);
  let first: SallyportError | null = null;
  for (const wrapping of way.order) {
    const outcome = await attempt(options, way, wrapping);
    if ('carrier' in outcome) {
      way.worked(wrapping);
      return outcome;
    }
    if (outcome.stage === 'known') throw outcome.error;
    first ??= outcome.error;
    if (outcome.stage === 'dialling') break;
  }
  throw first ?? unreachable(options.address, 'no way leads to it');
}

/** One attempt, within `handshakeMs` from the first packet to the relay's answer. Never rejects. */
function attempt(options: ReachOptions, way: Way, wrapping: Wrapping): Promise<Reached | Failed> {
  const { promise, resolve } = Promise.withResolvers<Reached | Failed>();
  const { address, limits, signal } = options;
  const greeting = new Greeting(options, resolve);
  const aborted = (): void => greeting.giveUp(new SallyportError('interrupted', 'Reaching the relay was given up.'));
  const deadline = setTimeout(() => greeting.late(), limits.handshakeMs);
  signal.addEventListener('abort', aborted);
  greeting.onSettled = () => {
    clearTimeout(deadline);
    signal.removeEventListener('abort', aborted);
  };
  if (signal.aborted) aborted();
  else greet(greeting, { address, limits, way, wrapping }).catch((error: unknown) => greeting.fail(asError(error)));
  return promise;
}

type Greet = Readonly<{ address: string; limits: Limits; way: Way; wrapping: Wrapping }>;

async function greet(greeting: Greeting, { address, limits, way, wrapping }: Greet): Promise<void> {
  const at = address.lastIndexOf(':');
  const target = { host: address.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(address.slice(at + 1)) };
  const hold = (line: Duplex): void => greeting.hold(line);
  const line = await openLine({ target, proxy: way.via.proxy, limits, hold });
  greeting.lineStands();
  if (wrapping === 'tls') return greeting.over(line);
  // Few need it, and it brings a whole HTTP along.
  const { wrapInWebSocket } = await import('./reach/websocket.ts');
  greeting.over(await wrapInWebSocket(line, { target, limits, hold }));
}

class Greeting implements CarrierTaker {
  readonly #options: ReachOptions;
  readonly #settle: (outcome: Reached | Failed) => void;
  readonly #held: Duplex[] = [];
  onSettled: () => void = () => undefined;
  #carrier: Carrier | null = null;
  #stage: Stage = 'dialling';
  #settled = false;
  #shown = '';
  #accepted = false;

  constructor(options: ReachOptions, settle: (outcome: Reached | Failed) => void) {
    this.#options = options;
    this.#settle = settle;
  }

  /** Goes down with this attempt. */
  hold(line: Duplex): void {
    line.on('error', () => undefined);
    if (this.#settled) line.destroy();
    else this.#held.push(line);
  }

  lineStands(): void {
    this.#stage = 'between';
  }

  /** The carrier's own TLS, over whatever leads to the relay. */
  over(line: Duplex): void {
    if (this.#settled) return void line.destroy();
    const { address, identity } = this.#options;
    const tls = connect({
      socket: line,
      // No name in the hello: whoever watches the line learns the address, and nothing else.
      servername: '',
      key: identity.privateKey,
      cert: identity.certificate,
      // The pin below is the check; names and dates of a self-made certificate say nothing.
      checkServerIdentity: () => undefined,
      ...carrierTls,
    });
    // Over what is no socket neither end hears of the other's by itself.
    tls.once('close', () => line.destroy());
    line.once('close', () => tls.destroy());
    tls.on('error', (error) => this.fail(unreachable(address, error.message, error)));
    tls.on('close', () => this.fail(unreachable(address, 'it closed the connection')));
    tls.once('secureConnect', () => this.#secured(tls));
  }

  #secured(tls: TLSSocket): void {
    if (this.#settled) return;
    const { address, fingerprint, nextFingerprint, identity, renewal } = this.#options;
    const shown = peerFingerprint(tls);
    if (shown === null || (shown !== fingerprint && shown !== nextFingerprint)) return this.fail(untrusted(address));
    this.#shown = shown;
    this.#stage = 'known';
    const { instance, invite, resume, suspended, storeId, limits } = this.#options;
    const said = {
      instance,
      proof: proveChannel(tls, identity.privateKey),
      invite,
      features: suspended === undefined ? [nextKeyFeature] : [nextKeyFeature, resumeFeature, ...sharingFeatures(storeId ?? null, shown)],
      ...(renewal === undefined ? {} : { renewal: proveRenewal(tls, identity.fingerprint, renewal) }),
    };
    if (resume !== undefined) return this.#resume(tls, said, resume);
    const carrier = new Carrier({ socket: tls, side: 'gateway', limits, taker: this });
    this.#carrier = carrier;
    carrier.message('hello', { ...said, ...carrier.limits } satisfies Hello);
  }

  /** Greets on behalf of a carrier that stood before, and gives it what follows the relay's answer. */
  #resume(tls: TLSSocket, said: Omit<Hello, 'window' | 'streams'>, { carrier, ticket }: NonNullable<ReachOptions['resume']>): void {
    const hello: Hello = { ...said, ...carrier.limits, resume: { ...ticket, received: carrier.received } };
    const answer = new FirstMessageReader(this.#options.limits);
    tls.on('data', (bytes: Buffer) => {
      if (this.#settled) return;
      const read = answer.push(bytes);
      if (read.is === 'more') return;
      if (read.is === 'message' && read.type === 'refused') return this.fail(refusal(this.#options.address, read.value));
      const accepted = read.is === 'message' && read.type === 'accepted' ? acceptedShape.safeParse(read.value) : null;
      if (read.is !== 'message' || accepted?.success !== true || accepted.data.resumed === undefined)
        return this.fail(unreachable(this.#options.address, 'it speaks another version of the protocol'));
      if (!carrier.takes(accepted.data.resumed)) return this.fail(untrusted(this.#options.address));
      this.#settled = true;
      this.onSettled();
      carrier.resume(tls, accepted.data.resumed, read.next < bytes.length ? bytes.subarray(read.next) : null);
      this.#settle({ carrier, accepted: accepted.data, fingerprint: this.#shown });
    });
    for (const piece of new TurnBytes().pieces([{ type: 'hello', stream: 0, payload: encodeMessage(hello) }])) tls.write(piece);
  }

  message(type: MessageType, value: unknown): void {
    if (type === 'accepted') this.#accept(value);
    else if (type === 'refused') this.fail(refusal(this.#options.address, value));
    else this.#options.message(type, value);
  }

  open(stream: CarrierStream, opening: Opening): void {
    this.#options.open(stream, opening);
  }

  goaway(code: Code): void {
    if (this.#accepted) this.#options.goaway(code);
  }

  get suspended(): (() => void) | undefined {
    return this.#options.suspended;
  }

  end(why: Fault): void {
    if (this.#accepted) this.#options.end(why);
    else this.fail(unreachable(this.#options.address, why.why));
  }

  /** Ends it for good: no other way is tried. */
  giveUp(error: SallyportError): void {
    this.#stage = 'known';
    this.fail(error);
  }

  /** The deadline: whose silence it was is known by how far we came. */
  late(): void {
    const proxy = this.#options.way?.via.proxy ?? null;
    const why = 'it did not answer in time';
    this.fail(this.#stage === 'dialling' && proxy !== null ? proxyUnreachable(proxy, why) : unreachable(this.#options.address, why));
  }

  /** Ends what never came to stand. */
  fail(error: SallyportError): void {
    if (this.#settled) return;
    this.#settled = true;
    this.onSettled();
    this.#carrier?.close(fault('carrier-broken', 'the greeting failed'));
    for (const line of this.#held.toReversed()) line.destroy();
    this.#settle({ error, stage: this.#stage });
  }

  #accept(value: unknown): void {
    const accepted = acceptedShape.safeParse(value);
    const carrier = this.#carrier;
    if (this.#settled || carrier === null) return;
    if (!accepted.success) return this.fail(unreachable(this.#options.address, 'it speaks another version of the protocol'));
    this.#settled = true;
    this.#accepted = true;
    this.onSettled();
    carrier.begin({ window: accepted.data.window, streams: 0 }, accepted.data.features.includes(resumeFeature));
    this.#settle({ carrier, accepted: accepted.data, fingerprint: this.#shown });
  }
}

function asError(error: unknown): SallyportError {
  return error instanceof SallyportError ? error : new SallyportError('relay-unreachable', 'Reaching the relay failed.', { cause: error });
}
