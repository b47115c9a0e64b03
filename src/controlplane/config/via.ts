/** `via:` as it is written: through which proxy, in what. A password never stands in it, only the name of a secret. */

import { readHostName, readPort } from './forms.ts';
import type { WrittenVia } from './plan.ts';

export const viaExpected = 'websocket, direct, or a proxy like http://proxy.example:3128 or socks5://${secret:proxy}@127.0.0.1:1080';

/** The ports that are meant when none is said: those of their schemes. */
const usualPorts = { http: 80, socks5: 1080 } as const;

/** One word of `via:`. */
export function readVia(text: string): WrittenVia | null {
  if (text === 'direct') return { proxy: null, direct: true, websocket: false };
  if (text === 'websocket') return { proxy: null, direct: false, websocket: true };
  const [, scheme, secret, authority = ''] =
    /^(http|socks5h?):\/\/(?:\$\{secret:([a-z0-9][a-z0-9._-]{0,63})\}@)?([^/?#@\s]+)\/?$/.exec(text) ?? [];
  if (scheme === undefined) return null;
  const is = scheme === 'http' ? 'http' : 'socks5';
  const at = readAuthority(authority, usualPorts[is]);
  return at === null ? null : { proxy: { is, ...at, secret: secret ?? null }, direct: false, websocket: false };
}

/** Several words together: at most one proxy, and `direct` for itself. Null when they do not fit. */
export function joinVia(words: readonly WrittenVia[]): WrittenVia | null {
  const proxies = words.filter(({ proxy }) => proxy !== null);
  const wrapped = words.filter(({ websocket }) => websocket);
  if (words.length === 0 || proxies.length > 1 || wrapped.length > 1 || (words.length > 1 && words.some(({ direct }) => direct)))
    return null;
  return { proxy: proxies[0]?.proxy ?? null, direct: words[0]?.direct ?? false, websocket: wrapped.length > 0 };
}

/** All words of a way; null when there are none, or when they are no way. */
export function readVias(words: readonly string[]): WrittenVia | null {
  const read = words.map(readVia);
  return read.includes(null) ? null : joinVia(read.filter((word) => word !== null));
}

/** `HOST`, `HOST:PORT`, `[V6]:PORT`; the host without brackets. */
export function readAuthority(text: string, usual: number): Readonly<{ host: string; port: number }> | null {
  const [, name = '', written] = /^(\[[0-9a-fA-F:.]+\]|[^:[\]]+)(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = name === '' ? null : readHostName(name);
  const port = written === undefined ? usual : readPort(written);
  return host === null || port === null ? null : { host: host.replace(/^\[(.*)\]$/, '$1'), port };
}
