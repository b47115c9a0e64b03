/** What is blocked at a relay, in memory: asked for every connection before anything of it is read. */

import { contains, parseIp, parseNetwork, type Network } from '../../core/address.ts';
import type { Store } from '../../contracts/store.ts';
import { Mirror } from '../identities/mirror.ts';
import { blockIn, blocksPrefix, type Block } from './blocks.ts';

export class BlockList {
  readonly #why = new Map<string, string>();
  /** Blocks of more than one address: operators write few of them. */
  readonly #networks = new Map<string, Readonly<{ network: Network; why: string }>>();
  #mirror: Mirror<Block> | null = null;

  private constructor() {}

  /** Error: `store-unavailable`. */
  static async open(store: Store, onChange: () => void): Promise<BlockList> {
    const list = new BlockList();
    list.#mirror = await Mirror.open<Block>({
      records: store.records,
      prefix: blocksPrefix,
      read: blockIn,
      changed: (before, after) => {
        if (before !== null) list.#forget(before);
        if (after !== null) list.#learn(after);
        onChange();
      },
    });
    return list;
  }

  /** Each answers with the operator's reason, or null. */
  name(label: string): string | null {
    return this.#why.get(`name ${label}`) ?? null;
  }

  gateway(fingerprint: string): string | null {
    return this.#why.get(`gateway ${fingerprint}`) ?? null;
  }

  address(text: string): string | null {
    const exact = this.#why.get(`address ${text}`);
    if (exact !== undefined) return exact;
    const ip = this.#networks.size === 0 ? null : parseIp(text);
    if (ip === null) return null;
    for (const { network, why } of this.#networks.values()) if (contains(network, ip)) return why;
    return null;
  }

  async refresh(): Promise<void> {
    await this.#mirror?.refresh();
  }

  close(): void {
    this.#mirror?.close();
  }

  #learn({ kind, what, why }: Block): void {
    const network = kind === 'address' ? parseNetwork(what) : null;
    if (network === null) this.#why.set(`${kind} ${what}`, why);
    else if (isOne(network)) this.#why.set(`address ${network.ip.text}`, why);
    else this.#networks.set(what, { network, why });
  }

  #forget({ kind, what }: Block): void {
    this.#networks.delete(what);
    const network = kind === 'address' ? parseNetwork(what) : null;
    this.#why.delete(`${kind} ${network === null ? what : network.ip.text}`);
  }
}

function isOne({ ip, prefix }: Network): boolean {
  return prefix === (ip.version === 4 ? 32 : 128);
}
