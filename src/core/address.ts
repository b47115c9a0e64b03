/** Addresses and networks: one spelling for each, v4-mapped v6 folded. */

/** `ip` is canonical (RFC 5952, v4-mapped folded to v4, no zone); `port` 0 when unknown. */
export type Address = Readonly<{ ip: string; port: number }>;

/** An IP address that was read strictly. `text` is its one spelling; `groups` are two (v4) or eight (v6) numbers of 16 bits. */
export type Ip = Readonly<{ version: 4 | 6; groups: readonly number[]; text: string }>;

/** All addresses that share the first `prefix` bits with `ip`. */
export type Network = Readonly<{ ip: Ip; prefix: number; text: string }>;

/** How far away somebody can be who reaches an address. */
export type Reach = 'machine' | 'network' | 'internet';

/**
 * Reads an address strictly: dotted decimal of four numbers without leading zeros, or RFC 4291 text.
 * Octal, hex, short forms, zones and brackets are null: other parsers read them as other addresses.
 */
export function parseIp(text: string): Ip | null {
  if (text.length > 45) return null;
  return text.includes(':') ? parseV6(text) : parseV4(text);
}

/** Reads `10.0.0.0/8`, `2001:db8::/32`, or a single address; bits after the prefix are cleared. */
export function parseNetwork(text: string): Network | null {
  const slash = text.indexOf('/');
  const ip = parseIp(slash === -1 ? text : text.slice(0, slash));
  if (ip === null) return null;
  // `::ffff:10.0.0.0/104` folds to v4 while its prefix counts v6 bits: nobody means it, so nobody gets it.
  if (ip.version === 4 && text.includes(':')) return slash === -1 ? network(ip, 32) : null;
  const bits = ip.version === 4 ? 32 : 128;
  if (slash === -1) return network(ip, bits);
  const prefix = decimal(text.slice(slash + 1), bits);
  return prefix === null ? null : network(ip, prefix);
}

/** Reads PageKite's `1.2.3` (all of 1.2.3.0/24), `1.2`, `1` and `1.2.3.4`; everything else as parseNetwork. */
export function parsePrefix(text: string): Network | null {
  const parts = text.endsWith('.') ? text.slice(0, -1).split('.') : text.split('.');
  if (parts.length > 3 || text.includes(':') || text.includes('/')) return parseNetwork(text);
  const padded = [...parts, ...Array.from({ length: 4 - parts.length }, () => '0')].join('.');
  const ip = parseV4(padded);
  return ip === null ? null : network(ip, parts.length * 8);
}

/** Whether `ip` lies in `network`. A v4 address never lies in a v6 network, nor the other way round. */
export function contains(network: Network, ip: Ip): boolean {
  if (network.ip.version !== ip.version) return false;
  let left = network.prefix;
  for (let at = 0; left > 0; at += 1, left -= 16) {
    const mask = left >= 16 ? 0xffff : (0xffff << (16 - left)) & 0xffff;
    if (((network.ip.groups[at] ?? 0) & mask) !== ((ip.groups[at] ?? 0) & mask)) return false;
  }
  return true;
}

/** 127.0.0.0/8 and ::1. */
export function isLoopback(ip: Ip): boolean {
  return loopback.some((network) => contains(network, ip));
}

/**
 * Whether an address is not a place on the public Internet: loopback, RFC 1918, carrier NAT, link-local, ULA,
 * documentation, multicast, and IPv6 that carries such a v4 address inside (NAT64, 6to4, Teredo's whole range).
 */
export function isPrivate(ip: Ip): boolean {
  if (special.some((network) => contains(network, ip))) return true;
  const inner = embedded(ip);
  return inner !== null && isPrivate(inner);
}

/** Whoever shares it counts as one: an IPv4 address, or the /64 of an IPv6 address, of which a household owns every address. */
export function householdOf(text: string): string {
  return text.includes(':') ? (parseNetwork(`${text}/64`)?.text ?? text) : text;
}

/** From where an address can be reached. The unspecified address listens everywhere, so it counts as the Internet. */
export function reachOf(ip: Ip): Reach {
  if (isLoopback(ip)) return 'machine';
  if (ip.groups.every((group) => group === 0)) return 'internet';
  return isPrivate(ip) ? 'network' : 'internet';
}

function parseV4(text: string): Ip | null {
  const parts = text.split('.');
  if (parts.length !== 4) return null;
  const bytes: number[] = [];
  for (const part of parts) {
    const byte = decimal(part, 255);
    if (byte === null) return null;
    bytes.push(byte);
  }
  const [a = 0, b = 0, c = 0, d = 0] = bytes;
  return v4((a << 8) | b, (c << 8) | d);
}

function v4(high: number, low: number): Ip {
  return { version: 4, groups: [high, low], text: `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}` };
}

function parseV6(text: string): Ip | null {
  const halves = text.split('::');
  if (halves.length > 2) return null;
  const head = groupsOf(halves[0] ?? '', halves.length === 1);
  const tail = halves.length === 2 ? groupsOf(halves[1] ?? '', true) : [];
  if (head === null || tail === null) return null;
  const missing = 8 - head.length - tail.length;
  // `::` stands for at least one group (RFC 5952, 4.2.2); writing it for none is read differently by parsers.
  if (halves.length === 2 ? missing < 1 : missing !== 0) return null;
  return v6([...head, ...Array.from({ length: missing }, () => 0), ...tail]);
}

/** Colon-separated groups; the last may be dotted decimal where `dotted`. Null when malformed. */
function groupsOf(text: string, dotted: boolean): number[] | null {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [index, part] of parts.entries()) {
    if (dotted && index === parts.length - 1 && part.includes('.')) {
      const inner = parseV4(part);
      if (inner === null) return null;
      groups.push(...inner.groups);
    } else {
      const group = hexadecimal(part);
      if (group === null) return null;
      groups.push(group);
    }
  }
  return groups.length > 8 ? null : groups;
}

function v6(groups: readonly number[]): Ip {
  const mapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  if (mapped) return v4(groups[6] ?? 0, groups[7] ?? 0);
  return { version: 6, groups, text: v6Text(groups) };
}

/** RFC 5952: lower case, no leading zeros, the first longest run of two or more zero groups becomes `::`. */
function v6Text(groups: readonly number[]): string {
  let best = -1;
  let bestLength = 1;
  for (let at = 0; at < 8; at += 1) {
    let length = 0;
    while (groups[at + length] === 0) length += 1;
    if (length > bestLength) [best, bestLength] = [at, length];
  }
  const hex = groups.map((group) => group.toString(16));
  if (best === -1) return hex.join(':');
  return `${hex.slice(0, best).join(':')}::${hex.slice(best + bestLength).join(':')}`;
}

function network(ip: Ip, prefix: number): Network {
  const groups = ip.groups.map((group, at) => group & (0xffff << Math.min(16, Math.max(0, 16 - (prefix - at * 16)))) & 0xffff);
  // Not v6(): a network such as ::/0 keeps its version whatever its bits say.
  const first: Ip = ip.version === 4 ? v4(groups[0] ?? 0, groups[1] ?? 0) : { version: 6, groups, text: v6Text(groups) };
  return { ip: first, prefix, text: `${first.text}/${prefix}` };
}

/** A v4 address inside NAT64 (RFC 6052), 6to4 (RFC 3056) or the deprecated v4-compatible range. */
function embedded(ip: Ip): Ip | null {
  const [a = 0, b = 0, c = 0] = ip.groups;
  if (ip.version === 4) return null;
  const tail = v4(ip.groups[6] ?? 0, ip.groups[7] ?? 0);
  if (a === 0x64 && b === 0xff9b) return tail;
  if (a === 0x2002) return v4(b, c);
  return null;
}

/** Digits only, no leading zero, at most `max`. */
function decimal(text: string, max: number): number | null {
  if (text.length === 0 || text.length > 3 || (text.length > 1 && text.startsWith('0'))) return null;
  let value = 0;
  for (let at = 0; at < text.length; at += 1) {
    const digit = text.charCodeAt(at) - 48;
    if (digit < 0 || digit > 9) return null;
    value = value * 10 + digit;
  }
  return value <= max ? value : null;
}

function hexadecimal(text: string): number | null {
  if (text.length === 0 || text.length > 4) return null;
  for (let at = 0; at < text.length; at += 1) {
    if (!'0123456789abcdefABCDEF'.includes(text.charAt(at))) return null;
  }
  return Number.parseInt(text, 16);
}

function networks(texts: readonly string[]): readonly Network[] {
  return texts.map(parseNetwork).filter((network) => network !== null);
}

const loopback = networks(['127.0.0.0/8', '::1']);

/** IANA's special-purpose registries (RFC 6890), what is not globally reachable, with multicast and reserved space. */
const special = networks([
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24'],
  ...['192.0.2.0/24', '192.88.99.0/24', '192.168.0.0/16', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/3'],
  ...['::/96', '64:ff9b:1::/48', '100::/64', '2001::/23', '2001:db8::/32', '3fff::/20', '5f00::/16'],
  ...['fc00::/7', 'fe80::/10', 'fec0::/10', 'ff00::/8'],
]);

/** `host:port` as it stands in addresses: an IPv6 host in brackets (RFC 3986, 3.2.2). */
export function hostPort(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
