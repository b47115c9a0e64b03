/** The relay's edge: ends the TLS of names that the operator lists and whose gateways have agreed. It reads everything of them. */

import { X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import { createSecureContext } from 'node:tls';
import type { SecureContext } from 'node:tls';
import type { Address } from '../core/address.ts';
import { SallyportError } from '../core/errors.ts';
import type { Limits } from '../core/limits.ts';
import type { Deadlines } from '../contracts/protocol.ts';
import { tlsSettings } from '../controlplane/certificates/tls-settings.ts';
import type { Directory } from '../dataplane/directory.ts';
import type { Engine } from '../dataplane/engine.ts';
import { acmeAlpn, greet } from '../dataplane/greet.ts';
import { wildcardOf } from '../dataplane/known-names.ts';
import type { OwnCertificate } from '../dataplane/websocket-door.ts';
import { http1 } from '../modules/protocols/http1.ts';
import type { EdgeStreams } from './edge-streams.ts';
import type { Visitors } from './visitors.ts';

/** Names, or `*.` and a name for one label more, and what is shown for them. */
export type EdgeEntry = Readonly<{ names: readonly string[]; certificate: OwnCertificate }>;

export type EdgeOptions = Readonly<{
  engine: Engine;
  names: Pick<Directory, 'mayTerminate' | 'stands'>;
  visitors: Visitors;
  streams: Pick<EdgeStreams, 'drop'>;
  domain: string;
  limits: Pick<Limits, 'handshakeMs' | 'edgeHandshakesMax' | 'nameRememberedMs' | 'namesRememberedMax'>;
  deadlines: Deadlines;
}>;

export class Edge {
  readonly #options: EdgeOptions;
  #contexts: ReadonlyMap<string, SecureContext> = new Map();
  #greeting = 0;
  /** When a gateway had last agreed: while it is away its visitors are told so here. In the order of that. */
  readonly #agreed = new Map<string, number>();

  constructor(options: EdgeOptions) {
    this.#options = options;
  }

  /** From now on these, the whole of them or nothing. Error: `config-malformed` where a certificate cannot be used, or is of other names. */
  set(entries: readonly EdgeEntry[]): void {
    const contexts = new Map<string, SecureContext>();
    for (const { names, certificate } of entries) {
      const context = contextOf(certificate);
      const shown = new X509Certificate(certificate.certificate);
      for (const name of names) {
        if (shown.checkHost(name.replace(/^\*/, 'any')) === undefined)
          throw new SallyportError('config-malformed', `The certificate under terminate: is not for ${name}.`, {
            hint: `It is for ${shown.subjectAltName ?? 'no name'}. Give one that has ${name}.`,
          });
        contexts.set(name, context);
      }
    }
    this.#contexts = contexts;
  }

  /** The names as they are listed. */
  get names(): readonly string[] {
    return [...this.#contexts.keys()];
  }

  /** Whether TLS of this canonical name ends here at this moment. */
  isTerminated(name: string): boolean {
    if (this.#contextFor(name) === null) return false;
    const { names } = this.#options;
    if (names.mayTerminate(name)) return this.#remember(name);
    if (names.stands(name)) this.#agreed.delete(name);
    const at = this.#agreed.get(name);
    return at !== undefined && performance.now() - at < this.#options.limits.nameRememberedMs;
  }

  /** Whether the operator lists this canonical name. */
  isListed(name: string): boolean {
    return this.#contextFor(name) !== null;
  }

  /** Whoever proves a name to a certificate authority (RFC 8737) proves it at the gateway, where its key is. */
  claims(name: string | null, alpn: readonly string[]): boolean {
    return name !== null && !alpn.includes(acmeAlpn) && this.isTerminated(name);
  }

  /** Takes a socket whose hello was read and has been put back. False: there are too many handshakes already. */
  take(socket: Socket, from: Address): boolean {
    const { engine, domain, limits, deadlines, visitors, streams } = this.#options;
    if (this.#greeting >= limits.edgeHandshakesMax) return false;
    this.#greeting += 1;
    const listener = { name: `edge:${domain}`, scheme: 'https', port: socket.localPort ?? 0, via: 'direct', loopback: false } as const;
    const contextFor = (name: string | null): SecureContext | null => (name === null ? null : this.#contextFor(name));
    void greet(socket, { contextFor, alpn: ['http/1.1'], handshakeMs: limits.handshakeMs, deadlines }).then((greeted) => {
      this.#greeting -= 1;
      if ('stream' in greeted) {
        const { stream, sni } = greeted;
        visitors.come(stream);
        visitors.heard(stream);
        void engine.take({ stream, listener, from, sni }, http1).then(() => {
          streams.drop(from, listener.port, sni);
          visitors.gone(stream);
        });
      } else if ('code' in greeted) engine.refused({ stream: socket, from, listener, sni: null }, greeted);
    });
    return true;
  }

  #remember(name: string): true {
    this.#agreed.delete(name);
    this.#agreed.set(name, performance.now());
    const [oldest] = this.#agreed.keys();
    if (this.#agreed.size > this.#options.limits.namesRememberedMax && oldest !== undefined) this.#agreed.delete(oldest);
    return true;
  }

  #contextFor(name: string): SecureContext | null {
    return this.#contexts.get(name) ?? this.#contexts.get(wildcardOf(name) ?? '') ?? null;
  }
}

function contextOf({ certificate, key }: OwnCertificate): SecureContext {
  return createSecureContext({ ...tlsSettings, cert: certificate, key });
}
