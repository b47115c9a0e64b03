/** Ends the visitor's TLS: the certificate by the name asked for, within a deadline, over a socket or a tunnel's stream. */

import { constants } from 'node:crypto';
import { Socket } from 'node:net';
import { TLSSocket, createSecureContext, type SecureContext, type TLSSocketOptions } from 'node:tls';
import type { Deadlines } from '../contracts/protocol.ts';
import type { Stream } from '../contracts/stream.ts';
import { fault, type Fault } from '../core/errors.ts';
import { canonicalHost } from '../core/http/host.ts';
import type { ClientCertificate } from '../core/policy/exchange.ts';
import { shownBy } from './client-certificate.ts';

export type Greeted = Readonly<{
  stream: TLSSocket;
  sni: string | null;
  alpn: string | null;
  /** What was shown where it was asked for. */
  client: ClientCertificate | null;
}>;

/** Asks for a client certificate: the name that was read of the hello, before it was known here, and the context of that name and of no other. */
export type Asking = Readonly<{ name: string | null; context: SecureContext }>;

export type GreetOptions = Readonly<{
  /** The context for a canonical name, or for none (a client that sends no name: an address was dialled). Null: no certificate, no handshake. */
  contextFor: (name: string | null) => SecureContext | null;
  /**
   * Begins every handshake where no address has a certificate. OpenSSL takes versions, groups, options and the keys of tickets
   * from the context that a connection began with, and only the certificate and the ciphers from the one of its name.
   */
  base?: (() => SecureContext) | undefined;
  /** In the order in which they are wanted. */
  alpn: readonly string[];
  /** What a CA is shown that asks whether a canonical name is ours (RFC 8737). Null: we did not order, and it is refused. */
  challengeFor?: ((name: string) => SecureContext | null) | undefined;
  /** Where the name wants a client certificate. Who has none goes on without: a guard says what that is worth. */
  asking?: Asking | null;
  handshakeMs: number;
  deadlines: Deadlines;
}>;

/**
 * TLS's own word for a name that is not served: a fatal alert 112, unrecognized_name (RFC 6066, 3; RFC 8446, 6.2).
 * Node would close without a word. No keys exist yet, so it is written in the clear, below Node's TLS.
 */
const unrecognizedName = Buffer.from([0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x70]);

/** RFC 8737, 6.2: spoken by nobody but a CA, which sees a certificate and leaves. */
export const acmeAlpn = 'acme-tls/1';

/** For clients that name nobody where no address has a certificate: made once, for making one takes as long as a handshake. */
const certificateless = createSecureContext({
  minVersion: 'TLSv1.2',
  secureOptions: constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_NO_COMPRESSION,
});

/**
 * Resolves with the decrypted stream, or with why there is none; the underlying stream is destroyed then.
 * Never rejects. No byte of the application is read before the handshake has ended; there is no early data.
 */
export function greet(stream: Stream, options: GreetOptions): Promise<Greeted | Fault> {
  return new Promise((resolve) => {
    let asked: string | null = null;
    let challenged: SecureContext | null = null;
    const { asking = null } = options;
    const contextFor = (name: string | null): SecureContext | null =>
      asking === null ? options.contextFor(name) : contextOf(asking, name);
    const tls = new TLSSocket(stream, {
      isServer: true,
      // OpenSSL begins with it, and takes from it what it asks of the client: a later one could change only a part of that.
      secureContext: asking?.context ?? options.contextFor(null) ?? options.base?.() ?? certificateless,
      ...(asking === null ? {} : { requestCert: true, rejectUnauthorized: false }),
      ...spoken(options, (context) => {
        challenged = context;
        // TLS 1.2 asks for the protocol behind the name, TLS 1.3 before it.
        tls.setKeyCert(context);
      }),
      SNICallback: (name, answer) => {
        asked = canonicalHost(name);
        const context = challenged ?? (asked === null ? null : contextFor(asked));
        if (context !== null) return answer(null, context);
        // The deadline stands until it has gone out: a peer that takes nothing is cut by it.
        stream.end(unrecognizedName, () => fail(fault('route-missing', 'no certificate is for the name that was asked for')));
        return undefined;
      },
    });
    const deadline = {
      at: options.deadlines.time() + options.handshakeMs,
      expire: () => fail(fault('hello-timed-out', 'the TLS handshake took too long')),
    };
    const fail = (why: Fault): void => {
      options.deadlines.delete(deadline);
      tls.destroy();
      stream.destroy();
      resolve(why);
    };
    options.deadlines.add(deadline);
    tls.on('error', () => undefined);
    stream.on('error', () => undefined);
    // Over a tunnel's stream neither end hears of the other's by itself.
    tls.once('close', () => stream.destroy());
    stream.once('close', () => tls.destroy());
    // A reset that meets the tickets which Node writes behind its handshake is taken for an end: the stream would look half-closed,
    // and what is written to it would wait for ever. Who is gone has no address any more (getpeername fails).
    if (stream instanceof Socket) tls.once('end', () => tls.remoteAddress === undefined && tls.destroy());
    const early = (): void => fail(fault('hello-malformed', 'the TLS handshake failed'));
    tls.once('close', early);
    // Over a stream whose ends are told apart an end closes nothing by itself.
    tls.once('end', early);
    tls.once('secure', () => {
      options.deadlines.delete(deadline);
      tls.off('close', early);
      tls.off('end', early);
      // What tls.Server does for its own: without it node:http2 would wait for a handshake that is over.
      Object.assign(tls, { secureConnecting: false });
      // A resumed session need not ask for the name again; it still has one, and Host is held against it.
      const resumed = typeof tls.servername === 'string' ? canonicalHost(tls.servername) : null;
      const sni = asked ?? resumed;
      if (asking !== null && sni !== asking.name)
        return fail(fault('hello-malformed', 'the hello that was read is not the one that was answered'));
      resolve({ stream: tls, sni, alpn: tls.alpnProtocol || null, client: asking === null ? null : shownBy(tls) });
      return undefined;
    });
  });
}

function contextOf({ name, context }: Asking, asked: string | null): SecureContext | null {
  return asked === name ? context : null;
}

/** Without challenges the list is all there is to know. With them, a hello that offers their protocol and nothing else is a CA's. */
function spoken(
  { alpn, challengeFor }: GreetOptions,
  challenge: (context: SecureContext) => void,
): Pick<TLSSocketOptions, 'ALPNProtocols' | 'ALPNCallback'> {
  if (challengeFor === undefined) return { ALPNProtocols: [...alpn] };
  return {
    ALPNCallback: ({ servername, protocols }) => {
      // Node says false where no name was sent.
      const name = typeof servername === 'string' ? canonicalHost(servername) : null;
      if (protocols.length !== 1 || protocols[0] !== acmeAlpn) return alpn.find((each) => protocols.includes(each));
      const context = name === null ? null : challengeFor(name);
      if (context === null) return undefined;
      challenge(context);
      return acmeAlpn;
    },
  };
}
