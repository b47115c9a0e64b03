/** Certificates of a CA: asking for one, and looking whether what came is what was asked for. */

import { createHash, createPrivateKey, createPublicKey, randomBytes, webcrypto, X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';
import type { Material } from '../../contracts/certificate.ts';
import { SallyportError } from '../../core/errors.ts';
import { loadX509 } from '../certificates/x509.ts';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/** Own, intermediates, a cross-signed one: real chains have two to four. */
const chainLengthMax = 10;
const dayMs = 86_400_000;
/** A CA's clock may be ahead of ours a little; they date certificates back by an hour for the same reason. */
const clockMs = 600_000;

/** A request for a certificate (RFC 2986) for that name and key: DER in base64url, as RFC 8555, 7.4 wants it. */
export async function requestFor(name: string, keyPem: string): Promise<string> {
  const x509 = await loadX509();
  const request = await x509.Pkcs10CertificateRequestGenerator.create(
    {
      // No subject: the name stands where names stand (RFC 8555, 7.4).
      name: '',
      keys: await cryptoKeys(keyPem),
      signingAlgorithm: algorithm,
      extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: name }])],
    },
    webcrypto,
  );
  return Buffer.from(request.rawData).toString('base64url');
}

/**
 * What a CA sent, as what is shown to visitors. Errors: `authority-malformed` when it is not for this key and name, not of this
 * time, or not in order. Whether anybody trusts its root is not looked at: that is the visitors' business.
 */
export function readIssued(chain: string, keyPem: string, name: string, now: number): Material {
  const wrong = (why: string): SallyportError =>
    new SallyportError('authority-malformed', `The certificate for ${name} that the authority sent is not used: ${why}.`);
  const pems = chain.match(/-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g) ?? [];
  if (pems.length === 0 || pems.length > chainLengthMax) throw wrong(`it is a chain of ${pems.length}`);
  let all: readonly X509Certificate[];
  try {
    all = pems.map((pem) => new X509Certificate(pem));
  } catch {
    throw wrong('it cannot be read');
  }
  const [own] = all;
  if (own === undefined || !own.checkPrivateKey(createPrivateKey(keyPem))) throw wrong('it is for another key');
  const asked = name.replace(/^\*\./, 'any-label.');
  if (own.checkHost(asked, { subject: 'never' }) === undefined) throw wrong('it is for another name');
  if (own.validFromDate.getTime() > now + clockMs || own.validToDate.getTime() <= now) throw wrong('it is not valid now');
  const broken = all.findIndex((certificate, index) => {
    const issuer = all[index + 1];
    return issuer !== undefined && !certificate.checkIssued(issuer);
  });
  if (broken !== -1) throw wrong('its chain is out of order');
  return {
    names: [name],
    chain: pems.map((pem) => `${pem}\n`).join(''),
    key: keyPem,
    fingerprint: own.fingerprint256.replaceAll(':', '').toLowerCase(),
    notBefore: own.validFromDate.getTime(),
    notAfter: own.validToDate.getTime(),
  };
}

/** Its number in small hex letters without leading zeros: how feeds of Certificate Transparency name it. */
export function serialOf(chain: string): string {
  return new X509Certificate(chain).serialNumber.toLowerCase().replace(/^0+(?=.)/, '');
}

/**
 * How renewal information names a certificate (RFC 9773, 4.1): the key identifier of its issuer and its serial number, as their
 * bytes in DER, in base64url. Null where it names no issuer's key.
 */
export async function renewalId(chain: string): Promise<string | null> {
  const x509 = await loadX509();
  const certificate = new x509.X509Certificate(chain.slice(0, chain.indexOf('-----END CERTIFICATE-----') + 25));
  const keyId = certificate.getExtension(x509.AuthorityKeyIdentifierExtension)?.keyId;
  if (keyId === undefined) return null;
  const hex = certificate.serialNumber;
  const serial = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
  // An INTEGER of DER is signed: one whose first bit is set has a zero before it.
  const der = (serial[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), serial]) : serial;
  return `${Buffer.from(keyId, 'hex').toString('base64url')}.${der.toString('base64url')}`;
}

/** What is shown to a CA that asks by TLS-ALPN-01 (RFC 8737, 3): signed by itself, for one name, with the digest in a critical extension. */
export async function challengeContext(name: string, keyAuthorization: string, now: number): Promise<SecureContext> {
  const x509 = await loadX509();
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const digest = createHash('sha256').update(keyAuthorization).digest();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: `40${randomBytes(15).toString('hex')}`,
      name: '',
      notBefore: new Date(now - dayMs),
      notAfter: new Date(now + 7 * dayMs),
      signingAlgorithm: algorithm,
      keys,
      extensions: [
        new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: name }], true),
        // id-pe-acmeIdentifier: an OCTET STRING of 32 bytes.
        new x509.Extension('1.3.6.1.5.5.7.1.31', true, Buffer.concat([Buffer.from([0x04, 0x20]), digest])),
      ],
    },
    webcrypto,
  );
  const key = x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
  return createSecureContext({ key, cert: certificate.toString('pem') });
}

async function cryptoKeys(pem: string): Promise<webcrypto.CryptoKeyPair> {
  const secret = createPrivateKey(pem).export({ type: 'pkcs8', format: 'der' });
  const open = createPublicKey(pem).export({ type: 'spki', format: 'der' });
  return {
    privateKey: await webcrypto.subtle.importKey('pkcs8', secret, algorithm, true, ['sign']),
    publicKey: await webcrypto.subtle.importKey('spki', open, algorithm, true, ['verify']),
  };
}
