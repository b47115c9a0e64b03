/** Datagrams as SOCKS 5 wraps them, both ways (RFC 1928, 7). */

import { parseIp, type Ip } from '../address.ts';
import { latin1 } from '../bytes.ts';

/** `host` as it was sent, an IPv6 address in brackets; `data` is a view of what was read. */
export type SocksDatagram = Readonly<{ host: string; port: number; data: Uint8Array }>;

/** Null for what is dropped without a word: fragments (which nobody must take), reserved octets, unknown addresses, what is cut short. */
export function readSocksDatagram(bytes: Uint8Array): SocksDatagram | null {
  const [first, second, fragment, type, length = 0] = bytes;
  if (first !== 0 || second !== 0 || fragment !== 0) return null;
  const end = type === 1 ? 8 : type === 4 ? 20 : type === 3 && length > 0 ? 5 + length : null;
  if (end === null || bytes.length < end + 2) return null;
  const port = ((bytes[end] ?? 0) << 8) | (bytes[end + 1] ?? 0);
  return { host: hostOf(bytes, type, end), port, data: bytes.subarray(end + 2) };
}

function hostOf(bytes: Uint8Array, type: number | undefined, end: number): string {
  if (type === 3) return latin1(bytes, 5, end);
  if (type === 1) return bytes.subarray(4, end).join('.');
  const groups = Array.from({ length: 8 }, (_none, at) => (((bytes[4 + at * 2] ?? 0) << 8) | (bytes[5 + at * 2] ?? 0)).toString(16));
  return `[${groups.join(':')}]`;
}

/** The kind of an address, the address and the port, as all messages of SOCKS 5 have them. */
function socksAddress(ip: Ip, port: number): readonly number[] {
  const octets = ip.version === 4 ? ip.text.split('.').map(Number) : ip.groups.flatMap((group) => [group >> 8, group & 255]);
  return [ip.version === 4 ? 1 : 4, ...octets, port >> 8, port & 255];
}

/** What came from there, wrapped for the client. */
export function socksDatagram(ip: Ip, port: number, data: Uint8Array): Uint8Array {
  const head = [0, 0, 0, ...socksAddress(ip, port)];
  const bytes = new Uint8Array(head.length + data.length);
  bytes.set(head);
  bytes.set(data, head.length);
  return bytes;
}

/** The answer to UDP ASSOCIATE: it stands, and there is where datagrams go (RFC 1928, 6). */
export function associatedReply(ip: Ip, port: number): Uint8Array {
  return Uint8Array.from([5, 0, 0, ...socksAddress(ip, port)]);
}

/** Whose datagrams an association takes: those of the address that its TCP connection came from, and of one port of it. */
export class DatagramPeer {
  readonly ip: string;
  #port: number | null;

  /** @param port null until its first datagram, where it did not say from where it sends */
  constructor(ip: string, port: number | null) {
    this.ip = ip;
    this.#port = port;
  }

  /** Where it is answered; null for nowhere yet. */
  get port(): number | null {
    return this.#port;
  }

  /** Nobody else is heard: a proxy is no reflector, and nobody speaks in another's name. */
  takes(address: string, port: number): boolean {
    if (parseIp(address)?.text !== this.ip || (this.#port !== null && this.#port !== port)) return false;
    this.#port = port;
    return true;
  }
}
