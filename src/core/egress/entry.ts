/** One entry of a list of destinations: a name or a pattern of names, an address or a network, with ports, methods and people. */

import { contains, parseNetwork, type Ip, type Network } from '../address.ts';
import { canonicalHost, parsePort } from '../http/host.ts';
import type { Destination } from './destination.ts';

export const entryExpected =
  'HOST, HOST:PORT, a network or private, like *.example.org, git.example.org:22, 192.0.2.0/24:80-90 or [2001:db8::/32]:443';

type Target =
  | Readonly<{ is: 'any' | 'private' }>
  /** Labels from the right; a first one of `*` alone stands for one or more. */
  | Readonly<{ is: 'name'; pattern: readonly string[] }>
  | Readonly<{ is: 'network'; network: Network }>;

type Ports = readonly (readonly [from: number, to: number])[];

export type Entry = Readonly<{
  /** As it was written: for logs and `explain`. */
  text: string;
  target: Target;
  /** Null: where it allows, those that are usual for the way; where it denies, all. */
  ports: Ports | null;
  /** Null for all. */
  methods: readonly string[] | null;
  /** Subjects (`user:ana`, `key:ci`) and roles (`role:partners`); null for everybody. */
  who: readonly string[] | null;
}>;

export type EntryLimits = Readonly<{ methods?: readonly string[] | undefined; who?: readonly string[] | undefined }>;

/** How many ranges of ports one entry may have. */
const rangesMax = 32;

/** Null for what is none. A name is taken as it is compared: ASCII, in lower case. */
export function parseEntry(text: string, { methods, who }: EntryLimits = {}): Entry | null {
  const parts = split(text);
  if (parts === null) return null;
  const target = targetOf(parts.host);
  const ports = parts.ports === null ? null : portsOf(parts.ports);
  if (target === null || ports === undefined) return null;
  return { text, target, ports, methods: methods ?? null, who: who ?? null };
}

/** `HOST` and what follows its colon. A bare IPv6 network has colons of its own and no port. */
function split(text: string): Readonly<{ host: string; ports: string | null }> | null {
  if (text.startsWith('[')) {
    const end = text.indexOf(']');
    if (end === -1) return null;
    const rest = text.slice(end + 1);
    if (rest !== '' && !rest.startsWith(':')) return null;
    const host = text.slice(1, end);
    return host.includes(':') ? { host, ports: rest === '' ? null : rest.slice(1) } : null;
  }
  const colon = text.indexOf(':');
  if (colon === -1 || text.includes(':', colon + 1)) return { host: text, ports: null };
  return { host: text.slice(0, colon), ports: text.slice(colon + 1) };
}

function targetOf(host: string): Target | null {
  if (host === '*') return { is: 'any' };
  if (host === 'private') return { is: 'private' };
  const network = parseNetwork(host);
  if (network !== null) return { is: 'network', network };
  if (host.includes('/') || host.includes(':')) return null;
  // A star is a character of a label like others, as far as the form goes.
  if (/\*[^.]*\*/.test(host) || canonicalHost(host.replaceAll('*', 'x')) === null) return null;
  const name = host.toLowerCase().replace(/\.$/, '');
  return { is: 'name', pattern: name.split('.').toReversed() };
}

function portsOf(text: string): Ports | undefined {
  if (text === '*') return [[1, 65_535]];
  const ranges = text.split(',');
  if (ranges.length > rangesMax) return undefined;
  const read = ranges.map((range): readonly [number, number] | null => {
    const [first = '', last = first, more] = range.split('-');
    const [from, to] = [parsePort(first), parsePort(last)];
    return more !== undefined || from === undefined || to === undefined || from < 1 || to < from ? null : [from, to];
  });
  const ports = read.filter((range) => range !== null);
  return ports.length === ranges.length ? ports : undefined;
}

/** Whether an entry speaks of this name. `private` and networks speak of addresses. */
export function namesHost({ target }: Entry, host: string): boolean {
  if (target.is === 'any') return true;
  return target.is === 'name' && matches(target.pattern, host.split('.').toReversed());
}

/** The hosts that an entry names, as browsers write patterns; null for addresses. */
export function hostPattern({ target }: Entry): string | null {
  if (target.is === 'any') return '*';
  return target.is === 'name' ? target.pattern.toReversed().join('.') : null;
}

/** Whether an entry is a network that holds this address. */
export function holdsAddress({ target }: Entry, ip: Ip): boolean {
  return target.is === 'network' && contains(target.network, ip);
}

/** @param usual the ports that an entry without ports means; null for all */
export function isOfPort({ ports }: Entry, port: number, usual: readonly number[] | null): boolean {
  if (ports !== null) return ports.some(([from, to]) => port >= from && port <= to);
  return usual === null || usual.includes(port);
}

export function isOfMethod({ methods }: Entry, { method }: Destination): boolean {
  return methods === null || methods.includes(method);
}

export function isOfWho({ who }: Entry, subject: string | null, roles: readonly string[]): boolean {
  if (who === null) return true;
  return who.some((each) => each === subject || roles.some((role) => each === `role:${role}`));
}

/** Both from the right. In linear time: one star a label, and one label of stars. */
function matches(pattern: readonly string[], labels: readonly string[]): boolean {
  for (const [at, part] of pattern.entries()) {
    const label = labels[at];
    if (label === undefined) return false;
    if (part === '*' && at === pattern.length - 1) return true;
    const star = part.indexOf('*');
    const [head, tail] = star === -1 ? [part, null] : [part.slice(0, star), part.slice(star + 1)];
    if (tail === null ? label !== head : label.length <= head.length + tail.length - 1 || !label.startsWith(head) || !label.endsWith(tail))
      return false;
  }
  return labels.length === pattern.length;
}
