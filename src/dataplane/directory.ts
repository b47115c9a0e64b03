/** Which gateway holds which name now. Every registration and every open is judged by the current grants. */

import { fault } from '../core/errors.ts';
import type { Limits } from '../core/limits.ts';
import type { PortDoors } from '../contracts/ports.ts';
import type { Stream } from '../contracts/stream.ts';
import type { Grants, NameAnswer, Visitor } from '../contracts/tunnel.ts';
import type { Caller } from '../contracts/upstream.ts';
import { HeldVisitors } from './held-visitors.ts';
import { Holders } from './holders.ts';
import { KnownNames, wildcardOf } from './known-names.ts';
import { leased } from './leased-stream.ts';
import { LiveGateway, type LiveCarrier } from './live-gateway.ts';
import { grantedAs, mayHold, provedAddress } from './port-claims.ts';
import { Registrations, type Asked } from './registrations.ts';

export type { Asked, LiveCarrier };

export type GatewayFacts = Readonly<{
  fingerprint: string;
  from: string;
  since: number;
  names: readonly string[];
  /** Of them those that another gateway of the group serves. */
  standsBy: readonly string[];
  carriers: number;
  streams: number;
  roundTripMs: number | null;
}>;

export type DirectoryOptions = Readonly<{
  grants: Grants;
  limits: Limits;
  /** A key that gets the visitors whose hello names nobody; null where they are refused. */
  unnamed: string | null;
  /** What listens on the ports that are held; without it none can be. */
  ports?: PortDoors;
  /** Milliseconds of a clock that never jumps. */
  now?: () => number;
}>;

export class Directory {
  readonly #grants: Grants;
  readonly #limits: Limits;
  readonly #unnamed: string | null;
  readonly #gateways = new Map<string, LiveGateway>();
  readonly #holders = new Holders();
  readonly #now: () => number;
  readonly #since: number;
  readonly #known: KnownNames;
  readonly #registrations: Registrations;
  readonly #held: HeldVisitors;
  #carriers = 0;

  constructor(options: DirectoryOptions) {
    this.#grants = options.grants;
    this.#limits = options.limits;
    this.#unnamed = options.unnamed;
    this.#now = options.now ?? (() => performance.now());
    this.#since = this.#now();
    this.#known = new KnownNames(options.limits, this.#now);
    const { grants, limits } = options;
    this.#registrations = new Registrations({ grants, limits, holders: this.#holders, known: this.#known, ports: options.ports ?? null });
    this.#held = new HeldVisitors(options.limits, (visitor) => this.#openNow(visitor));
  }

  /** Carriers that stand. */
  get size(): number {
    return this.#carriers;
  }

  /** Streams that still run on all carriers, those that leave included. */
  get streams(): number {
    let count = 0;
    for (const gateway of this.#gateways.values()) count += gateway.streams;
    return count;
  }

  add(live: LiveCarrier): void {
    const key = keyOf(live);
    const gateway = this.#gateways.get(key) ?? new LiveGateway(live.fingerprint, live.instance);
    this.#gateways.set(key, gateway);
    gateway.add(live);
    this.#carriers += 1;
  }

  /**
   * The carrier, or all of its gateway, takes no new streams. With the last one that did, the names are free for whoever
   * comes in its place.
   */
  retire(live: LiveCarrier, which: 'one' | 'all'): void {
    const gateway = this.#gateways.get(keyOf(live));
    if (gateway === undefined) return;
    for (const each of which === 'all' ? gateway.carriers : [live]) gateway.retire(each);
    this.#freeUnlessStanding(gateway);
  }

  remove(live: LiveCarrier): void {
    const gateway = this.#gateways.get(keyOf(live));
    if (gateway === undefined || !gateway.carriers.includes(live)) return;
    this.#carriers -= 1;
    const last = gateway.remove(live);
    this.#freeUnlessStanding(gateway);
    if (last) this.#gateways.delete(keyOf(live));
  }

  /** Closes the oldest carriers of a key that has more than `most`. */
  thin(fingerprint: string, most: number): void {
    const own = [...this.#gateways.values()].filter((gateway) => gateway.fingerprint === fingerprint).flatMap(({ carriers }) => carriers);
    for (const { carrier } of own.toSorted((one, other) => one.since - other.since).slice(0, Math.max(0, own.length - most)))
      carrier.close(fault('connections-exceeded', 'the key has newer carriers'));
  }

  /** Makes these, and no others, the names of this carrier's gateway, whichever of its carriers asks; says of each how it fared. */
  register(live: LiveCarrier, asked: Asked): Promise<readonly NameAnswer[]> {
    const gateway = this.#gateways.get(keyOf(live));
    if (gateway === undefined) return Promise.resolve(asked.names.map((name) => ({ name, is: 'refused', code: 'name-refused' })));
    gateway.stand(live, this.#limits.carrierProbeMs);
    const answers = gateway.turn.then(async () => {
      const said = await this.#registrations.all(gateway, asked);
      this.#held.look();
      return said;
    });
    gateway.turn = answers.catch(() => undefined);
    return answers;
  }

  /** Opens a stream to whoever holds the visitor's name and still may; waits a little for one who is known and away. Null: nobody, or no room. */
  open(visitor: Visitor, caller: Caller): Stream | Promise<Stream | null> | null {
    const stream = this.#openNow(visitor);
    if (stream !== undefined) return stream;
    return this.#isAway(visitor.sni) ? this.#held.hold(visitor, caller) : null;
  }

  /** Whether somebody holds this name now. */
  stands(name: string): boolean {
    return this.#find(name) !== null;
  }

  /** Whether the gateway that holds this name now has agreed that its TLS ends here. */
  mayTerminate(name: string): boolean {
    return this.#find(name)?.terminable.has(this.#heldName(name) ?? '') === true;
  }

  /** Whether somebody holds this name, or may be back in a moment. */
  knows(sni: string | null): boolean {
    return this.#find(sni) !== null || this.#isAway(sni);
  }

  /** A carrier has no connection at this moment: what nobody has answered on it goes to whoever stands by. */
  suspended(live: LiveCarrier): void {
    const gateway = this.#gateways.get(keyOf(live));
    if (gateway !== undefined && !gateway.reachable) gateway.giveUpUnanswered();
    this.#held.look();
  }

  /** A carrier has a connection again: whoever waits for its gateway goes on. */
  resumed(): void {
    this.#held.look();
  }

  /** After the grants have changed: takes back names, and cuts gateways whose key has nothing left. */
  review(): void {
    for (const gateway of this.#gateways.values()) {
      for (const { carrier, from } of gateway.carriers) {
        const why = this.#grants.barred(gateway.fingerprint, from);
        if (why !== null) carrier.close(fault('relay-blocked', why));
      }
      for (const name of gateway.names) {
        if (this.#grants.failing(gateway.fingerprint, name) !== null) gateway.tell('failing', name);
        if (mayHold(this.#grants, gateway.fingerprint, name)) continue;
        this.#registrations.drop(gateway, name);
        // Streams are not kept by name: whoever lost one of its names starts anew with the others.
        gateway.close(fault('name-refused', `the grant of ${name} was taken back`));
      }
      if (this.#grants.of(gateway.fingerprint).length === 0) gateway.close(fault('name-refused', 'the key has no grants left'));
    }
  }

  list(): readonly GatewayFacts[] {
    return [...this.#gateways.values()].map((gateway) => ({
      ...gateway.facts,
      standsBy: [...gateway.names].filter((name) => this.#holders.standsBy(name, gateway)).toSorted(),
    }));
  }

  /** Says to every gateway that this relay goes: nothing is opened any more, what runs may end, nothing is closed. */
  leave(code: 'interrupted'): void {
    for (const live of this.#all()) {
      live.carrier.goaway(code);
      this.retire(live, 'one');
    }
  }

  #freeUnlessStanding(gateway: LiveGateway): void {
    if (gateway.stands) return;
    this.#registrations.free(gateway);
    this.#held.look();
  }

  closeAll(why: 'interrupted'): void {
    this.#held.close();
    for (const { carrier } of this.#all()) carrier.close(fault(why, 'the relay is going'));
  }

  #all(): readonly LiveCarrier[] {
    return [...this.#gateways.values()].flatMap(({ carriers }) => carriers);
  }

  /** Undefined: nobody holds the name now. Null: its gateway takes no more. */
  #openNow(visitor: Visitor): Stream | null | undefined {
    const gateway = this.#find(visitor.sni);
    if (gateway === null) return undefined;
    // It may have changed its mind, or another gateway have come, while somebody was here.
    if (visitor.terminated === true && !this.mayTerminate(visitor.sni ?? '')) return null;
    const opening = {
      id: visitor.id,
      ip: visitor.from.ip,
      visitorPort: visitor.from.port,
      listenerPort: visitor.port,
      sni: visitor.sni,
      alpn: visitor.alpn,
      ...(visitor.terminated === true ? { terminated: true as const } : {}),
    };
    const lease = this.#grants.enter(gateway.fingerprint, grantedAs(visitor.sni ?? ''), provedAddress(visitor));
    const stream = leased(lease, () => gateway.open(opening));
    const name = this.#heldName(visitor.sni);
    if (stream === null && name !== null && this.#grants.isCrowded(gateway.fingerprint, name)) gateway.tell('crowded', name);
    if (stream !== null && name !== null && this.#holders.isShared(name)) gateway.watch(stream, this.#limits);
    return stream;
  }

  /** Whether its gateway may be back in a moment. */
  #isAway(sni: string | null): boolean {
    return this.#heldName(sni) !== null || this.#isKnown(sni);
  }

  /** A relay that has just started remembers nobody: until it would have forgotten, whoever owns a name may have been here. */
  #isKnown(sni: string | null): boolean {
    if (sni === null) return false;
    if (this.#known.has(sni, (fingerprint, name) => mayHold(this.#grants, fingerprint, name))) return true;
    return this.#now() - this.#since < this.#limits.nameRememberedMs && this.#grants.isGranted(sni);
  }

  #find(sni: string | null): LiveGateway | null {
    if (sni === null) return this.#first(this.#unnamed);
    const name = this.#heldName(sni);
    return name === null
      ? null
      : (this.#holders.candidates(name, ({ fingerprint }) => mayHold(this.#grants, fingerprint, name))[0] ?? null);
  }

  /** The name by which somebody holds what a visitor asks for: itself, or the wildcard above it. */
  #heldName(sni: string | null): string | null {
    if (sni === null || this.#holders.has(sni)) return sni;
    const wildcard = wildcardOf(sni);
    return wildcard !== null && this.#holders.has(wildcard) ? wildcard : null;
  }

  #first(fingerprint: string | null): LiveGateway | null {
    if (fingerprint === null) return null;
    for (const gateway of this.#gateways.values()) {
      if (gateway.fingerprint === fingerprint && gateway.stands) return gateway;
    }
    return null;
  }
}

function keyOf({ fingerprint, instance }: LiveCarrier): string {
  return `${fingerprint} ${instance}`;
}
