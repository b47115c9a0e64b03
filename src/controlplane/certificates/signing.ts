/** Makes certificates: a CA that may sign for some names only, and short-lived leaves below it. */

import { X509Certificate, randomBytes, webcrypto } from 'node:crypto';
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

/** The CA's own certificate: path length 0, for TLS servers, its names a critical constraint. */
export async function makeAuthority(options: {
  readonly title: string;
  readonly domains: readonly string[];
  readonly addresses: readonly string[];
  readonly now: number;
  readonly lifeMs: number;
}): Promise<KeyAndCertificate> {
  const x509 = await loadX509();
  const keys = await newKeys();
  const cert = await x509.X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: newSerial(),
      name: [{ CN: [options.title] }, { O: ['Sallyport'] }],
      // Clocks of one network differ: a day back, so that nobody finds it "not yet valid".
      notBefore: new Date(options.now - 24 * hourMs),
      notAfter: new Date(options.now + options.lifeMs),
      signingAlgorithm: algorithm,
      keys,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
        new x509.Extension('2.5.29.30', true, nameConstraints(options.domains, options.addresses)),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  );
  return {
    key: x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY'),
    cert: cert.toString('pem'),
  };
}

/** A leaf for TLS servers. Its names are not compared with the CA's constraints here: verifiers do, and `openLocalCa` does. */
export async function makeLeaf(
  authority: KeyAndCertificate,
  options: { readonly names: readonly CertificateName[]; readonly now: number; readonly lifeMs: number },
): Promise<KeyAndCertificate> {
  const x509 = await loadX509();
  const keys = await newKeys();
  const issuer = new x509.X509Certificate(authority.cert);
  const notAfter = Math.min(options.now + options.lifeMs, issuer.notAfter.getTime());
  const cert = await x509.X509CertificateGenerator.create(
    {
      serialNumber: newSerial(),
      // RFC 5280, 4.1.2.6: no subject, then the alternative names are critical. A name in the subject is read by nobody since RFC 6125.
      subject: '',
      issuer: issuer.subject,
      notBefore: new Date(options.now - hourMs),
      notAfter: new Date(notAfter),
      signingAlgorithm: algorithm,
      publicKey: keys.publicKey,
      signingKey: await webcrypto.subtle.importKey('pkcs8', x509.PemConverter.decodeFirst(authority.key), algorithm, false, ['sign']),
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
        new x509.SubjectAlternativeNameExtension(
          options.names.map((name) => ({ type: name.is, value: name.text })),
          true,
        ),
        await x509.AuthorityKeyIdentifierExtension.create(issuer, false, webcrypto),
      ],
    },
    webcrypto,
  );
  return {
    key: x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY'),
    cert: cert.toString('pem'),
  };
}

/** SHA-256 of the certificate (DER), 64 lower-case hex digits: what browsers and `openssl x509 -fingerprint -sha256` show. */
export function certificateFingerprint(pem: string): string {
  return new X509Certificate(pem).fingerprint256.replaceAll(':', '').toLowerCase();
}

export function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
}

/** 127 random bits, positive and not zero (RFC 5280, 4.1.2.2). */
export function newSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}
