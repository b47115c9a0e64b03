/** The four forms of a request target (RFC 9112, 3.2), held against Host. */

import { type Fault, fault } from '../errors.ts';
import type { Authority, CanonicalPath } from './head.ts';
import { parseAuthority } from './host.ts';
import { canonicalPath } from './path.ts';

/** As in RequestHead. */
export type Target = Readonly<{ target: string; absolute?: true; path: CanonicalPath | null; authority: Authority }>;

/**
 * Reads a target. `host` is what Host said, null where an HTTP/1.0 request had none.
 * Absolute form with http or https is cut to origin form when its authority equals Host (a forward proxy ignores Host); other schemes, https on a forward
 * proxy (kept whole, its path is null) and CONNECT only where `forwardProxy`.
 * Faults: `target-malformed`, `host-mismatched`, `host-malformed`, `method-refused`.
 */
export function readTarget(method: string, raw: string, host: Authority | null, forwardProxy: boolean): Target | Fault {
  if (method === 'CONNECT') return forwardProxy ? authorityForm(raw, host) : fault('method-refused', 'CONNECT without a forward proxy');
  if (raw.charCodeAt(0) === 47) return { target: raw, path: canonicalPath(raw), authority: host ?? nobody };
  if (raw === '*') {
    if (method !== 'OPTIONS') return fault('target-malformed', 'an asterisk with a method other than OPTIONS');
    return { target: raw, path: null, authority: host ?? nobody };
  }
  return absoluteForm(method, raw, host, forwardProxy);
}

const nobody: Authority = { host: '', port: null };

/** `host:port` and nothing else (RFC 9112, 3.2.3; RFC 9110, 9.3.6). Host should repeat it, with or without the port. */
function authorityForm(raw: string, host: Authority | null): Target | Fault {
  const authority = parseAuthority(raw);
  if (authority === null || authority.port === null || authority.port === 0)
    return fault('target-malformed', 'CONNECT without host and port');
  if (host !== null && (host.host !== authority.host || (host.port ?? authority.port) !== authority.port)) {
    return fault('host-mismatched', 'CONNECT to another place than Host says');
  }
  return { target: raw, path: null, authority };
}

function absoluteForm(method: string, raw: string, host: Authority | null, forwardProxy: boolean): Target | Fault {
  const colon = raw.indexOf('://');
  const scheme = raw.slice(0, Math.max(0, colon)).toLowerCase();
  const web = scheme === 'http' || scheme === 'https';
  if (colon < 1 || !isScheme(scheme)) return fault('target-malformed', 'neither a path nor an absolute URI');
  if (!web && !forwardProxy) return fault('target-malformed', 'a scheme other than http and https');
  const start = colon + 3;
  const end = firstOf(raw, start);
  // User info is an attack or a mistake (RFC 9110, 4.2.4); an empty host is an error (4.2.1). parseAuthority refuses both.
  const authority = parseAuthority(raw.slice(start, end));
  if (authority === null) return fault('target-malformed', 'an absolute URI without a host that can be read');
  const equal = host !== null && host.host === authority.host && portOf(host, scheme) === portOf(authority, scheme);
  // A forward proxy goes where the target says and writes Host anew (RFC 9112, 3.2.2). A gateway that chose either one
  // would route by what another reader did not see.
  if (host !== null && !equal && !forwardProxy) return fault('host-mismatched', 'the target names another host than Host');
  if (!web || (forwardProxy && scheme === 'https')) return { target: raw, path: null, authority };
  const rest = raw.slice(end);
  const form = forwardProxy ? { absolute: true as const } : {};
  // OPTIONS for the whole server has no path and no query (RFC 9112, 3.2.4).
  if (rest === '' && method === 'OPTIONS') return { target: '*', path: null, ...form, authority: equal ? host : authority };
  const target = rest.charCodeAt(0) === 47 ? rest : `/${rest}`;
  return { target, path: canonicalPath(target), ...form, authority: equal ? host : authority };
}

/** The end of the authority: the first slash or question mark. */
function firstOf(raw: string, start: number): number {
  for (let at = start; at < raw.length; at += 1) {
    const character = raw.charCodeAt(at);
    if (character === 47 || character === 63) return at;
  }
  return raw.length;
}

function portOf(authority: Authority, scheme: string): number | null {
  return authority.port ?? (scheme === 'http' ? 80 : scheme === 'https' ? 443 : null);
}

/** RFC 3986, 3.1. */
function isScheme(scheme: string): boolean {
  for (let at = 0; at < scheme.length; at += 1) {
    const character = scheme.charCodeAt(at);
    const isLetter = character >= 97 && character <= 122;
    const isOther = (character >= 48 && character <= 57) || character === 43 || character === 45 || character === 46;
    if (!isLetter && !(at > 0 && isOther)) return false;
  }
  return true;
}
