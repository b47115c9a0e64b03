/** Makes certificates: a CA that may sign for some names only, and short-lived leaves below it. */

import { X509Certificate, createHash, createPrivateKey, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';
import type { Extension, Name, SubjectPublicKeyInfo } from '@peculiar/asn1-x509';
import { nameConstraints, type CertificateName } from './permitted-names.ts';
import { loadStructures, type Structures } from './x509.ts';

const hourMs = 3_600_000;
/** RFC 5758, 3.2: ECDSA on P-256 here, with SHA-256, and without parameters. */
const ecdsaWithSha256 = '1.2.840.10045.4.3.2';

/** PEM, both. */
export type KeyAndCertificate = Readonly<{ key: string; cert: string }>;

type Keys = Readonly<{ privateKey: KeyObject; publicKey: KeyObject }>;

/** What a certificate is for: TLS servers, or clients of them. */
type Use = 'serverAuth' | 'clientAuth';

/** Milliseconds since 1970. */
type Span = Readonly<{ notBefore: number; notAfter: number }>;

/** An authority: path length 0, for one use. `more` stands between what all have and the name of its key. */
export async function selfSigned(
  wanted: Span & Readonly<{ title: string; use: Use; more?: (x509: Structures) => readonly Extension[] }>,
): Promise<KeyAndCertificate> {
  const x509 = await loadStructures();
  const keys = newKeys();
  const subject = named(x509, { commonName: wanted.title, organisation: 'Sallyport' });
  const keyInfo = keyInfoOf(x509, keys.publicKey);
  const cert = certificate(x509, {
    ...wanted,
    subject,
    keyInfo,
    issuer: { name: subject, key: keys.privateKey },
    extensions: [
      extension(x509, x509.id_ce_basicConstraints, true, new x509.BasicConstraints({ cA: true, pathLenConstraint: 0 })),
      extension(x509, x509.id_ce_keyUsage, true, new x509.KeyUsage(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign)),
      extendedUsage(x509, wanted.use),
      ...(wanted.more?.(x509) ?? []),
      extension(x509, x509.id_ce_subjectKeyIdentifier, false, new x509.SubjectKeyIdentifier(keyId(keyInfo))),
    ],
  });
  return { key: pkcs8(keys), cert };
}

/** A leaf with a key of its own, for one use. Without a common name it has no subject. */
export async function signed(
  authority: KeyAndCertificate,
  wanted: Span & Readonly<{ commonName: string | null; use: Use; more?: (x509: Structures) => readonly Extension[] }>,
): Promise<KeyAndCertificate> {
  const x509 = await loadStructures();
  const keys = newKeys();
  const { raw } = new X509Certificate(authority.cert);
  const above = x509.AsnConvert.parse(raw, x509.Certificate).tbsCertificate;
  const keyIdentifier = new x509.KeyIdentifier(keyId(above.subjectPublicKeyInfo));
  const cert = certificate(x509, {
    ...wanted,
    subject: wanted.commonName === null ? new x509.Name() : named(x509, { commonName: wanted.commonName }),
    keyInfo: keyInfoOf(x509, keys.publicKey),
    issuer: { name: above.subject, key: createPrivateKey(authority.key) },
    extensions: [
      ...leafOnly(x509),
      extendedUsage(x509, wanted.use),
      ...(wanted.more?.(x509) ?? []),
      extension(x509, x509.id_ce_authorityKeyIdentifier, false, new x509.AuthorityKeyIdentifier({ keyIdentifier })),
    ],
  });
  return { key: pkcs8(keys), cert };
}

/** Of a key of its own, signed by itself, for whoever knows that key and believes nothing else. */
export async function selfNamed(wanted: Span & Readonly<{ commonName: string }>): Promise<KeyAndCertificate> {
  const x509 = await loadStructures();
  const keys = newKeys();
  const subject = named(x509, wanted);
  const cert = certificate(x509, {
    ...wanted,
    subject,
    keyInfo: keyInfoOf(x509, keys.publicKey),
    issuer: { name: subject, key: keys.privateKey },
    extensions: leafOnly(x509),
  });
  return { key: pkcs8(keys), cert };
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
    more: (x509) => {
      const extnValue = new x509.OctetString(nameConstraints(domains, addresses));
      return [new x509.Extension({ extnID: x509.id_ce_nameConstraints, critical: true, extnValue })];
    },
  });
}

/** A leaf for TLS servers. Its names are not compared with the CA's constraints here: verifiers do, and `openLocalCa` does. */
export function makeLeaf(
  authority: KeyAndCertificate,
  { names, now, lifeMs }: { readonly names: readonly CertificateName[]; readonly now: number; readonly lifeMs: number },
): Promise<KeyAndCertificate> {
  return signed(authority, {
    // RFC 5280, 4.1.2.6: no subject, then the alternative names are critical. A name in the subject is read by nobody since RFC 6125.
    commonName: null,
    use: 'serverAuth',
    notBefore: now - hourMs,
    notAfter: Math.min(now + lifeMs, Date.parse(new X509Certificate(authority.cert).validTo)),
    more: (x509) => {
      const all = names.map((name) => new x509.GeneralName(name.is === 'dns' ? { dNSName: name.text } : { iPAddress: name.text }));
      return [extension(x509, x509.id_ce_subjectAltName, true, new x509.SubjectAlternativeName(all))];
    },
  });
}

/** SHA-256 of the certificate (DER), 64 lower-case hex digits: what browsers and `openssl x509 -fingerprint -sha256` show. */
export function certificateFingerprint(pem: string): string {
  return new X509Certificate(pem).fingerprint256.replaceAll(':', '').toLowerCase();
}

type Body = Span &
  Readonly<{
    subject: Name;
    keyInfo: SubjectPublicKeyInfo;
    extensions: readonly Extension[];
    issuer: Readonly<{ name: Name; key: KeyObject }>;
  }>;

/** PEM without its last end of line, as Node has read it back. */
function certificate(x509: Structures, { subject, keyInfo, extensions, issuer, notBefore, notAfter }: Body): string {
  const algorithm = new x509.AlgorithmIdentifier({ algorithm: ecdsaWithSha256 });
  const tbsCertificate = new x509.TBSCertificate({
    version: x509.Version.v3,
    serialNumber: newSerial(),
    signature: algorithm,
    issuer: issuer.name,
    validity: new x509.Validity({ notBefore: new Date(notBefore), notAfter: new Date(notAfter) }),
    subject,
    subjectPublicKeyInfo: keyInfo,
    extensions: new x509.Extensions([...extensions]),
  });
  const signatureValue = bytesOf(sign('sha256', Buffer.from(x509.AsnConvert.serialize(tbsCertificate)), issuer.key));
  const whole = new x509.Certificate({ tbsCertificate, signatureAlgorithm: algorithm, signatureValue });
  return new X509Certificate(Buffer.from(x509.AsnConvert.serialize(whole))).toString().trimEnd();
}

function extension(x509: Structures, extnID: string, critical: boolean, value: unknown): Extension {
  return new x509.Extension({ extnID, critical, extnValue: new x509.OctetString(x509.AsnConvert.serialize(value)) });
}

function leafOnly(x509: Structures): readonly Extension[] {
  return [
    extension(x509, x509.id_ce_basicConstraints, true, new x509.BasicConstraints({ cA: false })),
    extension(x509, x509.id_ce_keyUsage, true, new x509.KeyUsage(x509.KeyUsageFlags.digitalSignature)),
  ];
}

function extendedUsage(x509: Structures, use: Use): Extension {
  const usages = [use === 'serverAuth' ? x509.id_kp_serverAuth : x509.id_kp_clientAuth];
  return extension(x509, x509.id_ce_extKeyUsage, false, new x509.ExtendedKeyUsage(usages));
}

/** RFC 5280, 4.1.2.4: each attribute in a set of its own. */
function named(x509: Structures, { commonName, organisation }: Readonly<{ commonName: string; organisation?: string }>): Name {
  const parts = [['2.5.4.3', commonName] as const, ...(organisation === undefined ? [] : [['2.5.4.10', organisation] as const])];
  return new x509.Name(
    parts.map(([type, utf8String]) => {
      const value = new x509.AttributeValue({ utf8String });
      return new x509.RelativeDistinguishedName([new x509.AttributeTypeAndValue({ type, value })]);
    }),
  );
}

function newKeys(): Keys {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

/** PEM, as `openssl` writes it but for the last end of line. */
function pkcs8({ privateKey }: Keys): string {
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).trimEnd();
}

function keyInfoOf(x509: Structures, key: KeyObject): SubjectPublicKeyInfo {
  return x509.AsnConvert.parse(key.export({ type: 'spki', format: 'der' }), x509.SubjectPublicKeyInfo);
}

/** SHA-1 of the key's bits (RFC 5280, 4.2.1.2, the first way): a name, and no proof of anything. */
function keyId({ subjectPublicKey }: SubjectPublicKeyInfo): ArrayBuffer {
  return bytesOf(createHash('sha1').update(new Uint8Array(subjectPublicKey)).digest());
}

/** 126 random bits, positive and not zero (RFC 5280, 4.1.2.2). */
function newSerial(): ArrayBuffer {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytesOf(bytes);
}

/** A copy: a small Buffer is a part of a larger one. */
function bytesOf(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}
