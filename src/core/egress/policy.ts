/** Where a proxy may lead: judged twice, by the name before anybody is asked for it, and by each address before it is dialled. */

import { isLoopback, type Ip } from '../address.ts';
import type { Code } from '../errors.ts';
import { literalOf, type Destination } from './destination.ts';
import { holdsAddress, isOfMethod, isOfPort, isOfWho, namesHost, type Entry } from './entry.ts';
import { innerOf, isMetadata, isSpecial } from './ranges.ts';

export type DestinationPolicy = Readonly<{
  /** Empty: everything public, at the usual ports. */
  allow: readonly Entry[];
  deny: readonly Entry[];
}>;

/** Who wants to go where. */
export type Wanted = Readonly<{ to: Destination; subject: string | null; roles: readonly string[] }>;

/** What is known of this machine at this moment. */
export type Here = Readonly<{
  /** An address of one of its interfaces. */
  isOwn: (ip: Ip) => boolean;
  /** On a network that one of its interfaces is directly on. */
  isOnLink: (ip: Ip) => boolean;
  /** Where we listen ourselves, on an address of this machine or on all of them. */
  isListening: (ip: Ip, port: number) => boolean;
}>;

/** `rule`: the entry that decided, as it was written; null for the rules that always hold. */
export type Ruling = Readonly<{ is: 'pass' | 'deny'; why: string; rule: string | null }>;

/** All that was decided about a destination, for `explain`: `code` as the record would have it. */
export type Ruled = Readonly<{ verdict: 'pass' | 'deny'; code: Code | null; why: string; rule: string | null }>;

/** Names below these are inside of some network by their very meaning (RFC 6761, 6762, 7686, 8375, ICANN's .internal). */
const insideSuffixes = [
  ...['localhost', 'local', 'internal', 'intranet', 'private', 'corp', 'home', 'lan', 'home.arpa', 'localdomain', 'onion', 'test'],
  ...['invalid', 'in-addr.arpa', 'ip6.arpa'],
];

/** What an entry without ports means where it allows: a tunnel may hold anything, so its port says what it is for. */
const usualPorts: Readonly<Record<Destination['way'], readonly number[]>> = { http: [80], connect: [443], socks5: [80, 443], udp: [443] };

/**
 * Before the resolver is asked: a name that may not be asked for is not even looked up. What passes is not allowed yet: its
 * addresses are judged next. A literal address passes here.
 */
export function judgeName(policy: DestinationPolicy, wanted: Wanted): Ruling {
  const { host } = wanted.to;
  if (literalOf(wanted.to) !== null) return passing(null);
  const denied = policy.deny.find((entry) => namesHost(entry, host) && concerns(entry, wanted, null));
  if (denied !== undefined) return denying('it is on the list of what is denied', denied);
  const usual = usualPorts[wanted.to.way];
  const named = policy.allow.find((entry) => namesHost(entry, host) && concerns(entry, wanted, usual));
  if (
    isInside(host) &&
    !policy.allow.some((entry) => entry.target.is === 'name' && namesHost(entry, host) && concerns(entry, wanted, usual))
  )
    return denying('its name belongs to an inner network', null);
  if (named !== undefined) return passing(named);
  if (policy.allow.length === 0) return byPort(wanted);
  const perhaps = policy.allow.some((entry) => entry.target.is === 'network' && concerns(entry, wanted, usual));
  return perhaps ? passing(null) : denying('nothing on the list of what is allowed names it', null);
}

/** One address of the destination, right before it is dialled. */
export function judgeAddress(policy: DestinationPolicy, wanted: Wanted, ip: Ip, here: Here): Ruling {
  const { host, port } = wanted.to;
  if (here.isListening(ip, port)) return denying('it is an address of this gateway itself', null);
  const inner = innerOf(ip);
  const spellings = inner === null ? [ip] : [ip, inner];
  const isNear = (each: Ip): boolean => isSpecial(each) || here.isOwn(each) || here.isOnLink(each);
  const denied = policy.deny.find(
    (entry) => concerns(entry, wanted, null) && (entry.target.is === 'any' || spellings.some((each) => holdsAddress(entry, each))),
  );
  if (denied !== undefined) return denying('its address is on the list of what is denied', denied);
  const usual = usualPorts[wanted.to.way];
  const allowed = policy.allow.filter((entry) => concerns(entry, wanted, usual));
  for (const each of spellings) {
    if (!isNear(each)) continue;
    const opener = allowed.find((entry) => holdsAddress(entry, each) && opensInside(entry, each));
    if (opener === undefined) return denying(insideWords(each, here), null);
  }
  const holding = allowed.find((entry) => holdsAddress(entry, ip));
  if (holding !== undefined) return passing(holding);
  const isLiteral = literalOf(wanted.to) !== null;
  const named = allowed.find((entry) => (isLiteral ? entry.target.is === 'any' : namesHost(entry, host)));
  if (named !== undefined) return passing(named);
  return policy.allow.length === 0 ? byPort(wanted) : denying('nothing on the list of what is allowed holds its address', null);
}

/** A network around the whole Internet opens nothing inside, and no network opens where clouds keep their credentials. */
function opensInside({ target }: Entry, ip: Ip): boolean {
  if (target.is !== 'network') return false;
  const { prefix } = target.network;
  if (isMetadata(ip)) return prefix === (ip.version === 4 ? 32 : 128);
  return prefix >= (ip.version === 4 ? 8 : 7);
}

function concerns(entry: Entry, { to, subject, roles }: Wanted, usual: readonly number[] | null): boolean {
  return isOfPort(entry, to.port, usual) && isOfMethod(entry, to) && isOfWho(entry, subject, roles);
}

/** One label is looked up nowhere but in a network of one's own; the rest is inside by its suffix. */
function isInside(host: string): boolean {
  return !host.includes('.') || insideSuffixes.some((suffix) => host.endsWith(`.${suffix}`) || host === suffix);
}

function insideWords(ip: Ip, here: Here): string {
  if (isMetadata(ip)) return 'its address is where a cloud keeps its credentials';
  if (isLoopback(ip) || here.isOwn(ip)) return 'its address is this machine';
  return isSpecial(ip) ? 'its address is no public one' : 'its address is on a network of this machine';
}

function byPort({ to }: Wanted): Ruling {
  const usual = usualPorts[to.way];
  return usual.includes(to.port) ? passing(null) : denying(`port ${to.port} is not ${usual.join(' or ')}, and no entry names it`, null);
}

function passing(entry: Entry | null): Ruling {
  return { is: 'pass', why: 'it may be reached', rule: entry?.text ?? null };
}

function denying(why: string, entry: Entry | null): Ruling {
  return { is: 'deny', why, rule: entry?.text ?? null };
}
