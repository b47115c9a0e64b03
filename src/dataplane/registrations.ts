/** Registrations of names: who may hold which, beside whom, and who comes after whoever goes. */

import { fault } from '../core/errors.ts';
import type { Limits } from '../core/limits.ts';
import { readPortName } from '../core/port-name.ts';
import type { PortDoors } from '../contracts/ports.ts';
import type { Grants, NameAnswer } from '../contracts/tunnel.ts';
import type { Holders } from './holders.ts';
import type { KnownNames } from './known-names.ts';
import type { LiveGateway } from './live-gateway.ts';
import { isHoldable, mayHold } from './port-claims.ts';

/** What a carrier says that its gateway is to hold. `ask` only grows in one process. */
export type Asked = Readonly<{ ask: number; names: readonly string[]; terminated?: readonly string[] | undefined }>;

type RefusedCode = Exclude<Extract<NameAnswer, { is: 'refused' }>['code'], 'relay-blocked' | 'name-unproved'>;

export class Registrations {
  readonly #grants: Grants;
  readonly #limits: Limits;
  readonly #holders: Holders;
  readonly #known: KnownNames;
  readonly #ports: PortDoors | null;

  constructor(options: Readonly<{ grants: Grants; limits: Limits; holders: Holders; known: KnownNames; ports: PortDoors | null }>) {
    this.#grants = options.grants;
    this.#limits = options.limits;
    this.#holders = options.holders;
    this.#known = options.known;
    this.#ports = options.ports;
  }

  async all(gateway: LiveGateway, { ask, names, terminated = [] }: Asked): Promise<readonly NameAnswer[]> {
    const wanted = new Set(names);
    // Sent before another that has come first, on a carrier that was slower: what holds is told, and nothing is changed.
    if (ask < gateway.lastAsk)
      return [...wanted].map((name) =>
        gateway.names.has(name) ? this.#held(gateway, name) : { name, is: 'refused' as const, code: 'name-refused' as const },
      );
    gateway.lastAsk = ask;
    gateway.terminable = new Set(terminated);
    for (const name of gateway.names) {
      if (!wanted.has(name)) this.drop(gateway, name);
    }
    const answers = await Promise.all([...wanted].map((name) => this.#registerOne(gateway, name)));
    return answers;
  }

  async #registerOne(gateway: LiveGateway, name: string): Promise<NameAnswer> {
    if (!isHoldable(name)) return { name, is: 'refused', code: 'name-malformed' };
    const unproved = readPortName(name) === null ? await this.#grants.claim(gateway.fingerprint, name) : null;
    if (unproved !== null && gateway.offer.shares) return unproved;
    if (!mayHold(this.#grants, gateway.fingerprint, name)) {
      const why = this.#grants.blockedName(gateway.fingerprint, name);
      return why === null ? { name, is: 'refused', code: 'name-refused' } : { name, is: 'refused', code: 'relay-blocked', why };
    }
    const code = await this.#take(gateway, name);
    if (code !== null) return { name, is: 'refused', code };
    return (await this.#isShut(gateway, name)) ?? this.#held(gateway, name);
  }

  /** A port is held when it is listened on: otherwise the answer that says why it is not. */
  async #isShut(gateway: LiveGateway, name: string): Promise<NameAnswer | null> {
    // Where another gateway serves it is listened on already.
    if (readPortName(name) === null || this.#holders.standsBy(name, gateway)) return null;
    const code = this.#ports === null ? 'name-refused' : await this.#ports.open(name, gateway.fingerprint);
    if (code === null) return null;
    this.drop(gateway, name);
    return { name, is: 'refused', code };
  }

  #held(gateway: LiveGateway, name: string): NameAnswer {
    const crowded = this.#grants.isCrowded(gateway.fingerprint, name);
    const failing = this.#grants.failing(gateway.fingerprint, name);
    gateway.told('crowded', name, crowded);
    gateway.told('failing', name, failing !== null);
    if (this.#holders.standsBy(name, gateway)) return { name, is: 'held', as: 'standby' };
    if (!gateway.offer.shares) return { name, is: 'held' };
    return { name, is: 'held', ...(crowded ? { crowded } : {}), ...(failing === null ? {} : { failing }) };
  }

  /** Makes the gateway a holder of the name. Else why it cannot be one beside those who are. */
  async #take(gateway: LiveGateway, name: string): Promise<Exclude<RefusedCode, 'name-malformed'> | null> {
    const others = this.#holders.of(name).filter((each) => each !== gateway);
    const isNew = !gateway.names.has(name);
    const shares = gateway.offer.shares && this.#grants.sharing(gateway.fingerprint, name).how !== 'alone';
    for (const other of others) if (!mayHold(this.#grants, other.fingerprint, name)) this.drop(other, name);
    // Who shares waits for nobody's answer; whoever is dead is found meanwhile, and its streams may still come back.
    if (isNew && shares) for (const other of others) void other.doubt(this.#limits);
    if (isNew && !shares) await Promise.all(others.map((other) => this.#askHolder(other, name)));
    // While they were asked, the newcomer or its grant may have gone, or a third may have come.
    if (!gateway.stands || !mayHold(this.#grants, gateway.fingerprint, name)) return 'name-refused';
    const sharing = this.#grants.sharing(gateway.fingerprint, name);
    const there = this.#holders.of(name).filter((each) => each !== gateway);
    if (there.length >= this.#limits.gatewaysPerNameMax) return 'name-taken';
    for (const other of there) {
      if (sharing.how === 'alone' || !gateway.offer.shares) return 'name-taken';
      if (sharing.how === 'spread' && (gateway.offer.store === null || gateway.offer.store !== other.offer.store)) return 'store-unshared';
    }
    // In the turn in which it was looked: nobody comes between.
    gateway.names.add(name);
    this.#holders.add(name, gateway, sharing);
    return null;
  }

  /** A holder keeps its name against another process if it is alive. */
  async #askHolder(holder: LiveGateway, name: string): Promise<void> {
    if (!holder.names.has(name) || (await holder.probe(this.#limits.carrierProbeMs))) return;
    holder.close(fault('carrier-idle', 'it did not answer when its name was asked for'));
    this.drop(holder, name, 'soon');
  }

  /** Its visitors wait a little for it, or for whoever comes in its place. */
  free(gateway: LiveGateway): void {
    for (const name of gateway.names) {
      this.#known.remember(name, gateway.fingerprint);
      this.drop(gateway, name, this.#mayReturn(gateway, name) ? 'soon' : 'now');
    }
  }

  /** Not whoever was blocked, or lost the grant. */
  #mayReturn({ fingerprint }: LiveGateway, name: string): boolean {
    return mayHold(this.#grants, fingerprint, name) && this.#grants.barred(fingerprint, '') === null;
  }

  /** A port that nobody holds any more is closed: `soon` where its gateway may be back in a moment. */
  drop(gateway: LiveGateway, name: string, closing: 'now' | 'soon' = 'now'): void {
    gateway.names.delete(name);
    this.#holders.drop(name, gateway)?.nudge();
    if (!this.#holders.has(name)) this.#ports?.close(name, closing);
  }
}
