/** The switch of each service: open or closed, remembered where the configuration is, and when it first stood open here. */

import type { Json, Store } from '../contracts/store.ts';

const PREFIX = 'switch/';

export type SwitchesOptions = Readonly<{
  /** Null for a share that lives as long as its command: whoever starts it wants it open. */
  store: Store | null;
  now: () => number;
}>;

export class Switches {
  readonly #options: SwitchesOptions;
  /** Each closed service, with what visitors are told meanwhile: null is unreachable, a text is maintenance. */
  readonly #closed: Map<string, string | null>;
  readonly #openedAt = new Map<string, number>();

  private constructor(options: SwitchesOptions, closed: Map<string, string | null>) {
    this.#options = options;
    this.#closed = closed;
  }

  /** Reads which services were closed. Errors: `store-unavailable`. */
  static async read(options: SwitchesOptions): Promise<Switches> {
    const entries = (await options.store?.records.list(PREFIX)) ?? [];
    return new Switches(options, new Map(entries.map(({ key, value }) => [key.slice(PREFIX.length), pauseOf(value)] as const)));
  }

  isOpen(service: string): boolean {
    return (this.#closed.get(service) ?? null) !== null || !this.#closed.has(service);
  }

  /** What visitors are told while the service is worked on, or null. */
  pausedBy(service: string): string | null {
    return this.#closed.get(service) ?? null;
  }

  /** Milliseconds since 1970: when this process first saw the service. */
  openedAt(service: string): number {
    const known = this.#openedAt.get(service);
    if (known !== undefined) return known;
    const now = this.#options.now();
    this.#openedAt.set(service, now);
    return now;
  }

  /** Turns it, with `pause` to maintenance instead of off; it is turned even when it cannot be remembered, and the caller hears of that: `store-unavailable`, `disk-full`. */
  async turn(service: string, open: boolean, pause: string | null = null): Promise<void> {
    if (open) this.#closed.delete(service);
    else this.#closed.set(service, pause);
    const records = this.#options.store?.records;
    if (records === undefined) return;
    if (open) await records.delete(PREFIX + service);
    else await records.put(PREFIX + service, { closedAt: this.#options.now(), ...(pause === null ? {} : { pause }) });
  }
}

/** What is no text is a switch that is off: a record that cannot be read opens nothing. */
function pauseOf(value: Json): string | null {
  return typeof value === 'object' && value !== null && 'pause' in value && typeof value['pause'] === 'string' ? value['pause'] : null;
}
