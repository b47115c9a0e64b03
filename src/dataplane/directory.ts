/** Which carrier holds which name now. Every registration and every open is judged by the current grants. */

import { fault } from '../core/errors.ts';
import { canonicalHost } from '../core/http/host.ts';
import type { Limits } from '../core/limits.ts';
import type { Stream } from '../contracts/stream.ts';
import type { Grants, NameAnswer, Visitor } from '../contracts/tunnel.ts';
import type { Carrier } from './carrier.ts';

/** A gateway whose carrier stands. */
export type LiveGateway = Readonly<{
  fingerprint: string;
  /** Of the process: two carriers of one instance are one gateway that came again. */
  instance: string;
  /** The address it came from. */
  from: string;
  since: number;
  carrier: Carrier;
}>;

export type GatewayFacts = Readonly<{
  fingerprint: string;
  from: string;
  since: number;
  names: readonly string[];
  streams: number;
  roundTripMs: number | null;
}>;

export class Directory {
  readonly #grants: Grants;
  readonly #limits: Pick<Limits, 'carrierProbeMs'>;
  /** A key that gets the visitors whose hello names nobody; null where they are refused. */
  readonly #unnamed: string | null;
  readonly #gateways = new Map<LiveGateway, Set<string>>();
  readonly #holders = new Map<string, LiveGateway>();

  constructor(options: Readonly<{ grants: Grants; limits: Pick<Limits, 'carrierProbeMs'>; unnamed: string | null }>) {
    this.#grants = options.grants;
    this.#limits = options.limits;
    this.#unnamed = options.unnamed;
  }

  get size(): number {
    return this.#gateways.size;
  }

  add(gateway: LiveGateway): void {
    this.#gateways.set(gateway, new Set());
  }

  remove(gateway: LiveGateway): void {
    for (const name of this.#gateways.get(gateway) ?? []) this.#holders.delete(name);
    this.#gateways.delete(gateway);
  }

  /** Closes the oldest carriers of a key that has more than `most`. */
  thin(fingerprint: string, most: number): void {
    const own = [...this.#gateways.keys()].filter((gateway) => gateway.fingerprint === fingerprint);
    for (const gateway of own.slice(0, Math.max(0, own.length - most)))
      gateway.carrier.close(fault('connections-exceeded', 'the key has newer carriers'));
  }

  /** Makes these, and no others, the names of this carrier; says of each how it fared. */
  async register(gateway: LiveGateway, names: readonly string[]): Promise<readonly NameAnswer[]> {
    const wanted = new Set(names);
    const held = this.#gateways.get(gateway);
    for (const name of held ?? []) {
      if (!wanted.has(name)) this.#drop(gateway, name);
    }
    return Promise.all([...wanted].map((name) => this.#registerOne(gateway, name)));
  }

  /** Opens a stream to whoever holds the visitor's name and still may. Null: nobody, or no room. */
  open(visitor: Visitor): Stream | null {
    const gateway = this.#find(visitor.sni);
    if (gateway === null) return null;
    return gateway.carrier.open({
      id: visitor.id,
      ip: visitor.from.ip,
      visitorPort: visitor.from.port,
      listenerPort: visitor.port,
      sni: visitor.sni,
      alpn: visitor.alpn,
    });
  }

  /** Whether somebody holds this name. */
  knows(sni: string | null): boolean {
    return this.#find(sni) !== null;
  }

  /** After the grants have changed: takes back names, and cuts carriers whose key has nothing left. */
  review(): void {
    for (const [gateway, names] of this.#gateways) {
      for (const name of names) {
        if (this.#grants.owns(gateway.fingerprint, name)) continue;
        this.#drop(gateway, name);
        // Streams are not kept by name: whoever lost one of its names starts anew with the others.
        gateway.carrier.close(fault('name-refused', `the grant of ${name} was taken back`));
      }
      if (this.#grants.of(gateway.fingerprint).length === 0) gateway.carrier.close(fault('name-refused', 'the key has no grants left'));
    }
  }

  list(): readonly GatewayFacts[] {
    return [...this.#gateways].map(([{ fingerprint, from, since, carrier }, names]) => ({
      fingerprint,
      from,
      since,
      names: [...names].toSorted(),
      streams: carrier.streams,
      roundTripMs: carrier.roundTripMs,
    }));
  }

  /** Streams that still run on all carriers, those that leave included. */
  get streams(): number {
    let count = 0;
    for (const [gateway] of this.#gateways) count += gateway.carrier.streams;
    return count;
  }

  /** Says to every gateway that this relay goes: nothing is opened any more, what runs may end, nothing is closed. */
  leave(code: 'interrupted'): void {
    for (const [gateway] of this.#gateways) gateway.carrier.goaway(code);
  }

  closeAll(why: 'interrupted'): void {
    for (const [gateway] of this.#gateways) gateway.carrier.close(fault(why, 'the relay is going'));
  }

  #find(sni: string | null): LiveGateway | null {
    if (sni === null) return this.#first(this.#unnamed);
    const gateway = this.#holders.get(sni);
    if (gateway !== undefined) return this.#judged(gateway, sni);
    // RFC 6125, 6.4.3: a wildcard stands for one label.
    const wildcard = `*.${sni.slice(sni.indexOf('.') + 1)}`;
    const holder = sni.includes('.') ? this.#holders.get(wildcard) : undefined;
    return holder === undefined ? null : this.#judged(holder, wildcard);
  }

  #judged(gateway: LiveGateway, name: string): LiveGateway | null {
    return !gateway.carrier.ended && this.#grants.owns(gateway.fingerprint, name) ? gateway : null;
  }

  #first(fingerprint: string | null): LiveGateway | null {
    if (fingerprint === null) return null;
    for (const [gateway] of this.#gateways) {
      if (gateway.fingerprint === fingerprint && !gateway.carrier.ended) return gateway;
    }
    return null;
  }

  async #registerOne(gateway: LiveGateway, name: string): Promise<NameAnswer> {
    const host = name.startsWith('*.') ? name.slice(2) : name;
    if (canonicalHost(host) !== host) return { name, is: 'refused', code: 'name-malformed' };
    if (!this.#grants.owns(gateway.fingerprint, name)) return { name, is: 'refused', code: 'name-refused' };
    const holder = this.#holders.get(name);
    if (holder !== undefined && holder !== gateway && (await this.#stands(holder, gateway, name)))
      return { name, is: 'refused', code: 'name-taken' };
    // While the holder was asked, the newcomer or its grant may have gone, or a third may have come.
    const names = this.#gateways.get(gateway);
    const now = this.#holders.get(name);
    if (names === undefined || !this.#grants.owns(gateway.fingerprint, name)) return { name, is: 'refused', code: 'name-refused' };
    if (now !== undefined && now !== gateway && now !== holder) return { name, is: 'refused', code: 'name-taken' };
    if (now !== undefined && now !== gateway) this.#drop(now, name);
    names.add(name);
    this.#holders.set(name, gateway);
    return { name, is: 'held' };
  }

  /** Whether the holder keeps its name against a newcomer: it must still own it, be alive, and be another process. */
  async #stands(holder: LiveGateway, newcomer: LiveGateway, name: string): Promise<boolean> {
    if (!this.#grants.owns(holder.fingerprint, name)) return false;
    if (holder.fingerprint === newcomer.fingerprint && holder.instance === newcomer.instance) return false;
    const alive = await holder.carrier.probe(this.#limits.carrierProbeMs);
    if (!alive) holder.carrier.close(fault('carrier-idle', 'it did not answer when its name was asked for'));
    return alive;
  }

  #drop(gateway: LiveGateway, name: string): void {
    this.#gateways.get(gateway)?.delete(name);
    if (this.#holders.get(name) === gateway) this.#holders.delete(name);
  }
}
