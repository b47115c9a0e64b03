/** One certificate as it is shown: its TLS context is made when it is first asked for, and again when keys or settings have changed. */

import { constants, randomBytes } from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';
import type { Material } from '../../contracts/certificate.ts';
import type { Shared } from './tls-settings.ts';

/** What there is to know of a certificate that is shown, without its key. */
export type Facts = Readonly<{
  /** SHA-256 of its DER, 64 lower-case hex digits. */
  fingerprint: string;
  /** PEM of what signed it, or of itself; null where every browser knows that. */
  issuer: string | null;
  /** Whether every browser takes it. */
  isPublic: boolean;
  /** Whether the CA of this machine made it. */
  isLocal: boolean;
  notAfter: number;
}>;

export class Shown {
  readonly material: Material;
  /** What it was asked for. */
  readonly names: readonly string[];
  readonly facts: Facts;
  #made: Readonly<{ shared: Shared; context: SecureContext }> | null = null;
  #asking: Readonly<{ shared: Shared; roots: readonly string[]; context: SecureContext }> | null = null;

  constructor(material: Material, names: readonly string[], facts: Pick<Facts, 'issuer' | 'isPublic' | 'isLocal'>) {
    this.material = material;
    this.names = names;
    this.facts = Object.freeze({ ...facts, fingerprint: material.fingerprint, notAfter: material.notAfter });
  }

  /** Costs about as much as a handshake, once for each `shared`. */
  contextFor(shared: Shared): SecureContext {
    if (this.#made?.shared !== shared) {
      const { chain: cert, key } = this.material;
      this.#made = { shared, context: createSecureContext({ ...shared.settings, cert, key }) };
    }
    return this.#made.context;
  }

  /**
   * The same, for a handshake that asks for a client certificate of one of these authorities (PEM). It resumes no session, and
   * none of its own is resumed elsewhere: a ticket would stand in for the certificate that it was made with (CVE-2025-23419).
   */
  askingFor(shared: Shared, roots: readonly string[]): SecureContext {
    const there = this.#asking;
    if (there?.shared === shared && there.roots.length === roots.length && there.roots.every((root, at) => root === roots[at]))
      return there.context;
    const { chain: cert, key } = this.material;
    const context = createSecureContext({
      ...shared.settings,
      cert,
      key,
      ca: [...roots],
      // An authority of a company's may stand in the file without what is above it.
      allowPartialTrustChain: true,
      secureOptions: (shared.settings.secureOptions ?? 0) | constants.SSL_OP_NO_TICKET,
      ticketKeys: randomBytes(48),
      sessionIdContext: randomBytes(16).toString('hex'),
    });
    this.#asking = { shared, roots, context };
    return context;
  }
}
