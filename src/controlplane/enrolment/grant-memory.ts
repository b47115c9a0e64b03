/** What a relay knows of all grants, by label, key and bound: read at every open, changed by the mirror of the store. */

import { canonicalHost } from '../../core/http/host.ts';
import type { Lease, Pace, PortRange, Sharing } from '../../contracts/tunnel.ts';
import { defaults, type Limits } from '../../core/limits.ts';
import { readPortName } from '../../core/port-name.ts';
import type { BlockList } from './block-list.ts';
import { covers } from './name-pattern.ts';
import { endedAt, isWide, keysOf, type Grant, type OwnedName } from './names.ts';
import { createPace } from './pace.ts';
import { reservedFor } from './reserved-names.ts';
import { VisitorCounts } from './visitor-counts.ts';

export type MemoryOptions = Readonly<{
  domain: string;
  /** Milliseconds since 1970. */
  now: () => number;
  onChange: () => void;
  limits?: Limits;
}>;

export const unlimited: Lease = { pace: null, leave: null };
export const alone: Sharing = { how: 'alone', rank: 0 };
/** Timers of Node hold 24 days; what ends later is looked at again. */
const timerMsMax = 86_400_000;

export class GrantMemory {
  readonly #options: MemoryOptions;
  readonly #blocks: BlockList;
  readonly #grants = new Map<string, Grant | 'unreadable'>();
  readonly #labelsOf = new Map<string, Set<string>>();
  /** Labels of grants with names beside them, with ports, with an end: few, and looked through whole. */
  readonly #globs = new Set<string>();
  readonly #ported = new Set<string>();
  readonly #ending = new Set<string>();
  readonly #streams = new Map<string, number>();
  readonly visitors: VisitorCounts;
  readonly #paces = new Map<string, Pace>();
  /** With names beside them or ports, kept ones included: the only ones that others can meet. */
  readonly #wide = new Set<string>();
  #timer: NodeJS.Timeout | null = null;
  #arming = false;
  #closed = false;

  constructor(options: MemoryOptions, blocks: BlockList) {
    this.#options = options;
    this.#blocks = blocks;
    this.visitors = new VisitorCounts(options.now, options.limits ?? defaults);
  }

  learn(label: string, before: Grant | 'unreadable' | null, after: Grant | 'unreadable' | null): void {
    if (before !== null && before !== 'unreadable') for (const key of keysOf(before)) this.#labelsOf.get(key)?.delete(label);
    for (const some of [this.#globs, this.#ported, this.#ending, this.#wide]) some.delete(label);
    this.#paces.delete(label);
    if (after === null) this.visitors.forget(label);
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
      return holds(grant, fingerprint) &&
        grant !== null &&
        (labels.length === 1 || patternsOf(last, grant).some((each) => covers(each, labels)))
        ? last
        : null;
    }
    // Nobody is given a reserved name by a pattern.
    if (labels.length > 1 || reservedFor(last) !== null) return null;
    return this.#only(fingerprint, this.#globs, (label, grant) => patternsOf(label, grant).some((each) => covers(each, labels)));
  }

  /** Patterns beside a name are not looked through: this is asked for any name that a stranger says. */
  isGranted(name: string): boolean {
    const grant = this.#live(this.#labels(name)?.at(-1) ?? '');
    return grant !== null && this.labelOfName(grant.owner, name) !== null;
  }

  /** How this key holds the name, or the port, beside others: the owner has rank 0, the others follow as they joined. */
  sharing(fingerprint: string, name: string): Sharing {
    const port = readPortName(name);
    const label = port === null ? this.labelOfName(fingerprint, name) : this.labelOfPort(fingerprint, port.port);
    const grant = label === null ? null : this.#live(label);
    return grant === null ? alone : { how: grant.share, rank: Math.max(0, keysOf(grant).indexOf(fingerprint)) };
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

  enter(fingerprint: string, at: string | number, ip: string | null): Lease | null {
    const label = typeof at === 'number' ? this.labelOfPort(fingerprint, at) : this.labelOfName(fingerprint, at);
    const grant = label === null ? null : this.#live(label);
    if (label === null || grant === null) return null;
    const { streams, bytesPerSecond, visitorsPerDay } = grant.bounds;
    const count = this.#streams.get(label) ?? 0;
    if (streams !== null && count >= streams) return null;
    if (visitorsPerDay !== null && ip !== null && !this.visitors.admits(label, visitorsPerDay, ip)) return null;
    if (streams === null && bytesPerSecond === null) return unlimited;
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

  isCrowded(fingerprint: string, name: string): boolean {
    const label = this.labelOfName(fingerprint, name);
    return label !== null && this.visitors.isFull(label);
  }

  blockedName(fingerprint: string, name: string): string | null {
    const last = this.#labels(name)?.at(-1) ?? '';
    return holds(this.#live(last), fingerprint) ? this.#blocks.name(last) : null;
  }

  /** Why the operator blocked this name, or the key that owns it: what whoever asks for it is told. */
  whyBlocked(name: string): string | null {
    const label = this.#labels(name)?.at(-1) ?? '';
    const grant = this.#live(label);
    return this.#blocks.name(label) ?? (grant === null ? null : this.#blocks.gateway(grant.owner));
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
      if (!holds(grant, fingerprint)) return null;
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
    const { released, bounds } = grant;
    if (isWide(grant)) this.#wide.add(label);
    if (released !== null) return;
    for (const key of keysOf(grant)) this.#labelsOf.set(key, (this.#labelsOf.get(key) ?? new Set()).add(label));
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

export function isCanonical(name: string): boolean {
  const host = name.startsWith('*.') ? name.slice(2) : name;
  return canonicalHost(host) === host;
}

function holds(grant: Grant | null, fingerprint: string): boolean {
  return grant !== null && keysOf(grant).includes(fingerprint);
}

function patternsOf(label: string, { bounds }: Grant): readonly string[] {
  return bounds.names ?? [`**.${label}`];
}
