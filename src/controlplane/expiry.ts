/** Wakes at the moment when a service's time is over, so that running streams end with it and not at their next request. */

type Ending = Readonly<{ name: string; expires: number | null; open: boolean }>;

export type ExpiryOptions = Readonly<{
  now: () => number;
  /** Told once for each service whose time is over. */
  expired: (names: readonly string[]) => void;
}>;

/** A timer holds some 24 days (2^31 ms): a later end is looked at again then. */
const TIMER_MS_MAX = 2_000_000_000;

export class Expiry {
  readonly #options: ExpiryOptions;
  #services: readonly Ending[] = [];
  #told = new Set<string>();
  #timer: NodeJS.Timeout | null = null;

  constructor(options: ExpiryOptions) {
    this.#options = options;
  }

  /** From now on exactly these. */
  watch(services: readonly Ending[]): void {
    this.#services = services;
    const now = this.#options.now();
    this.#told = new Set(
      [...this.#told].filter((name) => services.some((each) => each.name === name && each.expires !== null && each.expires <= now)),
    );
    this.#look();
  }

  close(): void {
    this.#services = [];
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #look(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    const now = this.#options.now();
    const over = this.#services
      .filter(({ name, expires }) => expires !== null && expires <= now && !this.#told.has(name))
      .map(({ name }) => name);
    for (const name of over) this.#told.add(name);
    if (over.length > 0) this.#options.expired(over);
    const next = Math.min(...this.#services.map(({ expires }) => (expires === null || expires <= now ? Infinity : expires)));
    this.#timer = next === Infinity ? null : setTimeout(() => this.#look(), Math.min(next - now, TIMER_MS_MAX)).unref();
  }
}
