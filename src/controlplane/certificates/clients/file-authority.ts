/** Authorities of the operator's: certificates in files, and the lists of what they have taken back. */

import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Authority, AuthorityPlan, CertificateFound } from '../../../contracts/client-certificates.ts';
import type { ClientCertificate } from '../../../core/policy/exchange.ts';
import { SallyportError } from '../../../core/errors.ts';
import { certificatesIn, unusable } from '../material.ts';
import { ListFiles } from './list-files.ts';
import type { Link, Path } from './path.ts';
import { outOfTime, Prover } from './prover.ts';
import type { RevocationList } from './revocation-list.ts';

type Fault = Exclude<CertificateFound, { is: 'good' }>;

/** The newest list of each authority that was ever seen here, by what `keyOf` says: an older one is no list. */
export interface NewestLists {
  of(key: string): number | null;
  note(key: string, thisUpdate: number): void;
}

export type FileAuthorityOptions = Readonly<{
  plan: AuthorityPlan;
  now: () => number;
  newest: NewestLists;
  listBytesMax: number;
  /** How many holders are remembered. */
  heldMax: number;
  failed: (error: SallyportError) => void;
  /** Somebody may have been taken back. */
  changed: () => void;
  /** As of ListFiles. */
  ending?: ((path: string, at: number) => void) | undefined;
}>;

/** A chain has some kilobytes; a bundle of a company's authorities some more. */
const rootsBytesMax = 262_144;
/** Clocks differ: a list may be from so far ahead, and no more. */
const aheadMs = 300_000;

export class FileAuthority implements Authority {
  readonly #options: FileAuthorityOptions;
  readonly #roots: readonly X509Certificate[];
  readonly #pem: readonly string[];
  readonly #lists: ListFiles;
  readonly #prover: Prover;

  /** Errors: `file-missing`, `certificate-unusable`. */
  constructor(options: FileAuthorityOptions) {
    this.#options = options;
    const { plan, failed, changed, listBytesMax, now, ending = () => undefined } = options;
    this.#roots = plan.ca.flatMap((path) => rootsIn(path, now()));
    this.#pem = this.#roots.map((root) => root.toString());
    this.#lists = new ListFiles({ paths: plan.crl, bytesMax: listBytesMax, failed, changed, ending, now });
    this.#prover = new Prover(
      () => this.#roots,
      (path) => this.#faultOf(path),
      options.heldMax,
    );
  }

  readonly roots = (): readonly string[] => this.#pem;
  readonly judge = (shown: ClientCertificate): CertificateFound | Promise<CertificateFound> => this.#prover.judge(shown);

  /** Null where nobody of that fingerprint was let in. */
  stands(fingerprint: string): boolean | null {
    return this.#prover.stands(fingerprint);
  }

  /** Errors: `file-missing`, `certificate-unusable`. */
  load(): Promise<void> {
    return this.#lists.load();
  }

  look(): Promise<void> {
    return this.#lists.look();
  }

  #faultOf(path: Path): Fault | null {
    const late = outOfTime(path, this.#options.now());
    if (late !== null || this.#options.plan.crl.length === 0) return late;
    this.#lists.freshen();
    const { lists } = this.#lists;
    if (lists === null) return away('a list of revoked certificates is missing');
    for (const link of path.links) {
      const fault = this.#revoked(link, lists);
      if (fault !== null) return fault;
    }
    return null;
  }

  /** Each certificate on the path has to be looked for in a list of whoever signed it, as OpenSSL's CRL_CHECK_ALL does. */
  #revoked({ certificate, issuer }: Link, lists: readonly RevocationList[]): Fault | null {
    const own = lists.filter((list) => list.isOf(issuer)).toSorted((left, right) => right.thisUpdate - left.thisUpdate)[0];
    if (own === undefined) return away('no list of revoked certificates is of its authority');
    const now = this.#options.now();
    const { newest } = this.#options;
    if (own.thisUpdate > now + aheadMs) return away('the list of revoked certificates is of the future');
    if (own.nextUpdate <= now) return away('the list of revoked certificates has ended');
    const key = keyOf(issuer);
    const before = newest.of(key);
    if (before !== null && own.thisUpdate < before) return away('the list of revoked certificates is older than one that was seen before');
    if (before !== own.thisUpdate) newest.note(key, own.thisUpdate);
    return own.holds(certificate.serialNumber) ? { is: 'wrong', why: 'the certificate was revoked' } : null;
  }
}

function away(why: string): Fault {
  return { is: 'away', why };
}

const keys = new WeakMap<X509Certificate, string>();

/** SHA-256 of its public key (SPKI): an authority goes on under a new certificate. */
function keyOf(issuer: X509Certificate): string {
  const known = keys.get(issuer);
  if (known !== undefined) return known;
  const key = createHash('sha256')
    .update(issuer.publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex');
  keys.set(issuer, key);
  return key;
}

/** Errors: `file-missing`, `certificate-unusable` for what is no authority, and for one that has ended. */
function rootsIn(path: string, now: number): readonly X509Certificate[] {
  let text: string;
  try {
    text = readFileSync(path, 'latin1');
  } catch (cause) {
    throw new SallyportError('file-missing', `The file ${path}, which mtls names as ca, cannot be read.`, { cause });
  }
  if (text.length > rootsBytesMax) throw unusable(path, null, `it is longer than ${rootsBytesMax} bytes`, rootHint);
  const placed = certificatesIn({ text, where: path });
  if (placed.length === 0) throw unusable(path, null, 'it holds no certificate', rootHint);
  for (const { certificate, line } of placed) {
    if (!certificate.ca) throw unusable(path, line, 'this certificate is of no authority', rootHint);
    if (certificate.validToDate.getTime() <= now) throw unusable(path, line, 'this authority has ended', rootHint);
  }
  return placed.map(({ certificate }) => certificate);
}

const rootHint = 'Name a file (PEM) of the authorities whose client certificates are taken, and of nothing else.';
