/** The way to a relay: what the configuration says, or else what the environment says, with the secrets filled in. */

import { isIP } from 'node:net';
import { SallyportError } from '../../core/errors.ts';
import { contains, isLoopback, parseIp, parseNetwork } from '../../core/address.ts';
import { canonicalHost } from '../../core/http/host.ts';
import type { Proxy, Via } from '../../contracts/via.ts';
import type { WrittenVia } from '../config/plan.ts';
import { readAuthority } from '../config/via.ts';

export type WayOutOptions = Readonly<{
  /** Null: the environment decides. */
  written: WrittenVia | null;
  env: Readonly<Record<string, string | undefined>>;
  /** The relay, HOST:PORT: some are reached without a proxy. */
  address: string;
  /** `user:password` under the name of a secret; null when there is none. */
  secret: (name: string) => Uint8Array | null;
}>;

/**
 * What is written wins. Without it the proxy is `https_proxy`, `HTTPS_PROXY`, `all_proxy` or `ALL_PROXY`, the first that is
 * not empty, unless the relay is on this machine or `no_proxy` (`NO_PROXY`) names it.
 * Errors: `secret-missing`, `config-malformed` (a secret that is no `user:password`), `usage-wrong` (a variable that is no proxy).
 */
export function wayOut(options: WayOutOptions): Via {
  const { written, env, address, secret } = options;
  const carriers = written?.websocket === true ? 'websocket' : 'auto';
  if (written !== null && written.proxy !== null) {
    const { is, host, port } = written.proxy;
    return { proxy: { is, host, port, credentials: named(written.proxy.secret, is, secret) }, carriers };
  }
  if (written?.direct === true) return { proxy: null, carriers };
  return { proxy: fromEnvironment(env, address), carriers };
}

function named(name: string | null, is: Proxy['is'], secret: WayOutOptions['secret']): Proxy['credentials'] {
  if (name === null) return null;
  const found = secret(name);
  if (found === null)
    throw new SallyportError('secret-missing', `via: names the secret ${name}, which is not there.`, {
      hint: `Store it: sallyport secrets add ${name} --proxy`,
    });
  const credentials = readCredentials(Buffer.from(found).toString('utf8'), is);
  if (credentials !== null) return credentials;
  throw new SallyportError('config-malformed', `The secret ${name} is no USER:PASSWORD for a proxy.`, {
    hint: `Store it anew: sallyport secrets add ${name} --proxy`,
  });
}

/** RFC 7617, 2: no colon in the user, no control characters. RFC 1929, 2: 255 bytes each. */
export function readCredentials(text: string, is: Proxy['is']): Proxy['credentials'] {
  const colon = text.indexOf(':');
  const [user, password] = [text.slice(0, colon), text.slice(colon + 1)];
  const sizes = [Buffer.byteLength(user), Buffer.byteLength(password)];
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (colon < 1 || /[\u0000-\u001f\u007f]/.test(text) || sizes.some((size) => size > (is === 'socks5' ? 255 : 1_024))) return null;
  return is === 'socks5' && password === '' ? null : { user, password };
}

const variables = ['https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY'] as const;

function fromEnvironment(env: WayOutOptions['env'], address: string): Proxy | null {
  const name = variables.find((each) => (env[each] ?? '') !== '');
  if (name === undefined || reachedStraight(address, env['no_proxy'] ?? env['NO_PROXY'] ?? '')) return null;
  const proxy = readProxyUrl(env[name] ?? '');
  if (proxy !== null) return proxy;
  // What stands in it may hold a password, so it is not shown.
  throw new SallyportError('usage-wrong', `${name} in the environment is no proxy that can be used here.`, {
    hint: 'Such are http://HOST:PORT and socks5://HOST:PORT. To go without: via: direct in sallyport.yaml, or NO_PROXY.',
  });
}

/** As the environment has it: `http://user:password@host:port`, percent-encoded; without a scheme http is meant. */
function readProxyUrl(text: string): Proxy | null {
  const [, scheme = 'http', , userinfo, authority = ''] = /^(?:([a-z0-9]+):\/\/)?((.*)@)?([^/?#@\s]+)\/?$/i.exec(text) ?? [];
  const is = /^http$/i.test(scheme) ? 'http' : /^socks5h?$/i.test(scheme) ? 'socks5' : null;
  const at = is === null ? null : readAuthority(authority, is === 'http' ? 80 : 1080);
  if (is === null || at === null) return null;
  if (userinfo === undefined) return { is, ...at, credentials: null };
  const credentials = readCredentials(decoded(userinfo.includes(':') ? userinfo : `${userinfo}:`), is);
  return credentials === null ? null : { is, ...at, credentials };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}

/**
 * Whether a relay is reached without the environment's proxy: on this machine, or named in NO_PROXY: `*`, a name (and what is
 * below it, with or without a leading dot), an address, a network, each perhaps with a port.
 */
export function reachedStraight(address: string, list: string): boolean {
  const at = address.lastIndexOf(':');
  const [host, port] = [address.slice(0, at).replace(/^\[|\]$/g, ''), address.slice(at + 1)];
  const ip = parseIp(host);
  if (host === 'localhost' || host.endsWith('.localhost') || (ip !== null && isLoopback(ip))) return true;
  return list
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => {
      if (entry === '*') return true;
      const [, name = entry, only] = isIP(entry) === 0 ? (/^(.*?)(?::(\d+))?$/.exec(entry) ?? []) : [];
      if (only !== undefined && only !== port) return false;
      const bare = name.replace(/^\[|\]$/g, '');
      const network = parseNetwork(bare);
      if (network !== null) return ip !== null && contains(network, ip);
      const domain = canonicalHost(bare.replace(/^\*?\./, ''));
      return domain !== null && (host === domain || host.endsWith(`.${domain}`));
    });
}
