/** Names outside of the relay's domain at a running relay: proved when they are asked for, and looked at again every day. */

import type { Limits } from '../../core/limits.ts';
import type { Store } from '../../contracts/store.ts';
import type { Unproved } from '../../contracts/tunnel.ts';
import { Mirror } from '../identities/mirror.ts';
import { isFreeOwn, mayBeOwn, ownNameEntry, ownNameIn, ownNamesPrefix, writeOwnName, type OwnName } from './own-names.ts';
import { proofOf, proofTextOf, type TxtResolver } from './txt-proof.ts';

export type OwnDomainsOptions = Readonly<{
  store: Store;
  domain: string;
  /** How many names one key may have; null where no key may have any. */
  perGateway: number | null;
  /** All are asked. */
  resolvers: readonly TxtResolver[];
  limits: Pick<Limits, OwnLimit>;
  /** Milliseconds since 1970. */
  now: () => number;
  /** From 0 to 1. */
  chance: () => number;
  /** Why the operator blocked a name; null when it is not. */
  blocked: (name: string) => string | null;
  /** Called when a name was taken away, or its proof begins to fail. */
  onChange: () => void;
}>;

type OwnLimit =
  | 'ownNameLookMs'
  | 'ownNameFailingLookMs'
  | 'ownNameFreshMs'
  | 'ownNameAbsentMs'
  | 'ownNameFailingMs'
  | 'ownNameRetryMs'
  | 'ownNameLookupsMax';

/** How often it is looked whether a name is due. */
const tickMs = 30_000;
/** Refusals that are remembered for a moment; the oldest goes first. */
const refusalsMax = 1_000;

export class OwnDomains {
  readonly #options: OwnDomainsOptions;
  #names: Mirror<OwnName> | null = null;
  readonly #timer: NodeJS.Timeout;
  /** When each name is looked at again. */
  readonly #due = new Map<string, number>();
  /** And was looked at last. */
  readonly #looked = new Map<string, number>();
  /** Lookups under way, by key and name. */
  readonly #claims = new Map<string, Promise<Unproved | null>>();
  readonly #refusals = new Map<string, Readonly<{ refusal: Unproved; until: number }>>();
  #lookups = 0;

  private constructor(options: OwnDomainsOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.look(), tickMs);
    this.#timer.unref();
  }

  /** Error: `store-unavailable`. */
  static async open(options: OwnDomainsOptions): Promise<OwnDomains> {
    const own = new OwnDomains(options);
    own.#names = await Mirror.open<OwnName>({
      records: options.store.records,
      prefix: ownNamesPrefix,
      read: ownNameIn,
      changed: (before, after, name) => {
        if (after === null || after.released !== null) own.#forget(name);
        else if (!own.#due.has(name)) own.#plan(name, after);
        const isTaken = before !== null && (after === null || after.released !== null || after.owner !== before.owner);
        const fails = before?.failing === null && after !== null && after.failing !== null;
        if (isTaken || fails) options.onChange();
      },
    });
    return own;
  }

  /** Whether this key holds the name, or the one below whose wildcard it is. */
  owns(fingerprint: string, name: string): boolean {
    const host = hostOf(name);
    const own = this.#live(host);
    return this.#options.perGateway !== null && own?.owner === fingerprint && this.#options.blocked(host) === null;
  }

  isGranted(host: string): boolean {
    const own = this.#live(host) ?? this.#live(host.slice(host.indexOf('.') + 1));
    return this.#options.perGateway !== null && own !== null && this.#options.blocked(host) === null;
  }

  /** What the DNS of this key's name must say, and did not at the last look; null where all is well. */
  failing(fingerprint: string, name: string): string | null {
    const own = this.#live(hostOf(name));
    return own?.owner === fingerprint && own.failing !== null ? proofTextOf(fingerprint) : null;
  }

  /** Why a name of this key is blocked, for its owner. */
  blockedName(fingerprint: string, name: string): string | null {
    const host = hostOf(name);
    return this.#live(host)?.owner === fingerprint ? this.#options.blocked(host) : null;
  }

  /**
   * Makes the name this key's if its DNS says so. Null when it is (and, where it was already, is looked at again if that was
   * long ago) or can never be, else what the gateway is answered.
   */
  claim(fingerprint: string, name: string): Promise<Unproved | null> | Unproved | null {
    const { now, perGateway, domain, limits } = this.#options;
    const host = hostOf(name);
    if (this.owns(fingerprint, name)) {
      const isStale = (this.#live(host)?.proved ?? 0) + limits.ownNameFreshMs < now();
      // A gateway whose proof fails asks twice a minute, and a hostile one as often as it can.
      const isNew = (this.#looked.get(host) ?? Number.NEGATIVE_INFINITY) + limits.ownNameRetryMs <= now();
      if (isStale && isNew && this.#lookups < limits.ownNameLookupsMax) void this.#lookAgain(host);
      return null;
    }
    if (perGateway === null || !mayBeOwn(host, domain) || this.#options.blocked(host) !== null) return null;
    const own = this.#names?.get(host) ?? null;
    if (own !== null && own.owner !== fingerprint && !isFreeOwn(own, now())) return this.#refuse(name, fingerprint, 'kept');
    const key = `${fingerprint} ${host}`;
    const before = this.#refusals.get(key);
    if (before !== undefined && before.until > now()) return { ...before.refusal, name };
    const under = this.#claims.get(key);
    if (under !== undefined) return under.then((refusal) => (refusal === null ? null : { ...refusal, name }));
    if (this.#countOf(fingerprint) >= perGateway) return this.#refuse(name, fingerprint, 'count');
    if (this.#lookups >= limits.ownNameLookupsMax) return this.#refuse(name, fingerprint, 'dns');
    const claim = this.#claim(fingerprint, name)
      // The store is away: nothing was found out.
      .catch(() => this.#refuse(name, fingerprint, 'dns'))
      .finally(() => this.#claims.delete(key));
    this.#claims.set(key, claim);
    return claim;
  }

  /** Looks at what is due, a few at a time. Resolves when it is done. */
  async look(): Promise<void> {
    // What was proved is kept for the day on which the operator allows it again.
    if (this.#options.perGateway === null) return;
    const now = this.#options.now();
    const due = [...this.#due].filter(([, at]) => at <= now).map(([name]) => name);
    await Promise.all(
      due.slice(0, Math.max(0, this.#options.limits.ownNameLookupsMax - this.#lookups)).map((name) => this.#lookAgain(name)),
    );
  }

  async refresh(): Promise<void> {
    await this.#names?.refresh();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#names?.close();
  }

  async #claim(fingerprint: string, name: string): Promise<Unproved | null> {
    const { store, now } = this.#options;
    const host = hostOf(name);
    const proof = await this.#proof(host, fingerprint, false);
    if (proof !== 'proved')
      return this.#remember(host, this.#refuse(name, fingerprint, proof === 'absent' ? 'absent' : 'dns'), fingerprint);
    const entry = await ownNameEntry(store, host);
    const before = entry === null ? null : ownNameIn(entry.value);
    // A record that cannot be read is somebody's whom we do not know.
    const foreign = entry !== null && (before === null || (before.owner !== fingerprint && !isFreeOwn(before, now())));
    const own = { owner: fingerprint, since: now(), proved: now(), failing: null, absent: null, released: null };
    if (foreign || !(await writeOwnName(store, host, entry, own))) return this.#refuse(name, fingerprint, 'kept');
    return null;
  }

  /** A proof that is there again ends all doubts; one that is not takes the name after its time of grace. */
  async #lookAgain(host: string): Promise<void> {
    const { store, now, limits } = this.#options;
    const known = this.#live(host);
    if (known === null) return;
    // Not twice at once, and again soon where this look comes to nothing.
    this.#due.set(host, now() + limits.ownNameFailingLookMs);
    this.#looked.set(host, now());
    try {
      const proof = await this.#proof(host, known.owner, true);
      const entry = await ownNameEntry(store, host);
      const own = entry === null ? null : ownNameIn(entry.value);
      if (own === null || own.owner !== known.owner || own.released !== null) return;
      const failing = own.failing ?? now();
      const absent = own.absent ?? (proof === 'absent' ? now() : null);
      const isLost =
        (proof === 'absent' && absent !== null && now() - absent >= limits.ownNameAbsentMs) || now() - failing >= limits.ownNameFailingMs;
      const next: OwnName =
        proof === 'proved'
          ? { ...own, proved: now(), failing: null, absent: null }
          : { ...own, failing, absent, released: isLost ? now() : null };
      if (await writeOwnName(store, host, entry, next)) this.#plan(host, next);
    } catch {
      // The store is away: what was proved holds, and it is looked at again.
    }
  }

  async #proof(host: string, fingerprint: string, again: boolean): ReturnType<typeof proofOf> {
    this.#lookups += 1;
    try {
      return await proofOf(this.#options.resolvers, { name: host, fingerprint, again });
    } finally {
      this.#lookups -= 1;
    }
  }

  #forget(name: string): void {
    this.#due.delete(name);
    this.#looked.delete(name);
  }

  /** A tenth sooner or later, so that what was proved together is not looked up together for ever. */
  #plan(name: string, { proved, failing, released }: OwnName): void {
    const { limits, now, chance } = this.#options;
    if (released !== null) return this.#forget(name);
    const wait = failing === null ? proved + limits.ownNameLookMs - now() : limits.ownNameFailingLookMs;
    this.#due.set(name, now() + Math.max(0, wait) * (0.9 + 0.2 * chance()));
  }

  #live(host: string): OwnName | null {
    const own = this.#names?.get(host) ?? null;
    return own === null || own.released !== null ? null : own;
  }

  /** Names and lookups under way of this key. */
  #countOf(fingerprint: string): number {
    let count = 0;
    for (const { owner, released } of this.#names?.values() ?? []) if (owner === fingerprint && released === null) count += 1;
    for (const key of this.#claims.keys()) if (key.startsWith(`${fingerprint} `)) count += 1;
    return count;
  }

  #refuse(name: string, fingerprint: string, because: Unproved['because']): Unproved {
    return { name, is: 'refused', code: 'name-unproved', because, txt: proofTextOf(fingerprint) };
  }

  #remember(host: string, refusal: Unproved, fingerprint: string): Unproved {
    const { now, limits } = this.#options;
    for (const [oldest] of this.#refusals) {
      if (this.#refusals.size < refusalsMax) break;
      this.#refusals.delete(oldest);
    }
    this.#refusals.set(`${fingerprint} ${host}`, { refusal, until: now() + limits.ownNameRetryMs });
    return refusal;
  }
}

function hostOf(name: string): string {
  return name.startsWith('*.') ? name.slice(2) : name;
}
