/** The switch of each service: open or closed, remembered where the configuration is, and when it first stood open here. */

import type { Store } from '../contracts/store.ts';

const PREFIX = 'switch/';

export type SwitchesOptions = Readonly<{
  /** Null for a share that lives as long as its command: whoever starts it wants it open. */
  store: Store | null;
  now: () => number;
}>;

export class Switches {
  readonly #options: SwitchesOptions;
  readonly #closed: Set<string>;
  readonly #openedAt = new Map<string, number>();

  private constructor(options: SwitchesOptions, closed: Set<string>) {
    this.#options = options;
    this.#closed = closed;
  }

  /** Reads which services were closed. Errors: `store-unavailable`. */
  static async read(options: SwitchesOptions): Promise<Switches> {
    const entries = (await options.store?.records.list(PREFIX)) ?? [];
    return new Switches(options, new Set(entries.map(({ key }) => key.slice(PREFIX.length))));
  }

  isOpen(service: string): boolean {
    return !this.#closed.has(service);
  }

  /** Milliseconds since 1970: when this process first saw the service. */
  openedAt(service: string): number {
    const known = this.#openedAt.get(service);
    if (known !== undefined) return known;
    const now = this.#options.now();
    this.#openedAt.set(service, now);
    return now;
  }

  /** Turns it; it is turned even when it cannot be remembered, and the caller hears of that: `store-unavailable`, `disk-full`. */
  async turn(service: string, open: boolean): Promise<void> {
    if (open) this.#closed.delete(service);
    else this.#closed.add(service);
    const records = this.#options.store?.records;
    if (records === undefined) return;
    if (open) await records.delete(PREFIX + service);
    else await records.put(PREFIX + service, { closedAt: this.#options.now() });
  }
}
