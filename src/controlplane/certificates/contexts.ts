/** Which certificate a visitor sees: by the canonical name asked for, ready before the first one comes, renewed ahead of its end. */

import { constants, randomBytes } from 'node:crypto';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import type { Closable } from '../../contracts/stream.ts';
import type { Leaf } from './local-ca.ts';

/** Mozilla's server guidelines 6.0, intermediate: what clients of the last ten years speak, and nothing older. */
export const tlsSettings = {
  minVersion: 'TLSv1.2',
  maxVersion: 'TLSv1.3',
  ciphers: [
    'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256',
    'ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384',
    'ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305',
  ].join(':'),
  ecdhCurve: 'X25519MLKEM768:X25519:P-256:P-384',
  // All of them are sound: a client without AES in hardware knows better.
  honorCipherOrder: false,
  // CVE-2021-3449 and its kind: TLS 1.3 has no renegotiation, TLS 1.2 needs none.
  secureOptions: constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_NO_COMPRESSION,
} as const satisfies SecureContextOptions;

/** How often the ends of the certificates are looked at. */
const lookMs = 3_600_000;
/** A leaf is renewed when less than a third of its life is left: two days and more to notice that it fails. */
const renewMs = (7 * 86_400_000) / 3;

export type ContextsOptions = Readonly<{
  /** `LocalCa.leafFor`, or whatever else makes certificates. */
  leafFor: (names: readonly string[]) => Promise<Leaf>;
  now: () => number;
  /** Called when a certificate was made: for `ready` events and for notices. */
  made?: (names: readonly string[], leaf: Leaf) => void;
  /** Called when a renewal failed; the old certificate goes on as long as it lives. */
  failed?: (names: readonly string[], error: unknown) => void;
}>;

export interface Contexts extends Closable {
  /**
   * From now on exactly these: a certificate for each host alone (a visitor of one learns nothing of the others),
   * and one for all of `addresses` together, shown to clients that send no name. Resolves when all are there;
   * when one cannot be made, throws and leaves everything as it was.
   */
  serve(hosts: readonly string[], addresses: readonly string[]): Promise<void>;
  /** For a canonical host, or for none. Null: no certificate, so no handshake. Synchronous: stands on the road. */
  contextFor(host: string | null): SecureContext | null;
  /** What a visitor of that name is shown. */
  leafOf(host: string | null): Leaf | null;
}

type Shown = Readonly<{ names: readonly string[]; leaf: Leaf; context: SecureContext }>;

export function createContexts(options: ContextsOptions): Contexts {
  // New at each start, in no file: a session's ticket dies with the process that gave it.
  const tickets = randomBytes(48);
  const sessionIdContext = randomBytes(16).toString('hex');
  let shown: ReadonlyMap<string | null, Shown> = new Map();

  const make = async (names: readonly string[]): Promise<Shown> => {
    const leaf = await options.leafFor(names);
    const context = createSecureContext({ ...tlsSettings, key: leaf.key, cert: leaf.chain, ticketKeys: tickets, sessionIdContext });
    options.made?.(names, leaf);
    return { names, leaf, context };
  };
  const renew = async (): Promise<void> => {
    for (const [host, old] of shown) {
      if (old.leaf.notAfter - options.now() > renewMs) continue;
      try {
        const fresh = await make(old.names);
        // Only if nobody served something else meanwhile.
        if (shown.get(host) === old) shown = new Map(shown).set(host, fresh);
      } catch (error) {
        options.failed?.(old.names, error);
      }
    }
  };
  const timer = setInterval(() => void renew(), lookMs).unref();

  return {
    serve: async (hosts, addresses) => {
      const wanted = new Map<string | null, readonly string[]>(hosts.map((host) => [host, [host]]));
      if (addresses.length > 0) wanted.set(null, addresses);
      const next = new Map<string | null, Shown>();
      for (const [host, names] of wanted) {
        const there = shown.get(host);
        const same = there !== undefined && there.names.join() === names.join() && there.leaf.notAfter - options.now() > renewMs;
        next.set(host, same ? there : await make(names));
      }
      shown = next;
    },
    contextFor: (host) => shown.get(host)?.context ?? null,
    leafOf: (host) => shown.get(host)?.leaf ?? null,
    close: async () => {
      clearInterval(timer);
      shown = new Map();
    },
  };
}
