/** The fingerprint of a certificate that this machine made, for who is at another machine of this network and wants to compare. */

import type { Reach } from '../core/address.ts';

/** As browsers show it, in two halves that each fit beside a title. Nothing where no browser of others will warn. */
export function fingerprintLines(shown: Readonly<{ ca: string | null; fingerprint: string | null; reach: Reach }>): readonly string[] {
  const { ca, fingerprint, reach } = shown;
  if (ca === null || fingerprint === null || reach !== 'network') return [];
  const pairs = fingerprint.toUpperCase().match(/../g) ?? [];
  return [`SHA-256 ${pairs.slice(0, 16).join(':')} ${pairs.slice(16).join(':')}`];
}
