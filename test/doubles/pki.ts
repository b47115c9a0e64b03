/** Certificate authorities for tests: roots, what they sign, and certificates of any age. All PEM. */

import { webcrypto } from 'node:crypto';
import { isIP } from 'node:net';

export type Made = Readonly<{ cert: string; key: string }>;

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const dayMs = 86_400_000;

export type Asked = Readonly<{
  subject: string;
  /** DNS names and addresses; none for a CA. */
  names?: readonly string[];
  /** Null: it signs itself. */
  issuer?: Made | null;
  isCa?: boolean;
  /** Days from now; negative for the past. */
  fromDays?: number;
  toDays?: number;
  mustStaple?: boolean;
}>;

export async function certificate(asked: Asked): Promise<Made> {
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  const { subject, names = [], issuer = null, isCa = false, fromDays = -1, toDays = 30 } = asked;
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const issuing = issuer === null ? null : new x509.X509Certificate(issuer.cert);
  const signingKey =
    issuer === null
      ? keys.privateKey
      : await webcrypto.subtle.importKey('pkcs8', x509.PemConverter.decodeFirst(issuer.key), algorithm, false, ['sign']);
  const alternative = names.map((name) => ({ type: isIP(name) !== 0 ? ('ip' as const) : ('dns' as const), value: name }));
  const made = await x509.X509CertificateGenerator.create(
    {
      subject: `CN=${subject}`,
      issuer: issuing?.subject ?? `CN=${subject}`,
      notBefore: new Date(Date.now() + fromDays * dayMs),
      notAfter: new Date(Date.now() + toDays * dayMs),
      signingAlgorithm: algorithm,
      publicKey: keys.publicKey,
      signingKey,
      extensions: [
        new x509.BasicConstraintsExtension(isCa, undefined, true),
        ...(alternative.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(alternative)]),
        ...(asked.mustStaple === true ? [new x509.Extension('1.3.6.1.5.5.7.1.24', false, Uint8Array.of(0x30, 3, 2, 1, 5))] : []),
      ],
    },
    webcrypto,
  );
  const key = x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
  return { cert: `${made.toString('pem')}\n`, key: `${key}\n` };
}
