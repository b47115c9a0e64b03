/** What a visitor showed in a TLS handshake that asked for a client certificate. Nothing is judged here. */

import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import type { ClientCertificate } from '../core/policy/exchange.ts';

/** OpenSSL keeps a chain below 100 KB; real ones have four. */
const chainMax = 10;

/**
 * Null where nothing was shown. A resumed session shows nothing here: what it was begun with was proved then, and not now.
 * No session of such a name is resumed; should one be, it brings nobody in.
 */
export function shownBy(tls: TLSSocket): ClientCertificate | null {
  if (tls.isSessionReused()) return null;
  const own = tls.getPeerX509Certificate();
  if (own === undefined) return null;
  const fault = faultOf(tls);
  // Nobody looks into what TLS did not take, and it may be long.
  if (fault !== null) return Object.freeze({ chain: [], fault });
  const chain: Uint8Array[] = [];
  for (let each: X509Certificate | undefined = own; each !== undefined && chain.length < chainMax; each = each.issuerCertificate)
    chain.push(each.raw);
  return Object.freeze({ chain, fault });
}

/**
 * What OpenSSL has against the path. Node tells it to the sockets of a tls.Server as `authorizationError`, and to those that were
 * made by hand below its API alone. Where it cannot be asked, nothing is well.
 */
function faultOf(tls: TLSSocket): string | null {
  const handle: unknown = Reflect.get(tls, '_handle');
  if (typeof handle !== 'object' || handle === null || !('verifyError' in handle) || typeof handle.verifyError !== 'function')
    return 'UNKNOWN';
  const said: unknown = Reflect.apply(handle.verifyError, handle, []);
  if (said === undefined || said === null) return null;
  return typeof said === 'object' && 'code' in said && typeof said.code === 'string' ? said.code : 'UNKNOWN';
}
