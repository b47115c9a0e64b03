/** The loopback address from which a service is dialled, so that it does not take visitors for local ones. */

import { createHash } from 'node:crypto';
import { parseIp } from '../../core/address.ts';

/**
 * Linux answers for all of 127.0.0.0/8 without set-up, macOS and Windows for 127.0.0.1 only. Each service
 * has an address of its own, so that its log and its rules can tell them apart, and ports are not shared.
 * @param host what is dialled; only loopback can be dialled from loopback
 * @returns `127.83.x.y` (1 to 254 each), or null where the system must choose
 */
export function ownSource(name: string, host: string, platform: string): string | null {
  if (platform !== 'linux') return null;
  const ip = parseIp(host);
  if (
    ip === null
      ? host !== 'localhost' && !host.endsWith('.localhost')
      : ip.version !== 4 || ip.groups[0] === undefined || ip.groups[0] >> 8 !== 127
  )
    return null;
  const digest = createHash('sha256').update(name).digest();
  return `127.83.${1 + ((digest[0] ?? 0) % 254)}.${1 + ((digest[1] ?? 0) % 254)}`;
}
