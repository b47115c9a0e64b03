/** A relay's memory of who owns what, mirrored from the store so that every open can be judged without waiting. */

import { canonicalHost } from '../../core/http/host.ts';
import type { Change, Store } from '../../contracts/store.ts';
import type { Enrolment } from '../../contracts/tunnel.ts';
import { redeemInvite } from './invites.ts';
import { namesPrefix, ownerIn } from './names.ts';

export type GrantsOptions = Readonly<{
  store: Store;
  domain: string;
  /** A key that owns every name: the embedded relay's own gateway. Null on a public relay. */
  owner: string | null;
  now: () => number;
  /** Called after each change: carriers that lost their names are cut. */
  onChange: () => void;
}>;

export type LiveGrants = Enrolment & Readonly<{ close: () => void }>;

/** Reads all names and follows the store. Error: `store-unavailable`: without its memory a relay admits nobody. */
export async function openGrants(options: GrantsOptions): Promise<LiveGrants> {
  const owners = new Map<string, string>();
  const versions = new Map<string, number>();
  const learn = ({ key, entry }: Change): void => {
    const label = key.slice(namesPrefix.length);
    if (entry !== null && (versions.get(label) ?? 0) > entry.version) return;
    const owner = entry === null ? null : ownerIn(entry.value);
    if (owner === null) owners.delete(label);
    else owners.set(label, owner);
    if (entry === null) versions.delete(label);
    else versions.set(label, entry.version);
    options.onChange();
  };
  const told = new Set<string>();
  const watch = options.store.records.watch(namesPrefix, (change) => {
    told.add(change.key);
    learn(change);
  });
  for (const entry of await options.store.records.list(namesPrefix)) {
    // What changed while the list was read is newer than the list: a revoked name must not come back.
    if (!told.has(entry.key)) learn({ key: entry.key, entry });
  }

  const suffix = `.${options.domain}`;
  return {
    owns: (fingerprint, name) => {
      const host = name.startsWith('*.') ? name.slice(2) : name;
      if (canonicalHost(host) !== host) return false;
      if (fingerprint === options.owner) return true;
      // Ownership is of one label and all below it; `*.DOMAIN` itself has no label and is nobody's.
      if (!host.endsWith(suffix)) return false;
      const label = host.slice(0, -suffix.length).split('.').at(-1) ?? '';
      return owners.get(label) === fingerprint;
    },
    of: (fingerprint) => {
      if (fingerprint === options.owner) return ['*'];
      const labels = [...owners].filter(([, owner]) => owner === fingerprint).map(([label]) => label);
      return labels.flatMap((label) => [`${label}${suffix}`, `*.${label}${suffix}`]);
    },
    redeem: async (secret, fingerprint) => {
      const label = await redeemInvite(options.store, { secret, fingerprint, now: options.now() });
      // The watch may tell later than the answer that is due now.
      const entry = await options.store.records.get(`${namesPrefix}${label}`);
      if (entry !== null) learn({ key: entry.key, entry });
    },
    close: () => watch.close(),
  };
}
