/** Which addresses a door for one address lets in. */

import { parseIp, parseNetwork } from '../address.ts';

/**
 * The address itself, as a network; of an IPv6 address its first `prefix6` bits. A v4-mapped address is the IPv4 address.
 * Null for what is no address: nobody is let in by it.
 * @example doorNetwork('::ffff:192.0.2.7', 64) // '192.0.2.7/32'
 */
export function doorNetwork(ip: string, prefix6: number): string | null {
  const address = parseIp(ip);
  if (address === null || address.groups.every((group) => group === 0)) return null;
  return parseNetwork(`${address.text}/${address.version === 4 ? 32 : prefix6}`)?.text ?? null;
}
