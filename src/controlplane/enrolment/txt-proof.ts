/** Who holds a name outside of the relay's domain: whose key its DNS names, in a TXT record at `_sallyport.NAME`. */

import { Resolver, getServers } from 'node:dns';
import { hostPort, parseIp } from '../../core/address.ts';

/** Asks one name server for the TXT records of a name: each a list of its strings. Rejects with the resolver's `code`. */
export type TxtResolver = (name: string) => Promise<readonly (readonly string[])[]>;

/**
 * `proved`: the record is there. `absent`: the name servers say that it is not. `unknown`: they say nothing, or not all the
 * same. Only the first is a proof, and only the second says that there is none any more.
 */
export type Proof = 'proved' | 'absent' | 'unknown';

const prefix = '_sallyport.';
/** RFC 1035, 2.3.4: 255 bytes with the length bytes. */
const nameCharsMax = 253;
/** A record has one string of 74 characters; other things may stand beside it, but not a haystack. */
const recordsMax = 16;
const recordCharsMax = 255;
/** Each system resolver is asked once within this time. */
const lookupMs = 4_000;
/** Of the system's; an operator may write more. */
const resolversMost = 3;
export const nameServersMax = 8;

/** Where the record stands for this name, `*.` left away; null when there is no room for it. */
export function proofNameOf(name: string): string | null {
  const at = prefix + (name.startsWith('*.') ? name.slice(2) : name);
  return at.length > nameCharsMax ? null : at;
}

/** What the record says. */
export function proofTextOf(fingerprint: string): string {
  return `sallyport=${fingerprint}`;
}

/** Reads the address of a name server, with a port where it is not 53, into what `resolverAt` takes; null for anything else. */
export function readNameServer(text: string): string | null {
  const bare = parseIp(text);
  if (bare !== null) return bare.text;
  const [, host = '', port = ''] = /^(.+):([1-9]\d{0,4})$/.exec(text) ?? [];
  const ip = parseIp(host.replace(/^\[(.*)\]$/, '$1'));
  return ip === null || host.includes(':') !== host.startsWith('[') || Number(port) > 65_535 ? null : hostPort(ip.text, Number(port));
}

/** The machine's own name servers, each for itself. */
export function systemResolvers(): readonly TxtResolver[] {
  return getServers()
    .slice(0, resolversMost)
    .map((server) => resolverAt(server));
}

/** @param server an address, with a port where it is not 53: `192.0.2.53`, `[2001:db8::53]:5353` */
export function resolverAt(server: string, timeoutMs = lookupMs): TxtResolver {
  const resolver = new Resolver({ timeout: timeoutMs, tries: 1 });
  resolver.setServers([server]);
  return (name) =>
    new Promise((resolve, reject) => {
      // A server that dribbles is as silent as one that is away.
      const late = setTimeout(() => resolver.cancel(), 2 * timeoutMs);
      late.unref();
      resolver.resolveTxt(name, (error, records) => {
        clearTimeout(late);
        if (error === null) resolve(records);
        else reject(error);
      });
    });
}

/**
 * Asks all of them. A first proof needs every one to say so; `again`, for a name that was proved before, none may say
 * otherwise: one server that is away or lies neither gives a name nor takes it.
 */
export async function proofOf(
  resolvers: readonly TxtResolver[],
  { name, fingerprint, again }: Readonly<{ name: string; fingerprint: string; again: boolean }>,
): Promise<Proof> {
  const at = proofNameOf(name);
  if (at === null) return 'absent';
  const said = new Set(await Promise.all(resolvers.map((resolver) => ask(resolver, at, proofTextOf(fingerprint)))));
  if (said.size === 1) return [...said][0] ?? 'unknown';
  if (said.has('proved')) return again && !said.has('absent') ? 'proved' : 'unknown';
  return said.has('absent') ? 'absent' : 'unknown';
}

async function ask(resolver: TxtResolver, at: string, wanted: string): Promise<Proof> {
  try {
    const records = await resolver(at);
    // Of a haystack nothing is believed.
    if (records.length > recordsMax) return 'absent';
    return records.some((strings) => textOf(strings) === wanted) ? 'proved' : 'absent';
  } catch (error) {
    const code: unknown = error instanceof Error && 'code' in error ? error.code : null;
    // NXDOMAIN, and a name without such records. Every other failure says nothing of the name.
    return code === 'ENOTFOUND' || code === 'ENODATA' ? 'absent' : 'unknown';
  }
}

/** One record's strings are one text (RFC 7208, 3.3, and everybody after it). Null when it is longer than ours can be. */
function textOf(strings: readonly string[]): string | null {
  const length = strings.reduce((sum, each) => sum + each.length, 0);
  return length > recordCharsMax ? null : strings.join('');
}
