/** Makes a certificate and its key out of two PEM texts, or says where they are wrong and what to do. */

import { X509Certificate, createPrivateKey, type KeyObject } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { Material } from '../../contracts/certificate.ts';
import { parseIp } from '../../core/address.ts';
import { SallyportError } from '../../core/errors.ts';
import { canonicalHost } from '../../core/http/host.ts';
import { readPem, type PemBlock } from './pem.ts';
import { settingsOf } from './tls-settings.ts';

/** A text and what it is called when something is wrong with it: a path. */
export type Named = Readonly<{ text: string; where: string }>;

/** A certificate where it stands. */
export type Placed = Readonly<{ certificate: X509Certificate; where: string; line: number }>;

/** Real chains have two to four. */
const chainMax = 10;
/** RFC 7633: a promise that an OCSP answer comes along, which we do not keep. DER of 1.3.6.1.5.5.7.1.24. */
const mustStaple = Buffer.from([0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x18]);

/**
 * Checks everything that would show only when a visitor comes: that both can be read, belong together, are in order and in time,
 * and are strong enough for TLS. Both texts may be one file. Error: `certificate-unusable`, with the file and its line.
 */
export function makeMaterial(chain: Named, key: Named, now: number): Material {
  const privateKey = keyIn(key);
  const placed = inOrder(certificatesIn(chain), privateKey, key.where);
  const [own] = placed;
  if (own === undefined) throw unusable(chain.where, null, 'it holds no certificate', pemHint);
  assertInTime(own, now);
  if (own.certificate.raw.includes(mustStaple))
    throw unusable(chain.where, own.line, 'it promises OCSP answers with every handshake (must-staple), and none are sent', stapleHint);
  const material: Material = Object.freeze({
    names: namesOf(own.certificate),
    chain: withoutRoot(placed)
      .map(({ certificate }) => certificate.toString())
      .join(''),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    fingerprint: own.certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
    notBefore: own.certificate.validFromDate.getTime(),
    notAfter: own.certificate.validToDate.getTime(),
  });
  if (material.names.length === 0) throw unusable(chain.where, own.line, 'it names no host and no address', nameHint);
  try {
    createSecureContext({ ...settingsOf('intermediate'), cert: material.chain, key: material.key });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw unusable(
      chain.where,
      own.line,
      `TLS does not take it (${why})`,
      'Use RSA with 2048 bits or more, or EC with P-256 or P-384.',
      cause,
    );
  }
  return material;
}

/** All certificates of a text, in the order in which they stand. */
export function certificatesIn({ text, where }: Named): readonly Placed[] {
  const blocks = blocksIn({ text, where }).filter(({ label }) => label.endsWith('CERTIFICATE'));
  if (blocks.length > chainMax) throw unusable(where, null, `it holds ${blocks.length} certificates`, `At most ${chainMax} are taken.`);
  return blocks.map(({ text: pem, line }) => {
    try {
      return { certificate: new X509Certificate(pem), where, line };
    } catch (cause) {
      throw unusable(where, line, 'this certificate cannot be read', 'Copy it again, whole, from BEGIN to END.', cause);
    }
  });
}

/** The private key of a text. */
export function keyIn({ text, where }: Named): KeyObject {
  const block = blocksIn({ text, where }).find(({ label }) => label.endsWith('PRIVATE KEY'));
  if (block === undefined) throw unusable(where, null, 'it holds no private key', pemHint);
  if (isEncrypted(block))
    throw unusable(
      where,
      block.line,
      'the private key is encrypted',
      `Keep it readable for this user alone, and take the password off: openssl pkey -in ${where}`,
    );
  try {
    return createPrivateKey(block.text);
  } catch (cause) {
    throw unusable(where, block.line, 'this private key cannot be read', 'Copy it again, whole, from BEGIN to END.', cause);
  }
}

/** Whether there is a private key among its blocks. */
export function holdsKey(blocks: readonly PemBlock[]): boolean {
  return blocks.some(({ label }) => label.endsWith('PRIVATE KEY'));
}

function blocksIn({ text, where }: Named): readonly PemBlock[] {
  const read = readPem(text);
  if (!read.ok) throw unusable(where, read.line, read.why, 'Copy it again, whole, from BEGIN to END.');
  if (read.blocks.length === 0) throw unusable(where, null, 'it is no PEM', pemHint);
  return read.blocks;
}

function isEncrypted({ label, text }: PemBlock): boolean {
  return label === 'ENCRYPTED PRIVATE KEY' || text.includes('\nProc-Type: 4,ENCRYPTED');
}

/** The own certificate first, each signed by the next (RFC 8446, 4.4.2). It is the operator's file: it is not sorted in silence. */
function inOrder(placed: readonly Placed[], key: KeyObject, keyWhere: string): readonly Placed[] {
  const [own] = placed;
  if (own === undefined) return placed;
  if (!own.certificate.checkPrivateKey(key)) {
    const other = placed.find(({ certificate }) => certificate.checkPrivateKey(key));
    if (other !== undefined)
      throw unusable(own.where, own.line, `the certificate of the key stands at line ${other.line}, and not first`, orderHint);
    throw unusable(
      own.where,
      own.line,
      `it is not the certificate of the key in ${keyWhere}`,
      `Its key must be the one that it was ordered with. Compare: openssl x509 -noout -pubkey -in ${own.where}; openssl pkey -pubout -in ${keyWhere}`,
    );
  }
  for (const [at, above] of placed.entries()) {
    const below = placed[at + 1];
    if (below === undefined || isSignedBy(above, below)) continue;
    const right = placed.find((each) => each !== above && isSignedBy(above, each));
    const why = `this one has not signed the certificate of line ${above.line}`;
    throw unusable(below.where, below.line, right === undefined ? why : `${why}: the one of line ${right.line} has`, orderHint);
  }
  return placed;
}

function isSignedBy(above: Placed, below: Placed): boolean {
  return above.certificate.checkIssued(below.certificate) && above.certificate.verify(below.certificate.publicKey);
}

function assertInTime({ certificate, where, line }: Placed, now: number): void {
  const { validFromDate, validToDate } = certificate;
  if (validToDate.getTime() <= now) throw unusable(where, line, `it ended on ${dayOf(validToDate)}`, 'Put the renewed one in its place.');
  if (validFromDate.getTime() > now)
    throw unusable(
      where,
      line,
      `it begins on ${dayOf(validFromDate)}`,
      `Wait for that, or set the clock: here it is ${dayOf(new Date(now))}.`,
    );
}

/** Clients have the roots that they trust. One that stands alone is sent as it is. */
function withoutRoot(placed: readonly Placed[]): readonly Placed[] {
  const last = placed.at(-1);
  return placed.length > 1 && last !== undefined && isSignedBy(last, last) ? placed.slice(0, -1) : placed;
}

/** From SubjectAltName. Without one, from the subject, as programs did before RFC 6125; browsers do not any more. */
function namesOf(certificate: X509Certificate): readonly string[] {
  const { subjectAltName } = certificate;
  if (subjectAltName === undefined)
    return [canonicalName(/^CN=(.*)$/m.exec(certificate.subject)?.[1] ?? '')].filter((name) => name !== null);
  // What needed quotes is no host name, and may hold what looks like one.
  const entries = subjectAltName.replaceAll(/"(?:[^"\\]|\\.)*"/g, '').split(', ');
  const names = entries.map((entry) => {
    if (entry.startsWith('DNS:')) return canonicalName(entry.slice(4));
    return entry.startsWith('IP Address:') ? (parseIp(entry.slice(11))?.text ?? null) : null;
  });
  return [...new Set(names.filter((name) => name !== null))];
}

function canonicalName(text: string): string | null {
  const wildcard = text.startsWith('*.');
  const host = canonicalHost(wildcard ? text.slice(2) : text);
  return host === null ? null : `${wildcard ? '*.' : ''}${host}`;
}

function dayOf(date: Date): string {
  return date.toISOString().slice(0, 10);
}

const pemHint = 'Write PEM: BEGIN CERTIFICATE for each of the chain, BEGIN PRIVATE KEY for the key. From DER: openssl x509 -inform der.';
const orderHint = 'The own certificate comes first, then the one that signed it, and so on.';
const nameHint = 'Order it with a subjectAltName: the host names, or the address, that visitors type.';
const stapleHint = 'Order one without must-staple: public CAs have ended OCSP.';

/** `blog.pem, line 30: …` */
export function unusable(where: string, line: number | null, why: string, hint: string, cause?: unknown): SallyportError {
  const place = line === null ? where : `${where}, line ${line}`;
  return new SallyportError('certificate-unusable', `${place}: ${why}.`, cause === undefined ? { hint } : { hint, cause });
}
