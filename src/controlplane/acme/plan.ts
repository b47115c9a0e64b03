/** What the configuration says of a certificate authority: plain values that cannot be wrong. */

import type { ChallengeKind } from './replies.ts';

export type AcmePlan = Readonly<{
  /** Where the CA writes to when something is wrong with a certificate; null for nobody. */
  email: string | null;
  /** Its directory: an https URL. */
  directory: string;
  /** The operator has read the CA's terms of service and agreed. */
  agree: boolean;
  challenge: 'auto' | ChallengeKind;
  /** Absolute path of the program that writes and removes DNS records; null without DNS-01. */
  hook: string | null;
  /** A kind of certificate that the CA offers by this name, like `shortlived`. */
  profile: string | null;
  /** Absolute path of a PEM file: who signed the CA's own HTTPS; null for the system's list. */
  ca: string | null;
  /** What happens when somebody else has a certificate for one of our names. */
  watch: 'alert' | 'close';
  /** A feed of Certificate Transparency in the JSON of crt.sh; `{name}` stands for the name. Null: none is read. */
  feed: string | null;
  /** Serial numbers, small hex, of certificates that the operator ordered elsewhere. */
  known: readonly string[];
}>;

export const letsEncrypt = 'https://acme-v02.api.letsencrypt.org/directory';
export const letsEncryptStaging = 'https://acme-staging-v02.api.letsencrypt.org/directory';

/** A name as one segment of a key: `*` is no letter of keys, and `_` none of names that are served. */
export function keyOf(name: string): string {
  return name.replace('*', '_');
}
