/** Ports of a relay are held like names: these say what differs. */

import { canonicalHost } from '../core/http/host.ts';
import { readPortName } from '../core/port-name.ts';
import type { Grants, Visitor } from '../contracts/tunnel.ts';

/** Whether somebody can hold it: a canonical name, a wildcard, or a port. */
export function isHoldable(name: string): boolean {
  const host = name.startsWith('*.') ? name.slice(2) : name;
  return canonicalHost(host) === host || readPortName(name) !== null;
}

/** Whether this key may hold the name or the port at this moment. */
export function mayHold(grants: Grants, fingerprint: string, name: string): boolean {
  const port = readPortName(name);
  return port === null ? grants.owns(fingerprint, name) : grants.ownsPort(fingerprint, port.port);
}

/** Under which word a grant counts streams to it. */
export function grantedAs(name: string): string | number {
  return readPortName(name)?.port ?? name;
}

/** Where a visitor is for certain: null for UDP, where a first datagram may say any address. */
export function provedAddress({ sni, from }: Visitor): string | null {
  return readPortName(sni ?? '')?.transport === 'udp' ? null : from.ip;
}
