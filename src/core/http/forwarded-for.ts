/** Who asks through balancers that carry many visitors on one connection: what they say of it is read from the right. */

import { contains, parseIp, type Address, type Network } from '../address.ts';
import { fault, type Fault } from '../errors.ts';
import type { Fields } from './fields.ts';

/** Balancers that write who came into a field of each request: one field, the one that they write, and nobody else's. */
export type Balanced = Readonly<{ field: 'x-forwarded-for' | 'forwarded'; trust: readonly Network[] }>;

/**
 * The visitor's address: the last one in the field that is not a balancer's. What stands left of it was written by whoever
 * was not believed, and is not looked at; without the field the balancer speaks for itself.
 * @param peer a balancer that is trusted
 * Errors: `field-malformed` where a balancer that is believed says something that is no address.
 */
export function askerOf({ field, trust }: Balanced, fields: Fields, peer: Address): Address | Fault {
  let found = peer;
  for (let at = fields.length - 1; at >= 0; at -= 1) {
    const { lower, value } = fields[at] ?? { lower: '', value: '' };
    if (lower !== field) continue;
    const nodes = field === 'forwarded' ? forwardedNodes(value) : value.split(',').map((each) => each.trim());
    if (nodes === null) return unreadable;
    for (let last = nodes.length - 1; last >= 0; last -= 1) {
      const node = nodes[last] ?? '';
      // RFC 9110, 5.6.1: an empty element of a list is none.
      if (node === '') continue;
      const read = readNode(node);
      if (read === null) return unreadable;
      found = read;
      const ip = parseIp(read.ip);
      if (ip === null || !trust.some((network) => contains(network, ip))) return found;
    }
  }
  return found;
}

const unreadable = fault('field-malformed', 'a balancer says something that is no address of a visitor');

/** `192.0.2.7`, `192.0.2.7:4711`, `2001:db8::7`, `[2001:db8::7]:4711` (RFC 7239, 6). */
function readNode(text: string): Address | null {
  const [, bracketed, inner, v4, port] = /^(?:(\[([\da-fA-F:.]{2,45})\])|([\d.]{7,15}))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const ip = parseIp(bracketed === undefined ? (v4 ?? text) : (inner ?? ''));
  return ip === null ? null : { ip: ip.text, port: Number(port ?? 0) };
}

/**
 * The `for` of each element (RFC 7239, 4), `?` where one names none. Null where the field is not as it must be: an open quote of
 * a stranger would otherwise swallow what a balancer added.
 */
function forwardedNodes(value: string): readonly string[] | null {
  const nodes: string[] = [];
  let node: string | null = null;
  let pairs = 0;
  const pair = /[ \t]*(?:([!#$%&'*+.^_`|~\w-]+)=(?:([!#$%&'*+.^_`|~\w-]+)|"((?:[^"\\]|\\.)*)")[ \t]*)?([;,]|$)/y;
  while (pair.lastIndex <= value.length) {
    const [, name, token, quoted, after] = pair.exec(value) ?? [];
    if (after === undefined) return null;
    if (name !== undefined) pairs += 1;
    if (name?.toLowerCase() === 'for') {
      if (node !== null) return null;
      node = token ?? (quoted ?? '').replace(/\\(.)/g, '$1');
    }
    if (after === ';') continue;
    if (pairs > 0) nodes.push(node ?? '?');
    [node, pairs] = [null, 0];
    if (after === '') return nodes;
  }
  return nodes;
}
