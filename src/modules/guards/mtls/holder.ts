/** Who the holder of a certificate is at this service: one name of one kind, or nobody. */

import type { Holder, OwnAuthority } from '../../../contracts/client-certificates.ts';
import { readName } from './names.ts';
import type { MtlsOptions } from './options.ts';

export type Named = Readonly<{ name: string; roles: readonly string[]; fingerprint: string }>;

/** @param own the register of our own, where they are; a string says why somebody is nobody here */
export function readHolder({ fingerprint, names }: Holder, given: MtlsOptions, own: Pick<OwnAuthority, 'find'> | null): Named | string {
  if (given.pins !== null && !given.pins.has(fingerprint)) return 'its fingerprint is none of those that are named';
  const name = own === null ? nameIn(names[given.name], given) : (own.find(fingerprint)?.name ?? null);
  if (name === null) return own === null ? `it has not exactly one name of the kind ${given.name}` : 'it is none that was made here';
  if (given.names !== 'all' && !given.names.includes(name)) return 'its name is none of those that are named';
  const roles = own === null ? given.roles.get(name) : own.find(fingerprint)?.roles;
  return { name, roles: roles ?? [], fingerprint };
}

/** Of two names nobody knows which is meant, and the second may be the one that the authority did not look at. */
function nameIn(all: readonly string[], { name: kind }: MtlsOptions): string | null {
  const [only] = all;
  return only === undefined || all.length > 1 ? null : readName(kind, only);
}
