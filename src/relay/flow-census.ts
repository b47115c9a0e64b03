/** How many flows of UDP there are: of one visitor's address, of one gateway, in all. Who has proved its address keeps its place. */

import { householdOf } from '../core/address.ts';
import type { Limits } from '../core/limits.ts';

export type CensusLimits = Pick<Limits, 'udpFlowsPerAddressMax' | 'udpFlowsPerGatewayMax' | 'udpFlowsMax'>;

/** A flow, as it is counted. `end` calls `leave`. */
export interface CountedFlow {
  readonly ip: string;
  /** The key that the port was granted to. */
  readonly gateway: string;
  readonly end: () => void;
}

/** Flows that share a bound; the unproved ones in the order in which they came. */
type Scope = { count: number; readonly unproved: Set<CountedFlow> };

export class FlowCensus {
  readonly #limits: CensusLimits;
  readonly #scopes = new Map<string, Scope>();

  constructor(limits: CensusLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#scopes.get('all')?.count ?? 0;
  }

  /**
   * Takes a flow in. Where there is no room the oldest one goes that has proved nothing: an address can be forged, so a flood
   * of new ones must not keep others out, and nobody who is there for certain loses its place to them. False: no room even so.
   */
  enter(flow: CountedFlow): boolean {
    const keys = keysOf(flow);
    for (const [index, key] of keys.entries()) {
      const scope = this.#scopes.get(key);
      if (scope === undefined || scope.count < this.#most(index)) continue;
      const [oldest] = scope.unproved;
      if (oldest === undefined) return false;
      oldest.end();
    }
    for (const key of keys) {
      const scope = this.#scopes.get(key) ?? { count: 0, unproved: new Set() };
      this.#scopes.set(key, scope);
      scope.count += 1;
      scope.unproved.add(flow);
    }
    return true;
  }

  proved(flow: CountedFlow): void {
    for (const key of keysOf(flow)) this.#scopes.get(key)?.unproved.delete(flow);
  }

  /** Once for each flow that entered. */
  leave(flow: CountedFlow): void {
    for (const key of keysOf(flow)) {
      const scope = this.#scopes.get(key);
      if (scope === undefined) continue;
      scope.count -= 1;
      scope.unproved.delete(flow);
      if (scope.count === 0) this.#scopes.delete(key);
    }
  }

  #most(index: number): number {
    const { udpFlowsPerAddressMax, udpFlowsPerGatewayMax, udpFlowsMax } = this.#limits;
    return [udpFlowsPerAddressMax, udpFlowsPerGatewayMax][index] ?? udpFlowsMax;
  }
}

function keysOf({ ip, gateway }: CountedFlow): readonly string[] {
  return [`of ${householdOf(ip)}`, `to ${gateway}`, 'all'];
}
