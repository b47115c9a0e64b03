/** The relay's door for carriers: ends their TLS, sees who it is, and lets in whom the grants know. */

import type { Duplex } from 'node:stream';
import { TLSSocket, createSecureContext, type SecureContext } from 'node:tls';
import { SallyportError, fault } from '../core/errors.ts';
import type { Code, Fault } from '../core/errors.ts';
import type { Address } from '../core/address.ts';
import type { MessageType } from '../core/mux/frame.ts';
import { encodeMessage } from '../core/mux/message.ts';
import type { Limits } from '../core/limits.ts';
import type { Enrolment, MachineIdentity } from '../contracts/tunnel.ts';
import { Carrier } from './carrier.ts';
import type { CarrierTaker } from './carrier-taker.ts';
import type { Asked, Directory, LiveCarrier } from './directory.ts';
import type { Accepted, RefusedCode } from './greeting.ts';
import { GreetingPlaces } from './greeting-places.ts';
import { carrierTls, channelProved, helloShape, nextKeyFeature, peerFingerprint, refusedShape, registerShape } from './greeting.ts';
import { renewedFingerprint } from './renewal.ts';
import { resumeFeature, Resumptions, type Resuming, type Ticket } from './resumption.ts';
import { sharingOffer } from './sharing.ts';
import { TurnBytes } from './turn-bytes.ts';

export type CarrierDoorOptions = Readonly<{
  identity: MachineIdentity;
  domain: string;
  directory: Directory;
  enrolment: Enrolment;
  limits: Limits;
  now: () => number;
  /** Told of every carrier that came to nothing or ended. Holds no secret. */
  onEnd: (from: Address, fingerprint: string | null, why: Fault) => void;
}>;

/** Registrations of one carrier that wait for their turn; more is a flood. */
const registersMax = 8;

export class CarrierDoor {
  readonly options: CarrierDoorOptions;
  #secureContext: SecureContext;
  #fingerprint: string;
  #next: string | null = null;
  readonly resumptions = new Resumptions();
  /** For all whom the relay does not know yet. */
  readonly places: GreetingPlaces;

  constructor(options: CarrierDoorOptions) {
    this.options = options;
    const { directory, limits, onEnd } = options;
    this.places = new GreetingPlaces({ limits, standing: () => directory.size, onRefused: (from, why) => onEnd(from, null, why) });
    this.#secureContext = contextOf(options.identity);
    this.#fingerprint = options.identity.fingerprint;
  }

  /** Of the key that it shows. */
  get fingerprint(): string {
    return this.#fingerprint;
  }

  /** From now on this is our key, and `next` the one after it, which gateways are told; standing carriers go on. */
  useKeys(identity: MachineIdentity, next: string | null): void {
    this.#secureContext = contextOf(identity);
    this.#fingerprint = identity.fingerprint;
    this.#next = next;
  }

  /**
   * What a gateway with these features is told of keys when it is accepted. Whoever was shown the key before this one, because
   * it came just then, hears of this one: it would know neither.
   */
  told(features: readonly string[], shown: string): Pick<Accepted, 'features' | 'next'> {
    const next = shown === this.#fingerprint ? this.#next : this.#fingerprint;
    return next !== null && features.includes(nextKeyFeature) ? { features: [nextKeyFeature], next } : { features: [] };
  }

  /** Takes a socket whose hello offered the carriers' ALPN, in its turn; what was read of it has been put back. */
  take(socket: Duplex, from: Address): void {
    this.places.take(socket, from, (leave) => this.#greet(socket, from, leave));
  }

  #greet(socket: Duplex, from: Address, leave: () => void): void {
    const tls = new TLSSocket(socket, { isServer: true, secureContext: this.#secureContext, requestCert: true, ...carrierTls });
    const visit = new Visit(this, tls, from);
    const deadline = setTimeout(() => visit.fail(fault('hello-timed-out', 'no greeting in time')), this.options.limits.handshakeMs);
    visit.onSettled = () => {
      clearTimeout(deadline);
      leave();
    };
    tls.on('error', (error: Error) => visit.broke(error.message));
    // Before the handshake has ended an end is a break, too: half a greeting is none.
    for (const end of ['end', 'close']) tls.once(end, () => visit.broke('the connection is gone'));
    // Who had gone before their turn came has said so to the socket, and the TLS above it hears nothing of that any more.
    for (const end of ['end', 'close']) socket.once(end, () => visit.broke('the connection is gone'));
    // Over what is no socket neither end hears of the other's by itself.
    tls.once('close', () => socket.destroy());
    tls.once('secure', () => visit.secured());
  }
}

function contextOf({ privateKey, certificate }: MachineIdentity): SecureContext {
  return createSecureContext({ key: privateKey, cert: certificate, ...carrierTls });
}

/** One carrier, from its handshake to its end. */
class Visit implements CarrierTaker {
  readonly #door: CarrierDoor;
  /** Our own key, as this one saw it. */
  readonly #shown: string;
  readonly #tls: TLSSocket;
  readonly #from: Address;
  onSettled: () => void = () => undefined;
  #fingerprint: string | null = null;
  #carrier: Carrier | null = null;
  #live: LiveCarrier | null = null;
  #ticket: Ticket | null = null;
  #over = false;
  #registers = 0;

  constructor(door: CarrierDoor, tls: TLSSocket, from: Address) {
    this.#door = door;
    this.#shown = door.fingerprint;
    this.#tls = tls;
    this.#from = from;
  }

  secured(): void {
    if (this.#over) return;
    this.#fingerprint = peerFingerprint(this.#tls);
    if (this.#fingerprint === null) return this.fail(fault('carrier-broken', 'the carrier showed no key'));
    this.#carrier = new Carrier({ socket: this.#tls, side: 'relay', limits: this.#door.options.limits, taker: this });
  }

  message(type: MessageType, value: unknown): void {
    if (type === 'hello') this.#hello(value).catch((error: unknown) => this.#failed(error));
    else if (type === 'register') this.#register(value);
    else this.fail(fault('frame-malformed', `a ${type} from a gateway`));
  }

  open(): void {
    this.fail(fault('frame-malformed', 'a gateway opens no streams'));
  }

  goaway(code: Code): void {
    // What runs may end, and nothing begins: on this carrier, or, when the process itself goes, on none of its carriers.
    if (this.#live !== null) this.#door.options.directory.retire(this.#live, code === 'interrupted' ? 'all' : 'one');
  }

  /** The gateway may come again, and is known by its ticket. */
  suspended(): void {
    if (this.#live !== null) this.#door.options.directory.suspended(this.#live);
  }

  end(why: Fault): void {
    this.fail(why);
  }

  /** The connection broke. A carrier hears of it by itself, and may go on over another one. */
  broke(why: string): void {
    if (this.#carrier === null) this.fail(fault('carrier-broken', why));
  }

  /** Ends it, in whatever state it is. */
  fail(why: Fault): void {
    if (this.#over) return;
    this.#over = true;
    this.onSettled();
    if (this.#live !== null) this.#door.options.directory.remove(this.#live);
    if (this.#ticket !== null) this.#door.resumptions.forget(this.#ticket);
    if (this.#carrier === null) this.#tls.destroy();
    else this.#carrier.close(why);
    this.#door.options.onEnd(this.#from, this.#fingerprint, why);
  }

  /** Our own fault, or a stranger's key that broke our library: this carrier ends, and no other. */
  #failed(error: unknown): void {
    this.fail(fault('carrier-broken', error instanceof Error ? error.message : 'the carrier failed'));
  }

  async #hello(value: unknown): Promise<void> {
    const { enrolment, directory, limits, now } = this.#door.options;
    const hello = helloShape.safeParse(value);
    const fingerprint = this.#fingerprint;
    const carrier = this.#carrier;
    if (fingerprint === null || carrier === null || !hello.success || !channelProved(this.#tls, hello.data.proof))
      return this.#refuse('frame-malformed');
    const blocked = enrolment.barred(fingerprint, this.#from.ip);
    if (blocked !== null) return this.#refuse('relay-blocked', blocked);
    if (hello.data.invite !== null) {
      const no = await redeemed(enrolment, hello.data.invite, fingerprint);
      if (no !== null) return this.#refuse(no);
    }
    if (hello.data.resume !== undefined) return this.#resume(hello.data.resume, { fingerprint, carrier });
    const { renewal } = hello.data;
    const key = renewal === undefined ? fingerprint : renewedFingerprint(this.#tls, fingerprint, renewal);
    if (key === null) return this.#refuse('frame-malformed');
    if (key !== fingerprint && !(await renewed(enrolment, fingerprint, key))) return this.#refuse('store-unavailable');
    const grants = enrolment.of(key);
    if (this.#over) return;
    if (grants.length === 0) return this.#refuse('relay-refused');
    const resumable = hello.data.features.includes(resumeFeature);
    if (resumable) this.#ticket = this.#door.resumptions.issue(carrier, fingerprint);
    carrier.message('accepted', this.#accepted(carrier, grants, hello.data.features));
    // The old key is nobody's now: the gateway comes again with the new one.
    if (key !== fingerprint) return this.fail(fault('interrupted', 'the gateway has a new key'));
    carrier.begin({ window: hello.data.window, streams: hello.data.streams }, resumable);
    const offer = sharingOffer(hello.data.features);
    this.#live = { fingerprint, instance: hello.data.instance, from: this.#from.ip, since: now(), carrier, offer };
    directory.add(this.#live);
    directory.thin(fingerprint, limits.carriersPerKeyMax);
    this.onSettled();
  }

  /** Gives this connection to the carrier that it was made for. Judged anew: a key without grants goes on with nothing. */
  #resume(resuming: Resuming, { fingerprint, carrier }: Readonly<{ fingerprint: string; carrier: Carrier }>): void {
    const grants = this.#door.options.enrolment.of(fingerprint);
    const before = this.#door.resumptions.find(resuming, fingerprint);
    if (this.#over) return;
    if (grants.length === 0 || before === null) return this.#refuse('relay-refused');
    const socket = carrier.give();
    if (socket === null) return this.fail(fault('carrier-broken', 'the connection is gone'));
    this.#over = true;
    this.onSettled();
    const accepted: Accepted = { ...this.#accepted(before, grants, []), resumed: before.received };
    for (const piece of new TurnBytes().pieces([{ type: 'accepted', stream: 0, payload: encodeMessage(accepted) }])) socket.write(piece);
    before.resume(socket, resuming.received);
    this.#door.options.directory.resumed();
  }

  #accepted(carrier: Carrier, grants: readonly string[], offered: readonly string[]): Accepted {
    const { features, ...told } = this.#door.told(offered, this.#shown);
    return {
      domain: this.#door.options.domain,
      grants: grants.slice(0, 100),
      window: carrier.limits.window,
      features: this.#ticket === null ? features : [...features, resumeFeature],
      ...told,
      ...(this.#ticket === null ? {} : { resume: this.#ticket }),
    };
  }

  #refuse(code: RefusedCode, why?: string): void {
    this.#carrier?.message('refused', refusedShape.parse(why === undefined ? { code } : { code, why }));
    this.fail(fault(code, 'the relay refused the carrier'));
  }

  #register(value: unknown): void {
    const live = this.#live;
    const asked = registerShape.safeParse(value);
    const { namesPerCarrierMax } = this.#door.options.limits;
    if (live === null || !asked.success || asked.data.names.length > namesPerCarrierMax || this.#registers >= registersMax)
      return this.fail(fault('frame-malformed', 'a registration that cannot be taken'));
    this.#registers += 1;
    this.#answer(live, asked.data).catch((error: unknown) => this.#failed(error));
  }

  async #answer(live: LiveCarrier, asked: Asked): Promise<void> {
    const answers = await this.#door.options.directory.register(live, asked);
    this.#registers -= 1;
    if (!this.#over) live.carrier.message('names', { ask: asked.ask, answers });
  }
}

async function renewed(enrolment: Enrolment, from: string, to: string): Promise<boolean> {
  try {
    await enrolment.renew(from, to);
    return true;
  } catch {
    return false;
  }
}

async function redeemed(enrolment: Enrolment, secret: string, fingerprint: string): Promise<RefusedCode | null> {
  try {
    await enrolment.redeem(secret, fingerprint);
    return null;
  } catch (error) {
    if (error instanceof SallyportError && (error.code === 'invite-refused' || error.code === 'name-taken')) return error.code;
    return 'store-unavailable';
  }
}
