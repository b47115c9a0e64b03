/** Certificates and where they come from; and what a CA is told that asks whether a name is ours. */

import type { SecureContext } from 'node:tls';

/** One certificate with its key, checked: the two belong together, and the chain is in order. */
export type Material = Readonly<{
  /**
   * The names that it is good for, canonical: `a.example.org`, `*.example.org` (one label), and addresses without brackets
   * in their one spelling (RFC 5952).
   */
  names: readonly string[];
  /** PEM: the own certificate first, then each issuer; the root is left out (RFC 8446, 4.4.2). */
  chain: string;
  /** PEM, unencrypted. It is handed to TLS and to nobody else. */
  key: string;
  /** SHA-256 of the own certificate (DER), 64 lower-case hex digits. */
  fingerprint: string;
  /** Milliseconds since 1970. */
  notBefore: number;
  notAfter: number;
  /** Whether the operator wants it shown to who sends no name. */
  isDefault?: boolean;
}>;

/**
 * Something that has certificates: files, an ACME account. What it has is made into TLS contexts elsewhere, so that all of
 * them share settings and ticket keys. The source shows a certificate as long as it has nothing better: a renewal that fails
 * leaves the old one, and is said by the source.
 */
export interface CertificateSource {
  /** All that it has now. The same object stands for the same certificate. */
  current(): readonly Material[];
  /** `changed` is called whenever `current` says something new. Returns how to stop. */
  watch(changed: () => void): () => void;
}

/** How a CA finds out that a name is ours (RFC 8555, 8). Both stand on the road of visitors: synchronous, and null for what we did not order. */
export interface ChallengeAnswers {
  /** HTTP-01 (RFC 8555, 8.3): the key authorization of a token that was asked for at this canonical host. */
  http(host: string, token: string): string | null;
  /** TLS-ALPN-01 (RFC 8737): what is shown to a hello that offers `acme-tls/1` and nothing else, for this canonical host. */
  tls(host: string): SecureContext | null;
}
