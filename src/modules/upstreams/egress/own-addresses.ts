/** The addresses and networks of this machine's interfaces, and where we listen on them: read again when what is known grew old. */

import { contains, isLoopback, parseIp, parseNetwork, type Ip, type Network } from '../../../core/address.ts';
import type { Here } from '../../../core/egress/policy.ts';

export type OwnAddressesOptions = Readonly<{
  /** Each as `address/prefix`, as the system has it now. */
  interfaces: () => readonly string[];
  listening: () => readonly Readonly<{ host: string; port: number }>[];
  now: () => number;
  ageMs: number;
}>;

/** A tunnel's interface may claim the whole Internet as its network: that is a route, not neighbours. */
const prefixMin = { 4: 8, 6: 16 } as const;

export function ownAddresses({ interfaces, listening, now, ageMs }: OwnAddressesOptions): Here {
  let readAt = -Infinity;
  let own: ReadonlySet<string> = new Set();
  let networks: readonly Network[] = [];
  const fresh = (): void => {
    const at = now();
    if (at - readAt < ageMs && at >= readAt) return;
    readAt = at;
    const all = interfaces();
    own = new Set(all.map((text) => parseIp(text.split('/')[0] ?? '')?.text).filter((text) => text !== undefined));
    networks = all
      .map(parseNetwork)
      .filter((network) => network !== null)
      .filter(({ ip, prefix }) => prefix >= prefixMin[ip.version]);
  };
  const isOwn = (ip: Ip): boolean => {
    fresh();
    return isLoopback(ip) || own.has(ip.text);
  };
  return {
    isOwn,
    isOnLink: (ip) => {
      fresh();
      return networks.some((network) => contains(network, ip));
    },
    // To dial the unspecified address, or any loopback one where we listen on all, is to dial ourselves.
    isListening: (ip, port) => listening().some((door) => door.port === port && (isUnspecified(ip) || isSame(door.host, ip, isOwn))),
  };
}

function isSame(host: string, ip: Ip, isOwn: (ip: Ip) => boolean): boolean {
  const at = parseIp(host);
  // `localhost`, and all addresses of this machine.
  if (at === null || isUnspecified(at)) return isOwn(ip);
  return at.text === ip.text || (isLoopback(at) && isLoopback(ip));
}

function isUnspecified(ip: Ip): boolean {
  return ip.groups.every((group) => group === 0);
}
