/** Who holds which name at this moment: one gateway, or a group that shares the name, in the order in which it is served. */

import type { Sharing } from '../contracts/tunnel.ts';
import type { LiveGateway } from './live-gateway.ts';

type Holding = Readonly<{ gateway: LiveGateway; sharing: Sharing }>;

export class Holders {
  readonly #holdings = new Map<string, readonly Holding[]>();

  /** In the order in which they are asked. */
  of(name: string): readonly LiveGateway[] {
    return this.#holdings.get(name)?.map(({ gateway }) => gateway) ?? [];
  }

  has(name: string): boolean {
    return this.#holdings.has(name);
  }

  /** Whether several hold it. */
  isShared(name: string): boolean {
    return (this.#holdings.get(name)?.length ?? 0) > 1;
  }

  /** Whether this gateway waits for the end of another one. */
  standsBy(name: string, gateway: LiveGateway): boolean {
    const [first, ...others] = this.#holdings.get(name) ?? [];
    const own = others.find((holding) => holding.gateway === gateway);
    return first !== undefined && own !== undefined && own.sharing.how === 'standby';
  }

  /** Who serves keeps serving; those who stand by follow by their rank, and then as they came. */
  add(name: string, gateway: LiveGateway, sharing: Sharing): void {
    const [first, ...others] = this.#holdings.get(name) ?? [];
    const own = { gateway, sharing };
    if (first === undefined || first.gateway === gateway) return void this.#holdings.set(name, [own, ...others]);
    const rest = [...others.filter((holding) => holding.gateway !== gateway), own];
    this.#holdings.set(name, [first, ...rest.toSorted((one, other) => one.sharing.rank - other.sharing.rank)]);
  }

  /** Returns who serves the name now and stood by before; null when that has not changed. */
  drop(name: string, gateway: LiveGateway): LiveGateway | null {
    const before = this.#holdings.get(name) ?? [];
    const after = before.filter((holding) => holding.gateway !== gateway);
    if (after.length === 0) this.#holdings.delete(name);
    else this.#holdings.set(name, after);
    const [first] = after;
    return first !== undefined && first.sharing.how === 'standby' && before[0]?.gateway === gateway ? first.gateway : null;
  }

  /**
   * Who may take the next visitor, in the order in which they are to be asked: of a spread name the one with the fewest streams
   * first (of equals the one that has waited longest), else whoever serves and then who stands by. A gateway without a connection at this moment is passed over.
   */
  candidates(name: string, may: (gateway: LiveGateway) => boolean): readonly LiveGateway[] {
    const all = this.#holdings.get(name);
    if (all === undefined) return [];
    const able = all.filter(({ gateway }) => gateway.reachable && may(gateway));
    if (able.length > 1 && able.every(({ sharing }) => sharing.how === 'spread'))
      return able.map(({ gateway }) => gateway).toSorted((one, other) => one.streams - other.streams || one.openedAt - other.openedAt);
    // A name has one that serves: a second one is no room for overflow, for it knows nothing of the first one's visitors.
    return able.slice(0, 1).map(({ gateway }) => gateway);
  }
}
