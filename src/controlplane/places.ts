/** Where a service can be reached: its names at a relay and on this machine's own doors, and how far each reaches. */

import { parseIp, reachOf, type Reach } from '../core/address.ts';

/** A relay that this gateway is at. `root` is the name it was granted: `localhost` for an embedded one, `ana.example.org` for a joined one. */
export type RelayPlace = Readonly<{ host: string; port: number; root: string; embedded: boolean; reach: Reach }>;

export type DoorPlace = Readonly<{ scheme: 'http' | 'https'; host: string; port: number }>;

/** One address of one service, and how we dial it ourselves. */
export type Place = Readonly<{
  service: string;
  url: string;
  /** The canonical host that stands in the address. */
  host: string;
  dial: Readonly<{ host: string; port: number }>;
  tls: boolean;
  reach: Reach;
}>;

export type PlacesInput = Readonly<{
  service: string;
  /** Canonical names it answers to; empty for every name. */
  hosts: readonly string[];
  doors: readonly DoorPlace[];
  relay: RelayPlace | null;
  /** Addresses of this machine's network interfaces. */
  machine: readonly string[];
}>;

/** The name of a service at a relay: the granted name itself for the service of that name, a name below it for any other. */
export function relayName(service: string, relay: RelayPlace): string {
  return !relay.embedded && relay.root.startsWith(`${service}.`) ? relay.root : `${service}.${relay.root}`;
}

/** The address that is shown and checked: by the relay where there is one, else by the first door with TLS, else by any. Null when nobody can come. */
export function placeOf(input: PlacesInput): Place | null {
  const { service, relay } = input;
  if (relay !== null) {
    const host = input.hosts.find((name) => name === relay.root || name.endsWith(`.${relay.root}`)) ?? relayName(service, relay);
    return {
      service,
      host,
      url: urlOf('https', host, relay.port),
      dial: { host: relay.host, port: relay.port },
      tls: true,
      reach: relay.reach,
    };
  }
  const door = input.doors.find((each) => each.scheme === 'https') ?? input.doors[0];
  if (door === undefined) return null;
  const reached = reachedHost(door.host, input.machine);
  const host = input.hosts[0] ?? reached;
  return {
    service,
    host,
    url: urlOf(door.scheme, host, door.port),
    dial: { host: reached, port: door.port },
    tls: door.scheme === 'https',
    reach: reachOfHost(reached),
  };
}

/** The addresses that a certificate must name for visitors who dial one: those of the doors with TLS. */
export function doorAddresses(doors: readonly DoorPlace[], machine: readonly string[]): readonly string[] {
  const found = new Set<string>();
  for (const { scheme, host } of doors) {
    if (scheme !== 'https') continue;
    const ip = parseIp(host);
    if (ip === null || isWildcard(host)) for (const each of ['127.0.0.1', '::1', ...(ip === null ? [] : machine)]) found.add(each);
    else found.add(ip.text);
  }
  return [...found];
}

function urlOf(scheme: 'http' | 'https', host: string, port: number): string {
  const usual = scheme === 'https' ? 443 : 80;
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}${port === usual ? '' : `:${port}`}`;
}

function isWildcard(host: string): boolean {
  return parseIp(host)?.groups.every((group) => group === 0) ?? false;
}

/** What somebody dials to reach a listening address: a wildcard is reached at the machine's own. */
function reachedHost(host: string, machine: readonly string[]): string {
  if (!isWildcard(host)) return host;
  const wanted = host.includes(':') ? 6 : 4;
  return machine.find((each) => parseIp(each)?.version === wanted) ?? machine[0] ?? (wanted === 4 ? '127.0.0.1' : '::1');
}

function reachOfHost(host: string): Reach {
  const ip = parseIp(host);
  return ip === null ? 'machine' : reachOf(ip);
}
