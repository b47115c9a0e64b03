/** A relay's memory of who owns what and who is blocked, mirrored from the store so that every open can be judged without waiting. */

import { canonicalHost } from '../../core/http/host.ts';
import type { Store } from '../../contracts/store.ts';
import type { Enrolment, Lease, Pace, PortRange } from '../../contracts/tunnel.ts';
import { Mirror } from '../identities/mirror.ts';
import { BlockList } from './block-list.ts';
import { redeemInvite } from './invites.ts';
import { covers } from './name-pattern.ts';
import { endedAt, grantIn, isWide, moveGateway, namesPrefix, type Grant, type OwnedName } from './names.ts';
import { createPace } from './pace.ts';

export type GrantsOptions = Readonly<{
  store: Store;
  domain: string;
  /** A key that owns every name: the embedded relay's own gateway. Null on a public relay. */
  owner: string | null;
  /** Milliseconds since 1970. */
  now: () => number;
  /** Called after each change that may take something away, or gives ports, and at each end of a grant. */
  onChange: () => void;
}>;

/** `refresh` resolves when what other processes wrote before holds here. */
export type LiveGrants = Enrolment & Readonly<{ refresh: () => Promise<void>; close: () => void }>;

/** Reads all there is and follows the store. Error: `store-unavailable`: without its memory a relay admits nobody. */
export async function openGrants(options: GrantsOptions): Promise<LiveGrants> {
  const blocks = await BlockList.open(options.store, options.onChange);
  const memory = new Memory(options, blocks);
  const names = await Mirror.open<Grant | 'unreadable'>({
    records: options.store.records,
    prefix: namesPrefix,
    read: (value) => grantIn(value) ?? 'unreadable',
    changed: (before, after, label) => memory.learn(label, before, after),
  });
  return {
    owns: (fingerprint, name) => (fingerprint === options.owner ? isCanonical(name) : memory.labelOfName(fingerprint, name) !== null),
    isGranted: (name) => memory.isGranted(name),
    ownsPort: (fingerprint, port) => memory.labelOfPort(fingerprint, port) !== null,
    of: (fingerprint) => (fingerprint === options.owner ? ['*'] : memory.namesOf(fingerprint)),
    portsOf: (fingerprint) => memory.portsOf(fingerprint),
    enter: (fingerprint, at) => (fingerprint === options.owner ? unlimited : memory.enter(fingerprint, at)),
    barred: (fingerprint, ip) => blocks.gateway(fingerprint) ?? blocks.address(ip) ?? memory.allBlocked(fingerprint),
    blockedName: (fingerprint, name) => memory.blockedName(fingerprint, name),
    redeem: async (secret, fingerprint) => {
      // The change is told to this process before the store confirms it.
      await redeemInvite(options.store, { secret, fingerprint, now: options.now(), wide: () => memory.wide() });
    },
    renew: async (from, to) => {
      await moveGateway(options.store, { from, to, now: options.now() });
    },
    refresh: async () => {
      await Promise.all([names.refresh(), blocks.refresh()]);
    },
    close: () => {
      memory.close();
      names.close();
      blocks.close();
    },
  };
}

const unlimited: Lease = { pace: null, leave: null };
/** Timers of Node hold 24 days; what ends later is looked at again. */
const timerMsMax = 86_400_000;

class Memory {
  readonly #options: GrantsOptions;
  readonly #blocks: BlockList;
  readonly #grants = new Map<string, Grant | 'unreadable'>();
  readonly #labelsOf = new Map<string, Set<string>>();
  /** Labels of grants with names beside them, with ports, with an end: few, and looked through whole. */
  readonly #globs = new Set<string>();
  readonly #ported = new Set<string>();
  readonly #ending = new Set<string>();
  readonly #streams = new Map<string, number>();
  readonly #paces = new Map<string, Pace>();
  /** With names beside them or ports, kept ones included: the only ones that others can meet. */
  readonly #wide = new Set<string>();
  #timer: NodeJS.Timeout | null = null;
  #arming = false;
  #closed = false;

  constructor(options: GrantsOptions, blocks: BlockList) {
    this.#options = options;
    this.#blocks = blocks;
  }

  learn(label: string, before: Grant | 'unreadable' | null, after: Grant | 'unreadable' | null): void {
    if (before !== null && before !== 'unreadable') this.#labelsOf.get(before.owner)?.delete(label);
    for (const some of [this.#globs, this.#ported, this.#ending, this.#wide]) some.delete(label);
    this.#paces.delete(label);
    if (after === null) this.#grants.delete(label);
    else this.#grants.set(label, after);
    if (after !== null && after !== 'unreadable') this.#index(label, after);
    this.#armSoon();
    // A plain new name takes nothing from anybody: ten thousand that join are not ten thousand reviews of all carriers.
    if (before !== null || after === 'unreadable' || this.#globs.size > 0 || this.#wide.has(label)) this.#options.onChange();
  }

  wide(): readonly OwnedName[] {
    return [...this.#wide].flatMap((name) => {
      const grant = this.#grants.get(name);
      return grant === undefined || grant === 'unreadable' ? [] : [{ name, grant }];
    });
  }

  close(): void {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  /** The grant by which this key may hold the name now; null when it may not. */
  labelOfName(fingerprint: string, name: string): string | null {
    const labels = this.#labels(name);
    const last = labels?.at(-1);
    if (labels === null || last === undefined || this.#blocks.name(last) !== null) return null;
    // Who owns a label, or owned it lately, owns it before every pattern.
    if (this.#grants.has(last)) {
      const grant = this.#live(last);
      return grant?.owner === fingerprint && (labels.length === 1 || patternsOf(last, grant).some((each) => covers(each, labels)))
        ? last
        : null;
    }
    if (labels.length > 1) return null;
    return this.#only(fingerprint, this.#globs, (label, grant) => patternsOf(label, grant).some((each) => covers(each, labels)));
  }

  /** Patterns beside a name are not looked through: this is asked for any name that a stranger says. */
  isGranted(name: string): boolean {
    const grant = this.#live(this.#labels(name)?.at(-1) ?? '');
    return grant !== null && this.labelOfName(grant.owner, name) !== null;
  }

  labelOfPort(fingerprint: string, port: number): string | null {
    return this.#only(
      fingerprint,
      this.#ported,
      (_, { bounds }) => bounds.ports !== null && bounds.ports.from <= port && port <= bounds.ports.to,
    );
  }

  namesOf(fingerprint: string): readonly string[] {
    return this.#liveOf(fingerprint).flatMap(([label, grant]) => {
      const name = `${label}.${this.#options.domain}`;
      return patternsOf(label, grant).some((each) => covers(each, ['*', label])) ? [name, `*.${name}`] : [name];
    });
  }

  portsOf(fingerprint: string): readonly PortRange[] {
    return this.#liveOf(fingerprint).flatMap(([, { bounds }]) => (bounds.ports === null ? [] : [bounds.ports]));
  }

  enter(fingerprint: string, at: string | number): Lease | null {
    const label = typeof at === 'number' ? this.labelOfPort(fingerprint, at) : this.labelOfName(fingerprint, at);
    const grant = label === null ? null : this.#live(label);
    if (label === null || grant === null) return null;
    const { streams, bytesPerSecond } = grant.bounds;
    if (streams === null && bytesPerSecond === null) return unlimited;
    const count = this.#streams.get(label) ?? 0;
    if (streams !== null && count >= streams) return null;
    this.#streams.set(label, count + 1);
    let left = false;
    const leave = (): void => {
      if (left) return;
      left = true;
      const rest = (this.#streams.get(label) ?? 1) - 1;
      if (rest === 0) this.#streams.delete(label);
      else this.#streams.set(label, rest);
    };
    return { pace: bytesPerSecond === null ? null : this.#pace(label, bytesPerSecond), leave };
  }

  blockedName(fingerprint: string, name: string): string | null {
    const last = this.#labels(name)?.at(-1) ?? '';
    return this.#live(last)?.owner === fingerprint ? this.#blocks.name(last) : null;
  }

  /** Why, when every name of this key is blocked. */
  allBlocked(fingerprint: string): string | null {
    let why: string | null = null;
    for (const label of this.#labelsOf.get(fingerprint) ?? []) {
      const blocked = this.#live(label) === null ? null : this.#blocks.name(label);
      if (blocked === null) return null;
      why ??= blocked;
    }
    return why;
  }

  /** The labels of a canonical name below the domain, `*` first for a wildcard. `*.DOMAIN` itself is nobody's. */
  #labels(name: string): readonly string[] | null {
    const suffix = `.${this.#options.domain}`;
    const host = name.startsWith('*.') ? name.slice(2) : name;
    if (!isCanonical(name) || !host.endsWith(suffix)) return null;
    return name.slice(0, -suffix.length).split('.');
  }

  /** The one grant that says so, if all that say so are this key's: of two keys neither has it. */
  #only(fingerprint: string, among: Iterable<string>, says: (label: string, grant: Grant) => boolean): string | null {
    let found: string | null = null;
    for (const label of among) {
      const grant = this.#live(label);
      if (grant === null || !says(label, grant)) continue;
      if (grant.owner !== fingerprint) return null;
      found ??= label;
    }
    return found;
  }

  #live(label: string): Grant | null {
    const grant = this.#grants.get(label);
    return grant === undefined || grant === 'unreadable' || endedAt(grant, this.#options.now()) !== null ? null : grant;
  }

  #liveOf(fingerprint: string): readonly (readonly [string, Grant])[] {
    return [...(this.#labelsOf.get(fingerprint) ?? [])].flatMap((label) => {
      const grant = this.#blocks.name(label) === null ? this.#live(label) : null;
      return grant === null ? [] : [[label, grant] as const];
    });
  }

  #index(label: string, grant: Grant): void {
    const { owner, released, bounds } = grant;
    if (isWide(grant)) this.#wide.add(label);
    if (released !== null) return;
    const own = this.#labelsOf.get(owner) ?? new Set();
    this.#labelsOf.set(owner, own.add(label));
    if (patternsOf(label, grant).some((pattern) => !pattern.includes('.'))) this.#globs.add(label);
    if (bounds.ports !== null) this.#ported.add(label);
    if (bounds.expires !== null) this.#ending.add(label);
  }

  #pace(label: string, bytesPerSecond: number): Pace {
    const pace = this.#paces.get(label) ?? createPace(bytesPerSecond, () => performance.now());
    this.#paces.set(label, pace);
    return pace;
  }

  /** Once for all changes of this turn: a start reads them all. */
  #armSoon(): void {
    if (this.#arming) return;
    this.#arming = true;
    queueMicrotask(() => {
      this.#arming = false;
      if (!this.#closed) this.#arm();
    });
  }

  /** A grant that ends while nothing else happens ends its streams, too. */
  #arm(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const now = this.#options.now();
    let next = Number.POSITIVE_INFINITY;
    for (const label of this.#ending) {
      const grant = this.#live(label);
      if (grant !== null && grant.bounds.expires !== null) next = Math.min(next, grant.bounds.expires);
    }
    if (next === Number.POSITIVE_INFINITY) return;
    this.#timer = setTimeout(
      () => {
        this.#arm();
        this.#options.onChange();
      },
      Math.min(timerMsMax, Math.max(1, next - now)),
    );
    this.#timer.unref();
  }
}

function isCanonical(name: string): boolean {
  const host = name.startsWith('*.') ? name.slice(2) : name;
  return canonicalHost(host) === host;
}

function patternsOf(label: string, { bounds }: Grant): readonly string[] {
  return bounds.names ?? [`**.${label}`];
}
