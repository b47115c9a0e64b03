/** Asks a SOCKS5 proxy for a connection (RFC 1928), with a user and a password where there are some (RFC 1929). */

import { isIP } from 'node:net';
import type { Socket } from 'node:net';
import { hostPort, parseIp } from '../../core/address.ts';
import type { Proxy } from '../../contracts/via.ts';
import { credentialsHint, proxyRefused, proxyUnreachable, unreachable } from './faults.ts';
import { readWords } from './proxy-words.ts';

export type Socks5Options = Readonly<{ target: Readonly<{ host: string; port: number }>; proxy: Proxy }>;

const version = 5;
/** RFC 1929 counts its own versions. */
const negotiation = 1;
const methods = { none: 0, password: 2, refused: 255 } as const;
const addresses = { v4: 1, name: 3, v6: 4 } as const;
const knownKinds: ReadonlySet<number> = new Set(Object.values(addresses));

/** RFC 1928, 6: what a proxy may answer instead of success, and whether it is the proxy that says no or the way behind it. */
const replies: Readonly<Record<number, Readonly<{ is: 'refused' | 'no way'; why: string }>>> = {
  1: { is: 'refused', why: 'general failure' },
  2: { is: 'refused', why: 'its rules do not allow this connection' },
  3: { is: 'no way', why: 'network unreachable' },
  4: { is: 'no way', why: 'host unreachable' },
  5: { is: 'no way', why: 'connection refused' },
  6: { is: 'no way', why: 'time to live expired' },
  7: { is: 'refused', why: 'it does not take CONNECT' },
  8: { is: 'refused', why: 'it does not take this kind of address' },
};

/**
 * Resolves when the proxy has joined this connection to the target. It gets the name, and looks it up itself.
 * Errors: `proxy-refused`, `proxy-unreachable`, and `relay-unreachable` where the proxy found no way.
 */
export async function askSocks5(socket: Socket, { target, proxy }: Socks5Options): Promise<void> {
  const { credentials } = proxy;
  const hear = (first: number, sizeOf: (bytes: Buffer) => number): Promise<Buffer> => exactly(socket, proxy, first, sizeOf);
  socket.write(Uint8Array.from(credentials === null ? [version, 1, methods.none] : [version, 2, methods.none, methods.password]));
  const [, method] = await hear(version, () => 2);
  if (method === methods.refused) {
    const why = credentials === null ? 'it asks for credentials' : 'it takes neither a password nor none';
    throw proxyRefused(proxy, why, credentialsHint(proxy));
  }
  if (method === methods.password && credentials !== null) {
    const [user, password] = [Buffer.from(credentials.user, 'utf8'), Buffer.from(credentials.password, 'utf8')];
    socket.write(Buffer.concat([Uint8Array.of(negotiation, user.length), user, Uint8Array.of(password.length), password]));
    const [, status] = await hear(negotiation, () => 2);
    if (status !== 0) throw proxyRefused(proxy, 'it does not take these credentials', credentialsHint(proxy));
  } else if (method !== methods.none) throw proxyUnreachable(proxy, 'it chose a method that was not offered');
  socket.write(Buffer.concat([Uint8Array.of(version, 1, 0), targetBytes(target)]));
  const [, reply = 1, reserved, kind = 0] = await hear(version, replyLength);
  if (reply !== 0) throw refused(proxy, target, reply);
  if (reserved !== 0 || !knownKinds.has(kind)) throw proxyUnreachable(proxy, 'its reply cannot be read');
}

function refused(proxy: Proxy, target: Socks5Options['target'], reply: number): Error {
  const meaning = replies[reply] ?? { is: 'refused', why: `reply ${reply}, which has no meaning` };
  if (meaning.is === 'no way') return unreachable(hostPort(target.host, target.port), `the proxy found no way to it (${meaning.why})`);
  return proxyRefused(proxy, meaning.why, 'Many proxies allow port 443 alone: ask its operator, or the relay’s for that port.');
}

/** RFC 1928, 5: the kind of the address, the address, the port. */
function targetBytes({ host, port }: Socks5Options['target']): Buffer {
  const end = Uint8Array.of(port >> 8, port & 255);
  const groups = parseIp(host)?.groups.flatMap((group) => [group >> 8, group & 255]) ?? [];
  // Eight groups, or two: `::ffff:192.0.2.7` is an IPv4 address.
  if (isIP(host) !== 0) return Buffer.concat([Uint8Array.of(groups.length === 4 ? addresses.v4 : addresses.v6, ...groups), end]);
  const name = Buffer.from(host, 'latin1');
  return Buffer.concat([Uint8Array.of(addresses.name, name.length), name, end]);
}

/** How long the reply is, as far as can be told: the address that the proxy dials from stands in it. A refusal is heard out at once. */
function replyLength(bytes: Buffer): number {
  const [, reply = 0, , kind, length = 0] = bytes;
  if (reply !== 0) return bytes.length;
  if (kind === undefined) return 5;
  if (kind === addresses.v4) return 10;
  if (kind === addresses.v6) return 22;
  // Of another kind nothing is known: what is there is the end of it.
  return kind === addresses.name ? 7 + length : bytes.length;
}

/** A message that begins with `first` and has the length that its own bytes say, 262 at most, and not a byte more. */
function exactly(socket: Socket, proxy: Proxy, first: number, sizeOf: (bytes: Buffer) => number): Promise<Buffer> {
  let kept = Buffer.alloc(0);
  return readWords(
    socket,
    (bytes) => {
      kept = Buffer.concat([kept, bytes]);
      // Who speaks something else is not waited for.
      if (kept[0] !== first) throw proxyUnreachable(proxy, 'it does not speak SOCKS5');
      const wanted = sizeOf(kept);
      if (kept.length < wanted) return null;
      // It has nothing to say unasked, and a relay never speaks first.
      if (kept.length > wanted) throw proxyUnreachable(proxy, 'it sent bytes behind its answer');
      return kept;
    },
    (why) => proxyUnreachable(proxy, why),
  );
}
