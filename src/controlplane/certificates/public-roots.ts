/** Whether every browser takes a chain: then, and only then, a browser may be told to insist on HTTPS. */

import { X509Certificate } from 'node:crypto';
import { getCACertificates } from 'node:tls';
import { certificatesIn } from './material.ts';

export type Roots = readonly X509Certificate[];

/** Mozilla's list, as it comes with the runtime: not the system's, to which a company may have added its own. */
let bundled: Roots | null = null;
function bundledRoots(): Roots {
  bundled ??= getCACertificates('bundled').map((pem) => new X509Certificate(pem));
  return bundled;
}

/**
 * Whether the end of a chain (PEM) was signed by a public root. The chain itself is in order already. Not looked at: revocation,
 * and the dates of what is above the own certificate.
 */
export function isPublicChain(chain: string, roots: Roots = bundledRoots()): boolean {
  const last = certificatesIn({ text: chain, where: 'the chain' }).at(-1)?.certificate;
  if (last === undefined) return false;
  return roots.some((root) => root.fingerprint256 === last.fingerprint256 || (last.checkIssued(root) && last.verify(root.publicKey)));
}
