/** The relay's door for carriers in WebSockets: ends TLS for the relay's own names, and hands what is inside to the carriers' door. */

import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { createSecureContext } from 'node:tls';
import type { SecureContext, SecureContextOptions } from 'node:tls';
import type { Duplex } from 'node:stream';
import type { WebSocketServer } from 'ws';
import type { Address } from '../core/address.ts';
import type { Limits } from '../core/limits.ts';
import type { Deadlines } from '../contracts/protocol.ts';
import { greet } from './greet.ts';
import type { GreetingPlaces } from './greeting-places.ts';
import { WebSocketStream, carrierPath } from './reach/websocket-stream.ts';

/** PEM, the chain and its key. */
export type OwnCertificate = Readonly<{ certificate: string; key: string }>;

export type WebSocketDoorOptions = Readonly<{
  /** Canonical: the relay's own, and nobody's who is behind it. Who asks for no name is taken to mean the relay. */
  names: readonly string[];
  certificate: OwnCertificate;
  /** Versions, ciphers and groups; left out: the runtime's. */
  tls?: SecureContextOptions;
  limits: Limits;
  deadlines: Deadlines;
  /** For all whom the relay does not know yet. */
  places: GreetingPlaces;
  /** What a gateway says inside: TLS again, its own. */
  take: (carrier: Duplex, from: Address) => void;
}>;

/** Somebody whose outer TLS stands. `enter` ends the time that they have, and frees their place for the carriers' door. */
type Guest = Readonly<{ from: Address; enter: () => void }>;

type Asked = Readonly<{ request: IncomingMessage; socket: Duplex; head: Buffer }>;

export class WebSocketDoor {
  readonly #options: WebSocketDoorOptions;
  readonly #guests = new WeakMap<Duplex, Guest>();
  /** What speaks HTTP and WebSocket: loaded for the first who comes so, for most relays never see one. */
  #hall: Promise<Server> | null = null;
  #context: SecureContext;

  /** Throws what OpenSSL says of a certificate and a key that do not fit. */
  constructor(options: WebSocketDoorOptions) {
    this.#options = options;
    this.#context = contextOf(options.certificate, options.tls);
  }

  /** Whether who asks for this canonical name (null: for none) comes to the relay itself. */
  owns(name: string | null): boolean {
    return name === null || this.#options.names.includes(name);
  }

  /** From now on this certificate is shown. Throws as the constructor does, and then the old one stays. */
  renew(certificate: OwnCertificate): void {
    this.#context = contextOf(certificate, this.#options.tls);
  }

  /** Takes a socket whose hello asked for the relay, in its turn; what was read of it has been put back. */
  take(socket: Socket, from: Address): void {
    this.#options.places.take(socket, from, (leave) => this.#greet(socket, from, leave));
  }

  #greet(socket: Socket, from: Address, leave: () => void): void {
    const { deadlines, limits } = this.#options;
    // One time for all that comes before the carrier's own greeting, whatever is dribbled.
    const late = setTimeout(() => socket.destroy(), limits.handshakeMs);
    const enter = (): void => {
      clearTimeout(late);
      leave();
    };
    socket.once('close', enter);
    const handshakeMs = limits.handshakeMs;
    void greet(socket, { contextFor: () => this.#context, alpn: ['http/1.1'], handshakeMs, deadlines }).then((greeted) => {
      if (!('stream' in greeted)) return;
      const { stream } = greeted;
      this.#guests.set(stream, { from, enter });
      stream.on('error', () => undefined);
      this.#hall ??= this.#open();
      this.#hall.then(
        (http) => stream.destroyed || http.emit('connection', stream),
        () => stream.destroy(),
      );
    });
  }

  async #open(): Promise<Server> {
    const [{ createServer }, { WebSocketServer }] = await Promise.all([import('node:http'), import('ws')]);
    const { limits } = this.#options;
    const webSockets = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: limits.frameBytesMax,
      autoPong: false,
    });
    // It never listens: connections are handed to it. One request each.
    const http = createServer({ maxHeaderSize: limits.headBytesMax, insecureHTTPParser: false }, turnAway);
    http.maxRequestsPerSocket = 1;
    http.maxHeadersCount = limits.headFieldsMax;
    http.on('upgrade', (request, socket, head) => this.#upgrade(webSockets, { request, socket, head }));
    http.on('clientError', (_error, socket) => socket.destroy());
    http.on('connect', (_request, socket) => socket.destroy());
    return http;
  }

  #upgrade(webSockets: WebSocketServer, { request, socket, head }: Asked): void {
    const guest = this.#guests.get(socket);
    // A browser says where its page is from: no page of the web has anything to say to a relay. Nor has a gateway before it is answered.
    const foreign = request.headers.origin !== undefined || head.length > 0;
    if (guest === undefined || foreign || request.method !== 'GET' || request.url !== carrierPath) {
      socket.end(notHere);
      return;
    }
    socket.on('error', () => undefined);
    webSockets.handleUpgrade(request, socket, head, (ws) => {
      const carrier = new WebSocketStream(ws, this.#options.limits.frameBytesMax);
      carrier.on('error', () => undefined);
      socket.once('close', () => carrier.destroy());
      // In one turn: the place that is left here is the one that is taken there.
      guest.enter();
      this.#options.take(carrier, guest.from);
    });
  }
}

function contextOf({ certificate, key }: OwnCertificate, tls: SecureContextOptions = {}): SecureContext {
  return createSecureContext({ minVersion: 'TLSv1.2', ...tls, cert: certificate, key });
}

const words = 'This is a relay. It has no pages.\n';
const notHere = `HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: ${words.length}\r\nConnection: close\r\n\r\n${words}`;

/** What a browser is told. */
function turnAway(_request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(404, { 'Content-Type': 'text/plain', 'Content-Length': words.length, Connection: 'close' }).end(words);
}
