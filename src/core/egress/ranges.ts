/** Addresses that are no place on the public Internet, as somebody who is led out must not reach them unless they are named. */

import { contains, isPrivate, parseIp, parseNetwork, type Ip, type Network } from '../address.ts';

/**
 * Loopback, link-local, RFC 1918, carrier NAT, ULA, documentation, multicast, and everything of IPv6 that is no global unicast
 * address (2000::/3). Ways to write an IPv4 address as an IPv6 one (NAT64, 6to4, ISATAP) count whole: a list of networks that
 * is denied would not hold for the other spelling.
 */
export function isSpecial(ip: Ip): boolean {
  if (isPrivate(ip) || isMetadata(ip)) return true;
  if (ip.version === 4) return false;
  return !globalUnicast.some((network) => contains(network, ip)) || translated.some((network) => contains(network, ip)) || isIsatap(ip);
}

/** Where clouds hand out credentials to whoever asks. Opened by their very address only, never by a network around it. */
export function isMetadata(ip: Ip): boolean {
  return metadata.has(ip.text);
}

/** The IPv4 address that is meant by an IPv6 one, or null. A mapped one was read as IPv4 from the beginning. */
export function innerOf(ip: Ip): Ip | null {
  if (ip.version === 4) return null;
  const [a = 0, b = 0, c = 0] = ip.groups;
  const tail = v4Of(ip.groups[6] ?? 0, ip.groups[7] ?? 0);
  if (a === 0x64 && b === 0xff9b) return tail;
  if (a === 0x2002) return v4Of(b, c);
  // RFC 4380, 4: the client's address with every bit turned.
  if (a === 0x2001 && b === 0) return v4Of((ip.groups[6] ?? 0) ^ 0xffff, (ip.groups[7] ?? 0) ^ 0xffff);
  return isIsatap(ip) || ip.groups.slice(0, 6).every((group) => group === 0) ? tail : null;
}

/** RFC 5214, 6.1: the interface's part is 0000:5efe or 0200:5efe and the IPv4 address. */
function isIsatap({ version, groups }: Ip): boolean {
  return version === 6 && ((groups[4] ?? 0) & 0xfdff) === 0 && groups[5] === 0x5efe;
}

function v4Of(high: number, low: number): Ip | null {
  return parseIp(`${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`);
}

function networks(texts: readonly string[]): readonly Network[] {
  return texts.map(parseNetwork).filter((network) => network !== null);
}

const globalUnicast = networks(['2000::/3']);
/** RFC 6052, RFC 3056. */
const translated = networks(['64:ff9b::/96', '2002::/16']);
/** AWS (and most others), its IPv6, its container credentials, its time and DNS; Alibaba; Azure's wire server; Oracle. */
const metadata: ReadonlySet<string> = new Set([
  ...['169.254.169.254', 'fd00:ec2::254', '169.254.170.2', '169.254.170.23', 'fd00:ec2::23', '169.254.169.253', 'fd00:ec2::253'],
  ...['100.100.100.200', '168.63.129.16', '192.0.0.192', 'fd20:ce::254'],
]);
