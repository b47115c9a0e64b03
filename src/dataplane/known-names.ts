/** Names that were held a moment ago: whoever asks for one is worth waiting with. */

import type { Limits } from '../core/limits.ts';

export type KnownLimits = Pick<Limits, 'namesRememberedMax' | 'nameRememberedMs'>;

export class KnownNames {
  readonly #limits: KnownLimits;
  readonly #now: () => number;
  /** In the order in which they were lost, so that the first is the oldest. */
  readonly #names = new Map<string, Readonly<{ fingerprint: string; until: number }>>();

  constructor(limits: KnownLimits, now: () => number) {
    this.#limits = limits;
    this.#now = now;
  }

  /** This key held the name until now. */
  remember(name: string, fingerprint: string): void {
    this.#names.delete(name);
    this.#names.set(name, { fingerprint, until: this.#now() + this.#limits.nameRememberedMs });
    for (const oldest of this.#names.keys()) {
      if (this.#names.size <= this.#limits.namesRememberedMax) break;
      this.#names.delete(oldest);
    }
  }

  /** Whether it was held lately, itself or by a wildcard, by a key that may still hold it. */
  has(sni: string, owns: (fingerprint: string, name: string) => boolean): boolean {
    const wildcard = wildcardOf(sni);
    return this.#one(sni, owns) || (wildcard !== null && this.#one(wildcard, owns));
  }

  #one(name: string, owns: (fingerprint: string, name: string) => boolean): boolean {
    const known = this.#names.get(name);
    if (known === undefined) return false;
    if (known.until > this.#now()) return owns(known.fingerprint, name);
    this.#names.delete(name);
    return false;
  }
}

/** RFC 6125, 6.4.3: a wildcard stands for one label. Null where the name has one label only. */
export function wildcardOf(sni: string): string | null {
  const dot = sni.indexOf('.');
  return dot === -1 ? null : `*.${sni.slice(dot + 1)}`;
}
