/** Authorities and certificates of clients for tests, good and bad, and lists of what was revoked. PEM, but for what says DER. */

import { X509Certificate, webcrypto } from 'node:crypto';
import type { JsonGeneralNames } from '@peculiar/x509';

export type Signed = Readonly<{ cert: string; key: string }>;

export type ClientAsked = Readonly<{
  /** Common names, in their order. */
  cn?: readonly string[];
  names?: JsonGeneralNames;
  /** Null: it signs itself. */
  issuer: Signed | null;
  /** Extended key usages; null for no such extension. */
  uses?: readonly string[] | null;
  authority?: Readonly<{ pathLength?: number }>;
  fromDays?: number;
  toDays?: number;
}>;

const clientAuth = '1.3.6.1.5.5.7.3.2';
export const serverAuth = '1.3.6.1.5.5.7.3.1';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const dayMs = 86_400_000;

async function library(): Promise<typeof import('@peculiar/x509')> {
  await import('reflect-metadata');
  return import('@peculiar/x509');
}

export async function signed(asked: ClientAsked): Promise<Signed> {
  const x509 = await library();
  const { cn = [], names = [], issuer, uses = [clientAuth], authority, fromDays = -1, toDays = 30 } = asked;
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const subject = cn.map((each) => ({ CN: [each] }));
  const extensions = [
    new x509.BasicConstraintsExtension(authority !== undefined, authority?.pathLength, true),
    new x509.KeyUsagesExtension(
      authority === undefined ? x509.KeyUsageFlags.digitalSignature : x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign,
      true,
    ),
    ...(authority === undefined && uses !== null ? [new x509.ExtendedKeyUsageExtension([...uses])] : []),
    ...(names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names)]),
  ];
  const made = await x509.X509CertificateGenerator.create(
    {
      serialNumber: Buffer.from(webcrypto.getRandomValues(new Uint8Array(8)))
        .toString('hex')
        .replace(/^./, '4'),
      subject,
      issuer: issuer === null ? subject : new x509.X509Certificate(issuer.cert).subjectName.toJSON(),
      notBefore: new Date(Date.now() + fromDays * dayMs),
      notAfter: new Date(Date.now() + toDays * dayMs),
      signingAlgorithm: algorithm,
      publicKey: keys.publicKey,
      signingKey: issuer === null ? keys.privateKey : await keyOf(issuer),
      extensions,
    },
    webcrypto,
  );
  const key = x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
  return { cert: `${made.toString('pem')}\n`, key: `${key}\n` };
}

export function authority(cn: string, more: Partial<ClientAsked> = {}): Promise<Signed> {
  return signed({ cn: [cn], issuer: null, authority: {}, ...more });
}

export type ListAsked = Readonly<{ issuer: Signed; revoked?: readonly Signed[]; fromMs?: number; toMs?: number }>;

/** DER. Times are counted from now. */
export async function revocationList({ issuer, revoked = [], fromMs = -60_000, toMs = dayMs }: ListAsked): Promise<Buffer> {
  const x509 = await library();
  const list = await x509.X509CrlGenerator.create(
    {
      issuer: new x509.X509Certificate(issuer.cert).subjectName.toJSON(),
      thisUpdate: new Date(Date.now() + fromMs),
      nextUpdate: new Date(Date.now() + toMs),
      signingAlgorithm: algorithm,
      signingKey: await keyOf(issuer),
      entries: revoked.map(({ cert }) => ({ serialNumber: new X509Certificate(cert).serialNumber, revocationDate: new Date() })),
    },
    webcrypto,
  );
  return Buffer.from(list.rawData);
}

export function fingerprint({ cert }: Signed): string {
  return new X509Certificate(cert).fingerprint256.replaceAll(':', '').toLowerCase();
}

async function keyOf({ key }: Signed): Promise<webcrypto.CryptoKey> {
  const { PemConverter } = await library();
  return webcrypto.subtle.importKey('pkcs8', PemConverter.decodeFirst(key), algorithm, false, ['sign']);
}
