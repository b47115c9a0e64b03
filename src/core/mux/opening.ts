/** What an `open` frame says of a visitor: read strictly, because the other side may be hostile. */

import type { Fault } from '../errors.ts';
import { fault } from '../errors.ts';
import { latin1 } from '../bytes.ts';

/** All text is printable ASCII. `sni` is null where the hello named nobody. */
export type Opening = Readonly<{
  id: string;
  ip: string;
  visitorPort: number;
  listenerPort: number;
  sni: string | null;
  alpn: readonly string[];
  /** The relay has ended the visitor's TLS: what follows is what was inside. */
  terminated?: true;
}>;

const printable = /^[\x21-\x7e]*$/;
const alpnsMax = 16;
/** IANA's longest is 23. With 255 for each other text an open then always fits its frame: a visitor's hello must not end a carrier. */
const alpnBytesMax = 64;

/**
 * Lays out: id, ip, sni (each a length byte and its bytes), visitor's port, listener's port, count of ALPN names, each as above;
 * then one byte of 1 where the relay has ended the TLS, and nothing where it has not.
 */
export function encodeOpening(opening: Opening): Uint8Array {
  const names = opening.alpn.filter((name) => name.length > 0 && name.length <= alpnBytesMax && printable.test(name)).slice(0, alpnsMax);
  const sni = opening.sni ?? '';
  let length = 3 + opening.id.length + opening.ip.length + sni.length + 5 + (opening.terminated === true ? 1 : 0);
  for (const name of names) length += 1 + name.length;
  const bytes = new Uint8Array(length);
  let at = writeText(bytes, 0, opening.id);
  at = writeText(bytes, at, opening.ip);
  at = writeText(bytes, at, sni);
  at = writePort(bytes, at, opening.visitorPort);
  at = writePort(bytes, at, opening.listenerPort);
  bytes[at++] = names.length;
  for (const name of names) at = writeText(bytes, at, name);
  if (opening.terminated === true) bytes[at] = 1;
  return bytes;
}

/** Reads it back; whatever is left over, missing or unprintable is a fault. */
export function decodeOpening(bytes: Uint8Array): Opening | Fault {
  const texts: string[] = [];
  let at = 0;
  const text = (): boolean => {
    const length = bytes[at];
    if (length === undefined || at + 1 + length > bytes.length) return false;
    const value = latin1(bytes, at + 1, at + 1 + length);
    if (!printable.test(value)) return false;
    texts.push(value);
    at += 1 + length;
    return true;
  };
  if (!text() || !text() || !text() || at + 5 > bytes.length) return malformed();
  const visitorPort = readPort(bytes, at);
  const listenerPort = readPort(bytes, at + 2);
  const count = bytes[at + 4] ?? 0;
  at += 5;
  if (count > alpnsMax) return malformed();
  for (let left = count; left > 0; left--) {
    if (!text() || texts.at(-1) === '') return malformed();
  }
  const [id = '', ip = '', sni = '', ...alpn] = texts;
  const terminated = at === bytes.length - 1 && bytes[at] === 1;
  if ((at !== bytes.length && !terminated) || id === '' || ip === '') return malformed();
  return { id, ip, visitorPort, listenerPort, sni: sni === '' ? null : sni, alpn, ...(terminated ? { terminated } : {}) };
}

function malformed(): Fault {
  return fault('frame-malformed', 'an open that cannot be read');
}

function writeText(into: Uint8Array, at: number, text: string): number {
  if (text.length > 255) throw new RangeError('a text of an open is longer than 255 bytes');
  into[at++] = text.length;
  for (let index = 0; index < text.length; index++) into[at++] = text.charCodeAt(index);
  return at;
}

function writePort(into: Uint8Array, at: number, port: number): number {
  into[at] = port >>> 8;
  into[at + 1] = port & 0xff;
  return at + 2;
}

function readPort(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}
