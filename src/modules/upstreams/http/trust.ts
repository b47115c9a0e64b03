/** Whom we take for the service where it is asked over TLS: by a certificate that is verified, or pinned, or by nothing at all. */

import { createHash, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { checkServerIdentity, createSecureContext, type ConnectionOptions, type SecureContext, type TLSSocket } from 'node:tls';
import { SallyportError } from '../../../core/errors.ts';

/** `system`: what this machine trusts. `ca`: a file of certificates. `pin`: the SHA-256 of the certificate itself, in hex. */
export type Trust =
  | Readonly<{ is: 'system' }>
  | Readonly<{ is: 'ca'; file: string }>
  | Readonly<{ is: 'pin'; sha256: string }>
  | Readonly<{ is: 'insecure' }>;

/** What every TLS connection to a service has in common: made once for each service. */
export class Secure {
  readonly #name: string;
  readonly #trust: Trust;
  readonly #context: SecureContext;
  readonly #alpn: string;

  /** Throws `certificate-unusable` where the file of a CA cannot be read. */
  constructor(name: string, trust: Trust, alpn: 'http/1.1' | 'h2') {
    this.#name = name;
    this.#trust = trust;
    this.#alpn = alpn;
    this.#context = contextOf(trust);
  }

  options(): ConnectionOptions {
    return {
      // RFC 6066, 3: an address is no server name.
      servername: isIP(this.#name) === 0 ? this.#name : '',
      secureContext: this.#context,
      ALPNProtocols: [this.#alpn],
      minVersion: 'TLSv1.2',
      rejectUnauthorized: this.#trust.is === 'system' || this.#trust.is === 'ca',
      // The name of the configuration, whichever address was dialled for it.
      checkServerIdentity: (_, shown) => checkServerIdentity(this.#name, shown),
    };
  }

  /** Why it is not to be spoken with after all; null for nothing. */
  objection(socket: TLSSocket): string | null {
    if (this.#alpn === 'h2' && socket.alpnProtocol !== 'h2') return 'it does not speak HTTP/2 over TLS';
    if (this.#trust.is !== 'pin') return null;
    const { raw } = socket.getPeerCertificate();
    const shown = createHash('sha256').update(raw).digest();
    const wanted = Buffer.from(this.#trust.sha256, 'hex');
    return shown.length === wanted.length && timingSafeEqual(shown, wanted) ? null : 'its certificate is not the one that is pinned';
  }
}

function contextOf(trust: Trust): SecureContext {
  if (trust.is !== 'ca') return createSecureContext();
  try {
    return createSecureContext({ ca: readFileSync(trust.file) });
  } catch (error) {
    throw new SallyportError('certificate-unusable', `The certificates in ${trust.file} cannot be used.`, {
      hint: 'verify: names a PEM file that this user can read.',
      cause: error,
    });
  }
}
