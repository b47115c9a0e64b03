/** A relay's memory of who owns what and who is blocked, mirrored from the store so that every open can be judged without waiting. */

import { defaults, type Limits } from '../../core/limits.ts';
import type { Store } from '../../contracts/store.ts';
import type { Enrolment } from '../../contracts/tunnel.ts';
import { Mirror } from '../identities/mirror.ts';
import { BlockList } from './block-list.ts';
import { redeemInvite } from './invites.ts';
import { alone, GrantMemory, isCanonical, unlimited } from './grant-memory.ts';
import { OwnDomains } from './own-domains.ts';
import { moveOwnNames } from './own-names.ts';
import type { TxtResolver } from './txt-proof.ts';
import { grantIn, moveGateway, namesPrefix, type Grant } from './names.ts';
import type { VisitorCount } from './visitor-counts.ts';

export type GrantsOptions = Readonly<{
  store: Store;
  domain: string;
  /** A key that owns every name: the embedded relay's own gateway. Null on a public relay. */
  owner: string | null;
  /** Milliseconds since 1970. */
  now: () => number;
  /** Called after each change that may take something away, or gives ports, and at each end of a grant. */
  onChange: () => void;
  /** The defaults when left out. */
  limits?: Limits;
  /** Names outside of the domain: how many one key may have, and who is asked for their proofs. Left out: none. */
  ownDomains?: Readonly<{ perGateway: number; resolvers: readonly TxtResolver[]; chance: () => number }> | undefined;
}>;

/** `refresh` resolves when what other processes wrote before holds here; `whyBlocked` is for whoever asks for a name. */
export type LiveGrants = Enrolment &
  Readonly<{
    whyBlocked: (name: string) => string | null;
    /** Today’s visitors of each name that has a bound of them. */
    visitorCounts: () => readonly VisitorCount[];
    refresh: () => Promise<void>;
    close: () => void;
  }>;

/** Reads all there is and follows the store. Error: `store-unavailable`: without its memory a relay admits nobody. */
export async function openGrants(options: GrantsOptions): Promise<LiveGrants> {
  const blocks = await BlockList.open(options.store, options.onChange);
  const memory = new GrantMemory(options, blocks);
  const names = await Mirror.open<Grant | 'unreadable'>({
    records: options.store.records,
    prefix: namesPrefix,
    read: (value) => grantIn(value) ?? 'unreadable',
    changed: (before, after, label) => memory.learn(label, before, after),
  });
  const { store, domain, now, onChange, limits = defaults, ownDomains } = options;
  const own = await OwnDomains.open({
    ...{ store, domain, now, onChange, limits },
    blocked: (name) => blocks.name(name),
    perGateway: ownDomains?.perGateway ?? null,
    resolvers: ownDomains?.resolvers ?? [],
    chance: ownDomains?.chance ?? (() => 0),
  });
  const isOutside = (name: string): boolean => !name.endsWith(`.${domain}`);
  /** By what a key's own names are bounded: its first grant below the domain. */
  const inside = (fingerprint: string, name: string): string =>
    isOutside(name) && own.owns(fingerprint, name) ? (memory.namesOf(fingerprint)[0] ?? name) : name;
  return {
    owns: (fingerprint, name) =>
      fingerprint === options.owner ? isCanonical(name) : memory.labelOfName(fingerprint, name) !== null || own.owns(fingerprint, name),
    claim: (fingerprint, name) => (fingerprint === options.owner || !isOutside(name) ? null : own.claim(fingerprint, name)),
    isGranted: (name) => memory.isGranted(name) || own.isGranted(name),
    ownsPort: (fingerprint, port) => fingerprint === options.owner || memory.labelOfPort(fingerprint, port) !== null,
    of: (fingerprint) => (fingerprint === options.owner ? ['*'] : memory.namesOf(fingerprint)),
    portsOf: (fingerprint) => memory.portsOf(fingerprint),
    enter: (fingerprint, at, ip) =>
      fingerprint === options.owner ? unlimited : memory.enter(fingerprint, typeof at === 'number' ? at : inside(fingerprint, at), ip),
    isCrowded: (fingerprint, name) => memory.isCrowded(fingerprint, inside(fingerprint, name)),
    visitorCounts: () => memory.visitors.list(),
    barred: (fingerprint, ip) => blocks.gateway(fingerprint) ?? blocks.address(ip) ?? memory.allBlocked(fingerprint),
    failing: (fingerprint, name) => own.failing(fingerprint, name),
    sharing: (fingerprint, name) => (fingerprint === options.owner ? alone : memory.sharing(fingerprint, name)),
    blockedName: (fingerprint, name) => memory.blockedName(fingerprint, name) ?? own.blockedName(fingerprint, name),
    whyBlocked: (name) => memory.whyBlocked(name) ?? (isOutside(name) ? blocks.name(name) : null),
    redeem: async (secret, fingerprint) => {
      // The change is told to this process before the store confirms it.
      await redeemInvite(options.store, { secret, fingerprint, now: options.now(), wide: () => memory.wide() });
    },
    renew: async (from, to) => {
      await moveGateway(options.store, { from, to, now: options.now() });
      await moveOwnNames(options.store, { from, to });
    },
    refresh: async () => {
      await Promise.all([names.refresh(), blocks.refresh(), own.refresh()]);
    },
    close: () => {
      memory.close();
      own.close();
      names.close();
      blocks.close();
    },
  };
}
