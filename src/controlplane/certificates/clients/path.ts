/** The path from a visitor's certificate to an authority (RFC 5280, 6): found here for one authority, after TLS has held it against all of its name. */

import { X509Certificate } from 'node:crypto';
import type { Holder } from '../../../contracts/client-certificates.ts';
import type { ClientCertificate } from '../../../core/policy/exchange.ts';
import type { X509 } from '../x509.ts';

/** Each with the one that signed it, up to an authority. */
export type Link = Readonly<{ certificate: X509Certificate; issuer: X509Certificate }>;

export type Path = Readonly<{
  links: readonly Link[];
  holder: Holder;
  /** When all of them are in time, milliseconds since 1970. */
  begins: number;
  ends: number;
}>;

/** Real chains have two to four; each is looked at for each place. */
const chainMax = 6;

const clientAuth = '1.3.6.1.5.5.7.3.2';
/** RFC 5280, 4.2.1.3: it signs handshakes. */
const digitalSignature = 1;

/**
 * Looks for a path, and holds it against all that TLS knows as well: lives, signatures, who may sign and how deep, and that the
 * certificate is for clients, in its own words. A string says why there is none.
 */
export function findPath(x509: X509, shown: ClientCertificate, roots: readonly X509Certificate[]): Path | string {
  if (shown.chain.length > chainMax) return `it came with ${shown.chain.length - 1} others, which is too many`;
  const [own, ...others] = shown.chain.map((der) => new X509Certificate(Buffer.from(der)));
  if (own === undefined) return 'there is no certificate';
  const unfit = whyUnfit(x509, own);
  if (unfit !== null) return unfit;
  const links = climb(own, others, roots, 0);
  if (links === null) return 'it is of no authority of this service';
  const long = whyTooLong(x509, links);
  if (long !== null) return long;
  const all = [own, ...links.map(({ issuer }) => issuer)];
  return {
    links,
    holder: { fingerprint: fingerprintOf(own), names: namesOf(x509, own) },
    begins: Math.max(...all.map(({ validFromDate }) => validFromDate.getTime())),
    ends: Math.min(...all.map(({ validToDate }) => validToDate.getTime())),
  };
}

/** SHA-256 of its DER, 64 lower-case hex digits. */
export function fingerprintOf({ fingerprint256 }: X509Certificate): string {
  return fingerprint256.replaceAll(':', '').toLowerCase();
}

/** The first that goes up to a root: at most `chainMax` steps, none twice. */
function climb(
  from: X509Certificate,
  others: readonly X509Certificate[],
  roots: readonly X509Certificate[],
  depth: number,
): readonly Link[] | null {
  const root = roots.find((each) => isSignedBy(from, each));
  if (root !== undefined) return [{ certificate: from, issuer: root }];
  if (depth >= chainMax) return null;
  for (const issuer of others) {
    if (!isSignedBy(from, issuer)) continue;
    const above = climb(
      issuer,
      others.filter((each) => each !== issuer),
      roots,
      depth + 1,
    );
    if (above !== null) return [{ certificate: from, issuer }, ...above];
  }
  return null;
}

function isSignedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

/** What TLS takes without a word about its use may be a server's certificate of the same authority: it has to say that it is for clients. */
function whyUnfit(x509: X509, own: X509Certificate): string | null {
  if (own.ca) return 'it is an authority, and no client';
  if (!(own.keyUsage ?? []).includes(clientAuth)) return 'it does not say that it is for clients (extended key usage clientAuth)';
  const usage = new x509.X509Certificate(own.raw).getExtension<InstanceType<X509['KeyUsagesExtension']>>('2.5.29.15');
  return usage === null || (usage.usages & digitalSignature) !== 0 ? null : 'its key is not for signatures';
}

/** RFC 5280, 4.2.1.9: how many authorities may stand below one. And 4.2.1.12 for those that say what they sign for. */
function whyTooLong(x509: X509, links: readonly Link[]): string | null {
  for (const [below, { issuer }] of links.entries()) {
    const limit = new x509.X509Certificate(issuer.raw).getExtension<InstanceType<X509['BasicConstraintsExtension']>>(
      '2.5.29.19',
    )?.pathLength;
    if (limit !== undefined && below > limit) return 'an authority stands below one that may have none there';
    if (issuer.keyUsage !== undefined && !issuer.keyUsage.includes(clientAuth)) return 'an authority above it is not for clients';
  }
  return null;
}

function namesOf(x509: X509, own: X509Certificate): Holder['names'] {
  const certificate = new x509.X509Certificate(own.raw);
  const alternatives = certificate.getExtension<InstanceType<X509['SubjectAlternativeNameExtension']>>('2.5.29.17')?.names.items ?? [];
  const those = (type: string): readonly string[] => alternatives.filter((each) => each.type === type).map(({ value }) => value);
  return { cn: certificate.subjectName.getField('CN'), email: those('email'), dns: those('dns'), uri: those('url') };
}
