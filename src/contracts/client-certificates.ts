/** Certificates of visitors: who made them, whom they name, and whether they still stand. */

import type { ClientCertificate } from '../core/policy/exchange.ts';

/** Whose certificates are taken: absolute paths of PEM files, and of lists of revoked ones (CRL, PEM or DER). */
export type AuthorityPlan = Readonly<{ ca: readonly string[]; crl: readonly string[] }>;

/** What can be the name of a holder: the subject's CN, or an entry of the SubjectAltName (RFC 5280, 4.2.1.6). */
export type NameKind = 'cn' | 'email' | 'dns' | 'uri';

/** Whose a certificate is, as its authority has signed it. */
export type Holder = Readonly<{
  /** SHA-256 of its DER, 64 lower-case hex digits. */
  fingerprint: string;
  /** As they stand there, unread: whoever takes one for a name looks at it first. */
  names: Readonly<Record<NameKind, readonly string[]>>;
}>;

/** `away`: a list of revoked ones is missing, has ended or cannot be read, and nobody is let in without. */
export type CertificateFound = Readonly<{ is: 'good'; holder: Holder }> | Readonly<{ is: 'wrong' | 'expired' | 'away'; why: string }>;

export interface Authority {
  /** PEM: what TLS asks for and holds a path against. The same list as long as nothing changes. */
  readonly roots: () => readonly string[];
  /** Judged now, with each call: a promise when a connection shows it first, a value from then on. Never throws, never rejects. */
  readonly judge: (shown: ClientCertificate) => CertificateFound | Promise<CertificateFound>;
}

/** One that we made, without its key. */
export type OwnCertificate = Readonly<{
  fingerprint: string;
  name: string;
  roles: readonly string[];
  createdAt: number;
  /** Milliseconds since 1970. */
  expires: number;
  /** When it was taken back, or null. */
  revokedAt: number | null;
}>;

/** Our own authority: what it made stands as long as the store says so. */
export interface OwnAuthority extends Authority {
  /** Null when unknown, revoked or over. */
  readonly find: (fingerprint: string) => OwnCertificate | null;
  /** All that stand. */
  readonly list: () => readonly OwnCertificate[];
}

export interface ClientCertificates {
  readonly own: OwnAuthority;
  /**
   * That of some files; the same for the same files. What can be read at once is read, and the rest by the time of `settled`.
   * Errors: `file-missing`, `certificate-unusable`.
   */
  readonly authority: (plan: AuthorityPlan) => Authority;
  /** Whoever is let in by a certificate is known by that subject: what was opened for it ends with the certificate. */
  readonly letIn: (fingerprint: string, subject: string) => void;
}
