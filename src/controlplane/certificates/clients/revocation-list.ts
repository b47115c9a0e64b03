/** A list of revoked certificates (CRL, RFC 5280, 5), as its authority has signed it. */

import { verify, type X509Certificate } from 'node:crypto';
import { readPem } from '../pem.ts';
import { elementAt, elementsIn, hexOf, tags, timeOf, type Element } from './der.ts';

export type RevocationList = Readonly<{
  /** Milliseconds since 1970. */
  thisUpdate: number;
  nextUpdate: number;
  /** Whether that authority has signed it. */
  isOf: (issuer: X509Certificate) => boolean;
  /** By the number as a certificate says it (X509Certificate.serialNumber). */
  holds: (serialNumber: string) => boolean;
}>;

/** Hash by the OID of the signature's algorithm, as it stands in DER; null where the algorithm has its own. What is older than SHA-256 is not taken. */
const hashes: ReadonlyMap<string, string | null> = new Map([
  ['2a8648ce3d040302', 'sha256'],
  ['2a8648ce3d040303', 'sha384'],
  ['2a8648ce3d040304', 'sha512'],
  ['2a864886f70d01010b', 'sha256'],
  ['2a864886f70d01010c', 'sha384'],
  ['2a864886f70d01010d', 'sha512'],
  ['2b6570', null],
  ['2b6571', null],
]);
/** 2.5.29.21, the one extension of an entry that changes nothing for us; 2.5.29.20, the number of a list, and 2.5.29.35, whose it is. */
const knownOfEntry: ReadonlySet<string> = new Set(['551d15']);
const knownOfList: ReadonlySet<string> = new Set(['551d14', '551d23']);
/** Verdicts on signatures that are kept: of authorities that have signed somebody whom TLS has taken. */
const issuersMax = 64;

/** PEM or DER. Throws RangeError, in words, for what is no whole list of one authority: delta, indirect and partitioned ones are not taken. */
export function readRevocationList(file: Uint8Array): RevocationList {
  const bytes = derOf(file);
  const outer = elementAt(bytes, 0, bytes.length);
  const [body, algorithm, signature, ...more] = elementsIn(bytes, outer);
  if (outer.end !== bytes.length || body === undefined || algorithm === undefined || signature === undefined || more.length > 0)
    throw new RangeError('it is no list of revoked certificates');
  const { thisUpdate, nextUpdate, serials } = readBody(bytes, body, algorithm);
  const hash = hashOf(bytes, algorithm);
  const signed = bytes.subarray(body.from, body.end);
  if (signature.tag !== tags.bitString || bytes[signature.at] !== 0) throw new RangeError('its signature cannot be read');
  const proof = bytes.subarray(signature.at + 1, signature.end);
  const verdicts = new Map<string, boolean>();
  return {
    thisUpdate,
    nextUpdate,
    holds: (serialNumber) => serials.has(canonical(serialNumber)),
    isOf: ({ fingerprint256, publicKey }) => {
      const known = verdicts.get(fingerprint256);
      if (known !== undefined) return known;
      const verdict = isSigned(hash, signed, publicKey, proof);
      if (verdicts.size >= issuersMax) verdicts.clear();
      verdicts.set(fingerprint256, verdict);
      return verdict;
    },
  };
}

function isSigned(hash: string | null, signed: Uint8Array, key: X509Certificate['publicKey'], proof: Uint8Array): boolean {
  try {
    return verify(hash, signed, key, proof);
  } catch {
    // A key of another kind than the signature.
    return false;
  }
}

function derOf(file: Uint8Array): Uint8Array {
  if (file[0] === tags.sequence) return file;
  const read = readPem(Buffer.from(file).toString('latin1'));
  const blocks = read.ok ? read.blocks.filter(({ label }) => label === 'X509 CRL') : [];
  const [only] = blocks;
  if (only === undefined || blocks.length > 1)
    throw new RangeError(blocks.length > 1 ? 'it holds more than one list' : 'it holds no list (X509 CRL)');
  return Buffer.from(only.text.split('\n').slice(1, -2).join(''), 'base64');
}

type Body = Readonly<{ thisUpdate: number; nextUpdate: number; serials: ReadonlySet<string> }>;

function readBody(bytes: Uint8Array, body: Element, outerAlgorithm: Element): Body {
  const parts = [...elementsIn(bytes, body)];
  if (parts[0]?.tag === tags.integer) parts.shift();
  const [algorithm, issuer, from, to, ...rest] = parts;
  if (algorithm?.tag !== tags.sequence || issuer?.tag !== tags.sequence || from === undefined)
    throw new RangeError('it is no list of revoked certificates');
  // RFC 5280, 5.1.1.2: said twice, and signed once.
  if (algorithm.tag !== outerAlgorithm.tag || hexOf(bytes, algorithm) !== hexOf(bytes, outerAlgorithm))
    throw new RangeError('it names two algorithms');
  if (to === undefined || (to.tag !== tags.utcTime && to.tag !== tags.generalizedTime))
    throw new RangeError('it does not say when the next one comes');
  let serials: ReadonlySet<string> = new Set();
  for (const part of rest) {
    if (part.tag === tags.sequence) serials = serialsIn(bytes, part);
    else if (part.tag === tags.context0) assertWhole(bytes, elementAt(bytes, part.at, part.end), knownOfList);
    else throw new RangeError('it holds what no list has');
  }
  return { thisUpdate: timeOf(bytes, from), nextUpdate: timeOf(bytes, to), serials };
}

function serialsIn(bytes: Uint8Array, list: Element): ReadonlySet<string> {
  const serials = new Set<string>();
  // No generator: a list may have a hundred thousand.
  for (let next = list.at; next < list.end;) {
    const entry = elementAt(bytes, next, list.end);
    next = entry.end;
    const serial = elementAt(bytes, entry.at, entry.end);
    if (entry.tag !== tags.sequence || serial.tag !== tags.integer) throw new RangeError('an entry cannot be read');
    const date = elementAt(bytes, serial.end, entry.end);
    if (date.end < entry.end) assertWhole(bytes, elementAt(bytes, date.end, entry.end), knownOfEntry);
    serials.add(canonical(hexOf(bytes, serial)));
  }
  return serials;
}

/** A critical extension that is not known changes what the list means (RFC 5280, 5.2): another issuer, a part of the certificates, a delta. */
function assertWhole(bytes: Uint8Array, extensions: Element, known: ReadonlySet<string>): void {
  for (const extension of elementsIn(bytes, extensions)) {
    const [id, critical] = elementsIn(bytes, extension);
    if (id?.tag !== tags.oid) throw new RangeError('an extension cannot be read');
    const isCritical = critical?.tag === tags.boolean && bytes[critical.at] !== 0;
    if (isCritical && !known.has(hexOf(bytes, id)))
      throw new RangeError('it is a delta, or of a part of the certificates, or of several authorities');
  }
}

function hashOf(bytes: Uint8Array, algorithm: Element): string | null {
  const id = elementAt(bytes, algorithm.at, algorithm.end);
  const hash = hashes.get(hexOf(bytes, id));
  if (id.tag !== tags.oid || hash === undefined) throw new RangeError('it is signed by an algorithm that is not taken');
  return hash;
}

/** Without the zeros that DER and hex put before a number. */
function canonical(serialNumber: string): string {
  return serialNumber.toLowerCase().replace(/^0+(?=.)/, '');
}
