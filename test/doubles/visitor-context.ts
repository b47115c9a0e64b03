/** What visitors of tests bring to a handshake, made once: Node would read all roots of the system into a new one for each connection. */

import { createSecureContext, type SecureContext } from 'node:tls';

const contexts = new Map<string, SecureContext>();

/**
 * For that authority (PEM), or for who trusts nobody and asks nothing. One curve is offered: a key for each group that a browser
 * offers costs as much as the rest of the handshake, and the real ones (curl, Chromium) are tested beside.
 */
export function visitorContext(ca = ''): SecureContext {
  const known = contexts.get(ca);
  if (known !== undefined) return known;
  const made = createSecureContext({ ca: ca === '' ? [] : ca, ecdhCurve: 'X25519' });
  contexts.set(ca, made);
  return made;
}
