/** Which keys a relay may show: the one of now, and the one that it has announced. */

import type { MachineIdentity } from '../contracts/tunnel.ts';
import type { Reached } from './reach-relay.ts';

/** Fingerprints. */
export type RelayKeys = Readonly<{ fingerprint: string; next: string | null }>;

/** Whose keys a carrier is between. */
export type KeyOptions = Readonly<{
  /** SHA-256 of the relay's key in hex, from the invitation. */
  fingerprint: string;
  /** The key that it said it will have next, if it ever did. */
  nextFingerprint?: string | null;
  /** Told when the relay has shown its next key or announced another: what is to be pinned from now on. */
  onKeys?: (keys: RelayKeys) => void;
  identity: MachineIdentity;
  /** Our key as it is at this moment, asked for each carrier; `identity` when left out. */
  identityNow?: () => Promise<MachineIdentity>;
}>;

export class RelayPins {
  #keys: RelayKeys;
  /** Attempts so far, and the one that brought the keys of now. */
  #attempts = 0;
  #learntBy = 0;
  readonly #options: KeyOptions;

  constructor(options: KeyOptions) {
    this.#options = options;
    this.#keys = { fingerprint: options.fingerprint, next: options.nextFingerprint ?? null };
  }

  /** As `reachRelay` takes them, and the number of this attempt. */
  async now(): Promise<
    Readonly<{ attempt: number; keys: Readonly<{ identity: MachineIdentity; fingerprint: string; nextFingerprint: string | null }> }>
  > {
    const attempt = (this.#attempts += 1);
    const identity = (await this.#options.identityNow?.()) ?? this.#options.identity;
    return { attempt, keys: { identity, fingerprint: this.#keys.fingerprint, nextFingerprint: this.#keys.next } };
  }

  /** What a pinned key has said is believed. Once the next key was shown, the one before it is worth nothing. */
  learn({ fingerprint, accepted }: Pick<Reached, 'fingerprint' | 'accepted'>, attempt: number): void {
    const next = accepted.next ?? null;
    const known = this.#keys;
    if (known.fingerprint === fingerprint && known.next === next) return;
    // Nor must one that was accepted before the announcement, and is heard behind it, take that back: the next key would be a stranger's.
    if (next === null && known.fingerprint === fingerprint && attempt < this.#learntBy) return;
    // A carrier of the old key that was slow must not bring it back.
    if (known.fingerprint !== fingerprint && known.next !== fingerprint) return;
    this.#keys = { fingerprint, next };
    this.#learntBy = attempt;
    this.#options.onKeys?.(this.#keys);
  }
}
