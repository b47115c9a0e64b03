/** What TLS is spoken towards visitors: two sets, after Mozilla's server guidelines 6.0. */

import { constants, randomBytes } from 'node:crypto';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';

/** `intermediate`: what clients of the last ten years speak. `modern`: TLS 1.3 alone. */
export type TlsPolicy = 'intermediate' | 'modern';

/** In the order in which they are wanted. The first holds against who records today and has a quantum computer one day. */
const groups = ['X25519MLKEM768', 'X25519', 'P-256', 'P-384'] as const;

/** What the runtime knows of a list: an older OpenSSL has no ML-KEM, and would refuse the whole list for it. */
function knownGroups(): string {
  return groups
    .filter((group) => {
      try {
        createSecureContext({ ecdhCurve: group });
        return true;
      } catch {
        return false;
      }
    })
    .join(':');
}

/** Mozilla's server guidelines 6.0, intermediate, and nothing older. */
export const tlsSettings = {
  minVersion: 'TLSv1.2',
  maxVersion: 'TLSv1.3',
  ciphers: [
    'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256',
    'ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384',
    'ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305',
  ].join(':'),
  ecdhCurve: knownGroups(),
  // In our order, but for a client without AES in hardware: it asks for ChaCha20 first, and gets it.
  honorCipherOrder: true,
  // CVE-2021-3449 and its kind: TLS 1.3 has no renegotiation, TLS 1.2 needs none.
  secureOptions: constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_NO_COMPRESSION | constants.SSL_OP_PRIORITIZE_CHACHA,
} as const satisfies SecureContextOptions;

export function settingsOf(policy: TlsPolicy): SecureContextOptions {
  return policy === 'modern' ? { ...tlsSettings, minVersion: 'TLSv1.3' } : tlsSettings;
}

/**
 * The keys of session tickets: whoever has one reads what was said over TLS 1.2 sessions of its time, forward secrecy or not. So
 * they are random, in memory only, and replaced twice a day. A ticket of the keys before means a whole handshake, and no more.
 */
export const ticketKeysMs = 43_200_000;

/** Everything that contexts share. A new object stands for new keys: contexts of an older one are made again. */
export type Shared = Readonly<{ settings: SecureContextOptions; base: SecureContext }>;

/** @param sessionIdContext the same for all listeners and for all keys of one process */
export function sharedBy(policy: TlsPolicy, sessionIdContext: string): Shared {
  const settings = { ...settingsOf(policy), ticketKeys: randomBytes(48), sessionIdContext };
  return { settings, base: createSecureContext(settings) };
}
