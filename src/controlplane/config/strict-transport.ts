/** When a browser is told to insist on HTTPS (RFC 6797): only where it can keep to it. */

import type { Exchange } from '../../core/policy/exchange.ts';
import type { Network } from './plan.ts';
import type { TlsPlan } from './tls-keys.ts';

/** A year: what browsers ask of names that they are to know beforehand. */
const lifeS = 31_536_000;

/**
 * The value of Strict-Transport-Security for the answer to an exchange, or null for none. A name is bound for all of its ports
 * and for a year, so: where plain HTTP is never served, on the port that an address means which names none, and with a certificate
 * that every browser takes: with another one nobody could click on.
 * @param isPublic whether every browser takes what is shown for a name, at this moment
 */
export function strictTransport(
  network: Network,
  hsts: TlsPlan['hsts'],
  isPublic: (host: string) => boolean,
): ((exchange: Exchange) => string | null) | null {
  if (network !== 'hostile' || hsts === 'off') return null;
  const value = `max-age=${lifeS}${hsts === 'subdomains' ? '; includeSubDomains' : ''}`;
  return ({ listener, host, sni, http }) => {
    if (listener.scheme !== 'https' || listener.port !== 443 || http === null || sni !== host) return null;
    return (http.authority.port ?? 443) === 443 && isPublic(host) ? value : null;
  };
}
