/** Which gateway holds which name now. Every registration and every open is judged by the current grants. */

import { fault } from '../core/errors.ts';
import { canonicalHost } from '../core/http/host.ts';
import type { Limits } from '../core/limits.ts';
import type { Stream } from '../contracts/stream.ts';
import type { Grants, NameAnswer, Visitor } from '../contracts/tunnel.ts';
import type { Caller } from '../contracts/upstream.ts';
import { HeldVisitors } from './held-visitors.ts';
import { KnownNames, wildcardOf } from './known-names.ts';
import { leased } from './leased-stream.ts';
import { LiveGateway, type LiveCarrier } from './live-gateway.ts';

export type { LiveCarrier };

export type GatewayFacts = Readonly<{
  fingerprint: string;
  from: string;
  since: number;
  names: readonly string[];
  carriers: number;
  streams: number;
  roundTripMs: number | null;
}>;

/** What a carrier says that its gateway is to hold. `ask` only grows in one process. */
export type Asked = Readonly<{ ask: number; names: readonly string[] }>;

export type DirectoryOptions = Readonly<{
  grants: Grants;
  limits: Limits;
  /** A key that gets the visitors whose hello names nobody; null where they are refused. */
  unnamed: string | null;
  /** Milliseconds of a clock that never jumps. */
  now?: () => number;
}>;

export class Directory {
  readonly #grants: Grants;
  readonly #limits: Limits;
  readonly #unnamed: string | null;
  readonly #gateways = new Map<string, LiveGateway>();
  readonly #holders = new Map<string, LiveGateway>();
  readonly #now: () => number;
  readonly #since: number;
  readonly #known: KnownNames;
  readonly #held: HeldVisitors;
  #carriers = 0;

  constructor(options: DirectoryOptions) {
    this.#grants = options.grants;
    this.#limits = options.limits;
    this.#unnamed = options.unnamed;
    this.#now = options.now ?? (() => performance.now());
    this.#since = this.#now();
    this.#known = new KnownNames(options.limits, this.#now);
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
    if (!gateway.stands) this.#free(gateway);
  }

  remove(live: LiveCarrier): void {
    const gateway = this.#gateways.get(keyOf(live));
    if (gateway === undefined || !gateway.carriers.includes(live)) return;
    this.#carriers -= 1;
    const last = gateway.remove(live);
    if (!gateway.stands) this.#free(gateway);
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
    const answers = gateway.turn.then(() => this.#registerAll(gateway, asked));
    gateway.turn = answers.catch(() => undefined);
    return answers;
  }

  /** Opens a stream to whoever holds the visitor's name and still may; waits a little for one who is known and away. Null: nobody, or no room. */
  open(visitor: Visitor, caller: Caller): Stream | Promise<Stream | null> | null {
    const stream = this.#openNow(visitor);
    if (stream !== undefined) return stream;
    return this.#isKnown(visitor.sni) ? this.#held.hold(visitor, caller) : null;
  }

  /** Whether somebody holds this name, or may be back in a moment. */
  knows(sni: string | null): boolean {
    return this.#find(sni) !== null || this.#isKnown(sni);
  }

  /** After the grants have changed: takes back names, and cuts gateways whose key has nothing left. */
  review(): void {
    for (const gateway of this.#gateways.values()) {
      for (const { carrier, from } of gateway.carriers) {
        const why = this.#grants.barred(gateway.fingerprint, from);
        if (why !== null) carrier.close(fault('relay-blocked', why));
      }
      for (const name of gateway.names) {
        if (this.#grants.owns(gateway.fingerprint, name)) continue;
        this.#drop(gateway, name);
        // Streams are not kept by name: whoever lost one of its names starts anew with the others.
        gateway.close(fault('name-refused', `the grant of ${name} was taken back`));
      }
      if (this.#grants.of(gateway.fingerprint).length === 0) gateway.close(fault('name-refused', 'the key has no grants left'));
    }
  }

  list(): readonly GatewayFacts[] {
    return [...this.#gateways.values()].map(({ fingerprint, names, carriers, streams }) => ({
      fingerprint,
      from: carriers.at(-1)?.from ?? '',
      since: Math.min(...carriers.map(({ since }) => since)),
      names: [...names].toSorted(),
      carriers: carriers.length,
      streams,
      roundTripMs: carriers.at(-1)?.carrier.roundTripMs ?? null,
    }));
  }

  /** Says to every gateway that this relay goes: nothing is opened any more, what runs may end, nothing is closed. */
  leave(code: 'interrupted'): void {
    for (const live of this.#all()) {
      live.carrier.goaway(code);
      this.retire(live, 'one');
    }
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
    const opening = {
      id: visitor.id,
      ip: visitor.from.ip,
      visitorPort: visitor.from.port,
      listenerPort: visitor.port,
      sni: visitor.sni,
      alpn: visitor.alpn,
    };
    return leased(this.#grants.enter(gateway.fingerprint, visitor.sni ?? ''), () => gateway.open(opening));
  }

  /** A relay that has just started remembers nobody: until it would have forgotten, whoever owns a name may have been here. */
  #isKnown(sni: string | null): boolean {
    if (sni === null) return false;
    if (this.#known.has(sni, (fingerprint, name) => this.#grants.owns(fingerprint, name))) return true;
    return this.#now() - this.#since < this.#limits.nameRememberedMs && this.#grants.isGranted(sni);
  }

  #find(sni: string | null): LiveGateway | null {
    if (sni === null) return this.#first(this.#unnamed);
    const gateway = this.#holders.get(sni);
    if (gateway !== undefined) return this.#judged(gateway, sni);
    const wildcard = wildcardOf(sni);
    const holder = wildcard === null ? undefined : this.#holders.get(wildcard);
    return holder === undefined || wildcard === null ? null : this.#judged(holder, wildcard);
  }

  #judged(gateway: LiveGateway, name: string): LiveGateway | null {
    return gateway.stands && this.#grants.owns(gateway.fingerprint, name) ? gateway : null;
  }

  #first(fingerprint: string | null): LiveGateway | null {
    if (fingerprint === null) return null;
    for (const gateway of this.#gateways.values()) {
      if (gateway.fingerprint === fingerprint && gateway.stands) return gateway;
    }
    return null;
  }

  async #registerAll(gateway: LiveGateway, { ask, names }: Asked): Promise<readonly NameAnswer[]> {
    const wanted = new Set(names);
    // Sent before another that has come first, on a carrier that was slower: what holds is told, and nothing is changed.
    if (ask < gateway.lastAsk)
      return [...wanted].map((name) =>
        gateway.names.has(name) ? { name, is: 'held' as const } : { name, is: 'refused' as const, code: 'name-refused' as const },
      );
    gateway.lastAsk = ask;
    for (const name of gateway.names) {
      if (!wanted.has(name)) this.#drop(gateway, name);
    }
    const answers = await Promise.all([...wanted].map((name) => this.#registerOne(gateway, name)));
    this.#held.look();
    return answers;
  }

  async #registerOne(gateway: LiveGateway, name: string): Promise<NameAnswer> {
    const host = name.startsWith('*.') ? name.slice(2) : name;
    if (canonicalHost(host) !== host) return { name, is: 'refused', code: 'name-malformed' };
    if (!this.#grants.owns(gateway.fingerprint, name)) {
      const why = this.#grants.blockedName(gateway.fingerprint, name);
      return why === null ? { name, is: 'refused', code: 'name-refused' } : { name, is: 'refused', code: 'relay-blocked', why };
    }
    const holder = this.#holders.get(name);
    if (holder !== undefined && holder !== gateway && (await this.#keeps(holder, name))) return { name, is: 'refused', code: 'name-taken' };
    // While the holder was asked, the newcomer or its grant may have gone, or a third may have come.
    const now = this.#holders.get(name);
    if (!gateway.stands || !this.#grants.owns(gateway.fingerprint, name)) return { name, is: 'refused', code: 'name-refused' };
    if (now !== undefined && now !== gateway && now !== holder) return { name, is: 'refused', code: 'name-taken' };
    if (now !== undefined && now !== gateway) this.#drop(now, name);
    gateway.names.add(name);
    this.#holders.set(name, gateway);
    return { name, is: 'held' };
  }

  /** Whether the holder keeps its name against another process: it must still own it and be alive. */
  async #keeps(holder: LiveGateway, name: string): Promise<boolean> {
    if (!this.#grants.owns(holder.fingerprint, name)) return false;
    const alive = await holder.probe(this.#limits.carrierProbeMs);
    if (!alive) holder.close(fault('carrier-idle', 'it did not answer when its name was asked for'));
    return alive;
  }

  /** Its visitors wait a little for it, or for whoever comes in its place. */
  #free(gateway: LiveGateway): void {
    for (const name of gateway.names) {
      this.#known.remember(name, gateway.fingerprint);
      this.#drop(gateway, name);
    }
  }

  #drop(gateway: LiveGateway, name: string): void {
    gateway.names.delete(name);
    if (this.#holders.get(name) === gateway) this.#holders.delete(name);
  }
}

function keyOf({ fingerprint, instance }: LiveCarrier): string {
  return `${fingerprint} ${instance}`;
}
