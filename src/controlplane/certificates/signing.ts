/** Makes certificates: a CA that may sign for some names only, and short-lived leaves below it. */

import { X509Certificate, randomBytes, webcrypto } from 'node:crypto';
import type { Extension } from '@peculiar/x509';
import { nameConstraints, type CertificateName } from './permitted-names.ts';

export const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const hourMs = 3_600_000;

/** PEM, both. */
export type KeyAndCertificate = Readonly<{ key: string; cert: string }>;

export type X509 = typeof import('@peculiar/x509');

/** Loaded when the first certificate is made or looked into: most commands do neither. It needs `reflect-metadata` before it. */
export async function loadX509(): Promise<X509> {
  await import('reflect-metadata');
  return import('@peculiar/x509');
}

/** What a certificate is for: TLS servers, or clients of them. */
type Use = 'serverAuth' | 'clientAuth';

type Span = Readonly<{ notBefore: number; notAfter: number }>;

/** An authority: path length 0, for one use. `more` stands between what all have and the name of its key. */
export async function selfSigned(
  wanted: Span & Readonly<{ title: string; use: Use; more?: (x509: X509) => readonly Extension[] }>,
): Promise<KeyAndCertificate> {
  const x509 = await loadX509();
  const keys = await newKeys();
  const cert = await x509.X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: newSerial(),
      name: [{ CN: [wanted.title] }, { O: ['Sallyport'] }],
      notBefore: new Date(wanted.notBefore),
      notAfter: new Date(wanted.notAfter),
      signingAlgorithm: algorithm,
      keys,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage[wanted.use]]),
        ...(wanted.more?.(x509) ?? []),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  );
  return { key: await pkcs8(keys.privateKey), cert: cert.toString('pem') };
}

/** A leaf with a key of its own, for one use. */
export async function signed(
  authority: KeyAndCertificate,
  wanted: Span & Readonly<{ subject: '' | [{ CN: string[] }]; use: Use; more?: (x509: X509) => readonly Extension[] }>,
): Promise<KeyAndCertificate> {
  const x509 = await loadX509();
  const keys = await newKeys();
  const issuer = new x509.X509Certificate(authority.cert);
  const cert = await x509.X509CertificateGenerator.create(
    {
      serialNumber: newSerial(),
      subject: wanted.subject,
      issuer: issuer.subject,
      notBefore: new Date(wanted.notBefore),
      notAfter: new Date(wanted.notAfter),
      signingAlgorithm: algorithm,
      publicKey: keys.publicKey,
      signingKey: await webcrypto.subtle.importKey('pkcs8', x509.PemConverter.decodeFirst(authority.key), algorithm, false, ['sign']),
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage[wanted.use]]),
        ...(wanted.more?.(x509) ?? []),
        await x509.AuthorityKeyIdentifierExtension.create(issuer, false, webcrypto),
      ],
    },
    webcrypto,
  );
  return { key: await pkcs8(keys.privateKey), cert: cert.toString('pem') };
}

/** The CA's own certificate: for TLS servers, its names a critical constraint. */
export function makeAuthority(options: {
  readonly title: string;
  readonly domains: readonly string[];
  readonly addresses: readonly string[];
  readonly now: number;
  readonly lifeMs: number;
}): Promise<KeyAndCertificate> {
  const { title, domains, addresses, now, lifeMs } = options;
  return selfSigned({
    title,
    use: 'serverAuth',
    // Clocks of one network differ: a day back, so that nobody finds it "not yet valid".
    notBefore: now - 24 * hourMs,
    notAfter: now + lifeMs,
    more: (x509) => [new x509.Extension('2.5.29.30', true, nameConstraints(domains, addresses))],
  });
}

/** A leaf for TLS servers. Its names are not compared with the CA's constraints here: verifiers do, and `openLocalCa` does. */
export function makeLeaf(
  authority: KeyAndCertificate,
  { names, now, lifeMs }: { readonly names: readonly CertificateName[]; readonly now: number; readonly lifeMs: number },
): Promise<KeyAndCertificate> {
  return signed(authority, {
    // RFC 5280, 4.1.2.6: no subject, then the alternative names are critical. A name in the subject is read by nobody since RFC 6125.
    subject: '',
    use: 'serverAuth',
    notBefore: now - hourMs,
    notAfter: Math.min(now + lifeMs, Date.parse(new X509Certificate(authority.cert).validTo)),
    more: (x509) => [
      new x509.SubjectAlternativeNameExtension(
        names.map((name) => ({ type: name.is, value: name.text })),
        true,
      ),
    ],
  });
}

/** PEM, as `openssl` writes it but for the last end of line. */
export async function pkcs8(key: webcrypto.CryptoKey): Promise<string> {
  const { PemConverter } = await loadX509();
  return PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
}

/** SHA-256 of the certificate (DER), 64 lower-case hex digits: what browsers and `openssl x509 -fingerprint -sha256` show. */
export function certificateFingerprint(pem: string): string {
  return new X509Certificate(pem).fingerprint256.replaceAll(':', '').toLowerCase();
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
}

/** 127 random bits, positive and not zero (RFC 5280, 4.1.2.2). */
function newSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}
