/** Which of several certificates a name gets. */

import type { Material } from '../../contracts/certificate.ts';
import { isLoopback, parseIp } from '../../core/address.ts';

/**
 * For a canonical host: one that names it, before one with a wildcard above it. For none (a client that sends no name): the
 * operator's default, or else one that names an address of `names` that others can dial. Of several, those in time first, and
 * then whichever lasts longest: a renewed one goes before the old one. Null where there is none.
 */
export function chosenFor(materials: readonly Material[], host: string | null, names: readonly string[], now: number): Material | null {
  if (host === null) {
    const byDefault = materials.filter(({ isDefault }) => isDefault === true);
    const dialled = names.filter((name) => !isOwnAddress(name));
    return longest(byDefault, null, now) ?? longest(materials, dialled, now);
  }
  const wildcard = wildcardOf(host);
  return longest(materials, [host], now) ?? (wildcard === null ? null : longest(materials, [wildcard], now));
}

/** RFC 9525, 6.3: a wildcard stands for one label. Null where there is no label to spare. */
export function wildcardOf(host: string): string | null {
  const dot = host.indexOf('.');
  return dot <= 0 || host.startsWith('*') || parseIp(host) !== null ? null : `*.${host.slice(dot + 1)}`;
}

/** Of those that have one of the names; of all where no name is asked for. */
function longest(materials: readonly Material[], names: readonly string[] | null, now: number): Material | null {
  let best: Material | null = null;
  for (const each of materials) {
    if (names !== null && !names.some((name) => each.names.includes(name))) continue;
    if (best === null || rank(each, now) > rank(best, now)) best = each;
  }
  return best;
}

/** What is not in time yet comes after what is. */
function rank({ notBefore, notAfter }: Material, now: number): number {
  return notBefore > now ? -notBefore : notAfter;
}

function isOwnAddress(name: string): boolean {
  const ip = parseIp(name);
  return ip !== null && isLoopback(ip);
}
