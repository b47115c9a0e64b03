/** Where a service can be reached: its names at a relay and on this machine's own doors, and how far each reaches. */

import { hostPort, parseIp, reachOf, type Reach } from '../core/address.ts';
import { portName, readPortName, type RelayPort } from '../core/port-name.ts';

/** A relay that this gateway is at. */
export type RelayPlace = Readonly<{
  /** HOST:PORT: what it is called where there are several. */
  address: string;
  host: string;
  port: number;
  /** The name it was granted: `localhost` for an embedded one, `ana.example.org` for a joined one. */
  root: string;
  /** What the relay's names are below. */
  domain: string;
  embedded: boolean;
  reach: Reach;
}>;

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
  /** By which relay, as its `address`; null at a door of our own. */
  relay: string | null;
}>;

export type PlacesInput = Readonly<{
  service: string;
  /** Canonical names it answers to; empty for every name. */
  hosts: readonly string[];
  doors: readonly DoorPlace[];
  relays: readonly RelayPlace[];
  /** Whether that relay has said that this name is none of ours. */
  isRefused: (relay: RelayPlace, name: string) => boolean;
  /** Addresses of this machine's network interfaces. */
  machine: readonly string[];
}>;

/** The name of a service at a relay: the granted name itself for the service of that name, a name below it for any other. */
export function relayName(service: string, relay: RelayPlace): string {
  return !relay.embedded && relay.root.startsWith(`${service}.`) ? relay.root : `${service}.${relay.root}`;
}

/**
 * All names of a service. One label (`at: shop`) is a name at each relay, as the service's own name is. A relay that none of
 * the names given is at has no address for it: who writes names of one relay means that one.
 */
export function namesOf(
  { name, at }: Readonly<{ name: string; at: readonly string[] }>,
  relays: readonly RelayPlace[],
  hasDoors: boolean,
): readonly string[] {
  const said = at.flatMap((each) =>
    relays.length > 0 && isLabel(each) ? [...(hasDoors ? [each] : []), ...relays.map((relay) => relayName(each, relay))] : [each],
  );
  const meant = relays.filter((relay) => said.some((each) => isNameAt(each, relay, relays)));
  return [...new Set([...said, ...(meant.length === 0 ? relays : meant).map((relay) => relayName(name, relay))])];
}

/** Whether a relay is told this name: one of its own, or one that may be its guest's, since it is no other relay's. */
export function isNameAt(name: string, relay: RelayPlace, relays: readonly RelayPlace[]): boolean {
  // A port is asked for at each: which of them has granted it is theirs to say.
  if (isOf(name, relay) || readPortName(name) !== null) return true;
  return !relay.embedded && name.includes('.') && !relays.some((other) => isOf(name, other));
}

function isOf(name: string, { root, domain, embedded }: RelayPlace): boolean {
  return isBelow(name, root) || (!embedded && isBelow(name, domain));
}

function isBelow(name: string, above: string): boolean {
  return name === above || name.endsWith(`.${above}`);
}

function isLabel(name: string): boolean {
  return name !== 'localhost' && /^[a-z0-9-]+$/.test(name);
}

/** The addresses that are shown and checked: one at each relay where there are any, else the first door with TLS, else any. None when nobody can come. */
export function placesOf(input: PlacesInput): readonly Place[] {
  const { service, relays, isRefused } = input;
  if (relays.length > 0) {
    return relays.flatMap((relay): readonly Place[] => {
      const names = input.hosts.filter((name) => isNameAt(name, relay, relays));
      if (names.length === 0 && input.hosts.length > 0) return [];
      const host = names.find((name) => !isRefused(relay, name)) ?? relayName(service, relay);
      const { address, port, reach } = relay;
      const dial = { host: relay.host, port };
      return [{ service, host, url: urlOf('https', host, port), dial, tls: true, reach, relay: address }];
    });
  }
  const door = input.doors.find((each) => each.scheme === 'https') ?? input.doors[0];
  if (door === undefined) return [];
  const reached = reachedHost(door.host, input.machine);
  const host = input.hosts[0] ?? reached;
  return [
    {
      service,
      host,
      url: urlOf(door.scheme, host, door.port),
      dial: { host: reached, port: door.port },
      tls: door.scheme === 'https',
      reach: reachOfHost(reached),
      relay: null,
    },
  ];
}

/** How far the farthest of these relays reaches; null without one. */
export function farthest(relays: readonly RelayPlace[]): Reach | null {
  const reaches = new Set(relays.map(({ reach }) => reach));
  return (['internet', 'network', 'machine'] as const).find((reach) => reaches.has(reach)) ?? null;
}

/** Where a port of each relay is reached; where some have refused it, at the others. */
export function portPlacesOf(
  { service, relays, isRefused }: Pick<PlacesInput, 'service' | 'relays' | 'isRefused'>,
  port: RelayPort,
): readonly Place[] {
  const willing = relays.filter((relay) => !isRefused(relay, portName(port)));
  return (willing.length === 0 ? relays : willing).map(({ host, reach, address }) => {
    const url = `${port.transport}://${hostPort(host, port.port)}`;
    return { service, host, url, dial: { host, port: port.port }, tls: false, reach, relay: address };
  });
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
