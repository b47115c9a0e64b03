/** Reads a TLS ClientHello without a handshake: the name and the protocols it asks for, or why it has no single reading. */

import { latin1 } from '../bytes.ts';
import type { Fault } from '../errors.ts';
import { fault } from '../errors.ts';
import { parseIp } from '../address.ts';
import { canonicalHost } from '../http/host.ts';
import type { Limits } from '../limits.ts';

export type HelloReading =
  | Readonly<{ is: 'more' }>
  /** `sni` is canonical, null when the hello names nobody. `alpn` is printable; other names (GREASE) are left out. */
  | Readonly<{ is: 'hello'; sni: string | null; alpn: readonly string[] }>
  | Readonly<{ is: 'refused'; fault: Fault }>;

const more: HelloReading = { is: 'more' };

/** RFC 8446: 5.1 record types, 4 handshake types, 4.2 extension numbers. */
const handshakeRecord = 22;
const clientHello = 1;
const serverNameExtension = 0;
const alpnExtension = 16;
/** RFC 8446, 5.1: 2^14; a plaintext record has no expansion. */
const recordBytesMax = 16_384;

/**
 * Takes bytes as they come, over TCP segments and TLS records (a record of one byte is legal, and a hello
 * with a post-quantum share never fits one segment), and keeps at most `helloBytesMax`.
 * Traefik read only the first record and fell to its default policy (CVE-2026-32305).
 */
export class ClientHelloReader {
  readonly #limits: Pick<Limits, 'helloBytesMax' | 'helloWireBytesMax'>;
  readonly #recordHeader = new Uint8Array(5);
  #recordHeaderHave = 0;
  #recordLeft = 0;
  #wire = 0;
  #message: Uint8Array = new Uint8Array(1_024);
  #have = 0;
  #reading: HelloReading = more;

  constructor(limits: Pick<Limits, 'helloBytesMax' | 'helloWireBytesMax'>) {
    this.#limits = limits;
  }

  /** After `hello` or `refused` nothing more is looked at, and the answer stays. */
  push(bytes: Uint8Array): HelloReading {
    let at = 0;
    while (this.#reading.is === 'more' && at < bytes.length) {
      at = this.#recordLeft === 0 ? this.#takeHeader(bytes, at) : this.#takePayload(bytes, at);
    }
    return this.#reading;
  }

  #takeHeader(bytes: Uint8Array, at: number): number {
    const piece = bytes.subarray(at, at + 5 - this.#recordHeaderHave);
    this.#recordHeader.set(piece, this.#recordHeaderHave);
    this.#recordHeaderHave += piece.length;
    this.#wire += piece.length;
    const [type, major, minor = 0, high = 0, low = 0] = this.#recordHeader;
    // Whoever speaks HTTP, SSH or anything else is known by the first byte.
    if (type !== handshakeRecord) return this.#refuse('no TLS handshake', at + piece.length);
    if (this.#recordHeaderHave > 1 && major !== 3) return this.#refuse('a record of no TLS version', at + piece.length);
    if (this.#recordHeaderHave < 5) return this.#checkWire(at + piece.length);
    const length = (high << 8) | low;
    // RFC 8446, 5.1: no empty handshake records. The version's minor byte is to be ignored, but for nonsense.
    if (minor > 4 || length === 0 || length > recordBytesMax)
      return this.#refuse('a record without a valid length or version', at + piece.length);
    this.#recordHeaderHave = 0;
    this.#recordLeft = length;
    return this.#checkWire(at + piece.length);
  }

  #takePayload(bytes: Uint8Array, at: number): number {
    const due = this.#due();
    const end = Math.min(bytes.length, at + this.#recordLeft, at + due - this.#have);
    const piece = bytes.subarray(at, end);
    this.#grow(this.#have + piece.length);
    this.#message.set(piece, this.#have);
    this.#have += piece.length;
    this.#recordLeft -= piece.length;
    this.#wire += piece.length;
    if (this.#have >= 1 && this.#message[0] !== clientHello) return this.#refuse('a handshake that is no ClientHello', end);
    if (this.#have < 4) return this.#checkWire(end);
    const total = this.#due();
    if (total > this.#limits.helloBytesMax) return this.#refuse('a hello that is too long', end);
    if (this.#have < total) return this.#checkWire(end);
    // A hello stands alone: whatever followed in its record would be read by nobody twice the same way.
    if (this.#recordLeft > 0) return this.#refuse('bytes behind the hello in its record', end);
    this.#reading = parse(this.#message.subarray(4, total));
    return end;
  }

  /** How long the message is, header included; 4 while that is not known. */
  #due(): number {
    if (this.#have < 4) return 4;
    return 4 + (((this.#message[1] ?? 0) << 16) | ((this.#message[2] ?? 0) << 8) | (this.#message[3] ?? 0));
  }

  #grow(need: number): void {
    if (need <= this.#message.length) return;
    const wider = new Uint8Array(Math.max(need, this.#message.length * 2));
    wider.set(this.#message.subarray(0, this.#have));
    this.#message = wider;
  }

  #checkWire(next: number): number {
    return this.#wire > this.#limits.helloWireBytesMax ? this.#refuse('a hello in too many records', next) : next;
  }

  #refuse(why: string, next: number): number {
    this.#reading = refused(why);
    return next;
  }
}

function refused(why: string): HelloReading {
  return { is: 'refused', fault: fault('hello-malformed', why) };
}

/** A walk over bytes in which every length is checked before it is followed. */
class Walk {
  readonly bytes: Uint8Array;
  at = 0;
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
  get done(): boolean {
    return this.at === this.bytes.length;
  }
  number(width: number): number | null {
    if (this.at + width > this.bytes.length) return null;
    let value = 0;
    for (let index = 0; index < width; index++) value = value * 256 + (this.bytes[this.at + index] ?? 0);
    this.at += width;
    return value;
  }
  /** A vector: a length of `width` bytes, and that many bytes. */
  vector(width: number): Walk | null {
    const length = this.number(width);
    if (length === null || this.at + length > this.bytes.length) return null;
    this.at += length;
    return new Walk(this.bytes.subarray(this.at - length, this.at));
  }
}

/** RFC 8446, 4.1.2. */
function parse(body: Uint8Array): HelloReading {
  const walk = new Walk(body);
  const version = walk.number(2);
  const random = body.length >= 34;
  walk.at = 34;
  const session = walk.vector(1);
  const suites = walk.vector(2);
  const compressions = walk.vector(1);
  if (version === null || version >> 8 !== 3 || !random || session === null || suites === null || compressions === null)
    return refused('a hello that is cut short');
  if (session.bytes.length > 32 || suites.bytes.length === 0 || suites.bytes.length % 2 !== 0 || compressions.bytes.length === 0)
    return refused('a hello with impossible lengths');
  if (walk.done) return { is: 'hello', sni: null, alpn: [] };
  const extensions = walk.vector(2);
  if (extensions === null || !walk.done) return refused('bytes behind the extensions, or too few');
  return parseExtensions(extensions);
}

function parseExtensions(walk: Walk): HelloReading {
  const seen = new Set<number>();
  let sni: string | null = null;
  let alpn: readonly string[] = [];
  while (!walk.done) {
    const type = walk.number(2);
    const content = walk.vector(2);
    if (type === null || content === null) return refused('an extension that is cut short');
    // RFC 8446, 4.2: at most one of each. Two names would be a choice of readings.
    if (seen.has(type)) return refused('an extension that stands twice');
    seen.add(type);
    if (type === serverNameExtension) {
      sni = parseServerName(content);
      if (sni === null) return refused('a server name that has no single reading');
    } else if (type === alpnExtension) {
      const names = parseAlpn(content);
      if (names === null) return refused('a list of protocols that is malformed');
      alpn = names;
    }
  }
  return { is: 'hello', sni, alpn };
}

/** RFC 6066, 3: one name, of type host_name, in ASCII, without a trailing dot, and no IP literal. */
function parseServerName(content: Walk): string | null {
  const list = content.vector(2);
  if (list === null || !content.done) return null;
  const type = list.number(1);
  const name = list.vector(2);
  if (type !== 0 || name === null || !list.done) return null;
  const text = latin1(name.bytes, 0, name.bytes.length);
  if (text.endsWith('.') || text.startsWith('[') || text.includes('*') || parseIp(text) !== null) return null;
  return canonicalHost(text);
}

/** RFC 7301, 3.1: a list that is not empty, of names that are not empty. */
function parseAlpn(content: Walk): readonly string[] | null {
  const list = content.vector(2);
  if (list === null || !content.done || list.done) return null;
  const names: string[] = [];
  while (!list.done) {
    const name = list.vector(1);
    if (name === null || name.bytes.length === 0) return null;
    const text = latin1(name.bytes, 0, name.bytes.length);
    // RFC 8701: GREASE names are random bytes. Nobody routes by them.
    if (/^[\x21-\x7e]+$/.test(text)) names.push(text);
  }
  return names;
}
