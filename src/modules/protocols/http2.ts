/** HTTP/2 towards visitors: each stream of a connection is an exchange, as a request of HTTP/1.1 is. */

import { constants, performServerHandshake, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import { randomBytes } from 'node:crypto';
import { Socket } from 'node:net';
import type { Call, Deadline, Protocol, ProtocolTools } from '../../contracts/protocol.ts';
import { defineProtocol } from '../../contracts/protocol.ts';
import type { Arrival } from '../../contracts/stream.ts';
import type { Address } from '../../core/address.ts';
import { proxiedRequest, visitorLines } from '../../core/egress/proxied.ts';
import { codes, type Fault } from '../../core/errors.ts';
import { askerOf } from '../../core/http/forwarded-for.ts';
import type { VisitorLines } from '../../core/http/forward.ts';
import type { RequestHead } from '../../core/http/head.ts';
import { readStreamRequest } from '../../core/http/stream-request.ts';
import { streamReply } from '../../core/http/stream-response.ts';
import { unreadText } from '../../core/pages/proxy-answer.ts';
import type { Exchange } from '../../core/policy/exchange.ts';
import { Ledger } from './http2/ledger.ts';
import { optionsFor } from './http2/options.ts';
import type { StreamOwner } from './http2/owner.ts';
import { Http2Visitor } from './http2/visitor.ts';

export const http2: Protocol = defineProtocol({
  name: 'http2',
  serve: (arrival, tools, take) =>
    new Promise((over) => {
      if (arrival.stream.destroyed) over();
      else new Http2Connection(arrival, tools, take, over).start();
    }),
});

/** A look at what is silent and what is flooded: within a second of its beginning. */
const lookMs = 500;

const newKey = (): string => randomBytes(16).toString('base64');
const ignore = (): void => undefined;

/** The malformed are reset (RFC 9113, 8.1.1); who is merely refused hears why. */
const malformed: ReadonlySet<Fault['code']> = new Set(['head-malformed', 'field-malformed', 'framing-ambiguous', 'message-incomplete']);

class Http2Connection implements StreamOwner, Deadline {
  readonly tools: ProtocolTools;
  readonly lines: VisitorLines;
  readonly via: 'direct' | 'relay';
  /** When it is looked at next. */
  at: number;
  readonly take: (call: Call) => void;
  readonly #arrival: Arrival;
  readonly #over: () => void;
  readonly #session: ServerHttp2Session;
  readonly #ledger: Ledger;
  /** Streams whose bodies may wait unread. */
  readonly #bodied = new Set<ServerHttp2Stream>();
  #streams = 0;
  #running = 0;
  #exchanges = 0;
  #closed = false;
  #read = 0;
  /** When something was last read, or a stream ended. */
  #movedAt: number;
  #pinged = false;
  #stay: (() => void) | null = null;

  constructor(arrival: Arrival, tools: ProtocolTools, take: (call: Call) => void, over: () => void) {
    const { from, listener } = arrival;
    this.tools = tools;
    this.take = (call) => {
      this.#running += 1;
      take(call);
    };
    this.via = listener.via;
    this.#arrival = arrival;
    this.#over = over;
    this.lines = visitorLines(from, listener, '2.0');
    this.#ledger = new Ledger(tools.limits, () => tools.deadlines.time());
    this.#movedAt = tools.deadlines.time();
    this.at = this.#movedAt + lookMs;
    this.#session = performServerHandshake(arrival.stream, optionsFor(tools.limits, listener.proxy !== undefined));
  }

  start(): void {
    const session = this.#session;
    session.on('stream', (stream, _fields, flags, raw?: readonly string[]) => this.#asked(stream, flags, raw ?? []));
    session.on('ping', () => this.#controlled());
    session.on('remoteSettings', () => this.#controlled());
    session.on('error', ignore);
    session.on('close', () => this.#close());
    // GOAWAY: what came too late may be asked elsewhere (RFC 9113, 6.8). What runs goes on.
    this.#stay = this.tools.leaving?.(() => session.close()) ?? null;
    // There is no half of a connection here, and Node would wait for the other one.
    this.#arrival.stream.once('end', () => session.destroy());
    this.tools.deadlines.add(this);
  }

  expire(): void {
    const { limits, deadlines } = this.tools;
    const now = deadlines.time();
    this.at = now + lookMs;
    const { stream } = this.#arrival;
    if (stream instanceof Socket) {
      let waiting = 0;
      for (const each of this.#bodied) waiting += each.readableLength;
      if (stream.bytesRead !== this.#read) this.#moved();
      this.#read = stream.bytesRead;
      if (this.#ledger.wasted(stream.bytesRead - waiting, stream.bytesWritten))
        return this.#flooded('frames that ask for nothing and bring nothing');
    }
    const silent = now - this.#movedAt;
    if (this.#streams === 0) {
      // Whatever of a head has come: there is nothing to wait for.
      if (silent >= (this.#exchanges === 0 ? limits.headMs : limits.keepAliveMs)) this.#session.destroy();
    } else if (silent >= limits.http2PingMs * 2 && this.#pinged) this.#session.destroy();
    else if (silent >= limits.http2PingMs && !this.#pinged) this.#pinged = this.#session.ping(ignore);
    return undefined;
  }

  brought(bytes: number): void {
    this.#ledger.brought(bytes);
  }

  bodied(stream: ServerHttp2Stream): void {
    this.#bodied.add(stream);
  }

  left(): void {
    this.#ledger.left();
  }

  exchangeOf(head: RequestHead, from: Address): Exchange | Fault {
    const { listener, sni } = this.#arrival;
    const facts = { id: this.tools.newId(), at: this.tools.now(), listener, from, sni };
    return listener.proxy === undefined ? { ...facts, host: head.authority.host, http: head, identity: null } : proxiedRequest(head, facts);
  }

  ended(): void {
    this.#running -= 1;
    if (this.#closed && this.#running === 0) this.#over();
  }

  /** What had no exchange: reset where it is malformed, else answered. */
  refused(stream: ServerHttp2Stream, { code, why }: Fault): void {
    const status = malformed.has(code) ? null : (codes[code].status ?? 400);
    if (!stream.destroyed && !stream.closed) {
      if (status === null) stream.close(constants.NGHTTP2_PROTOCOL_ERROR);
      else {
        const body = Buffer.from(unreadText(this.#arrival.listener, status, code));
        const reply = { status, fields: [['Content-Type', 'text/plain; charset=utf-8']] as const, body: null };
        stream.respond(streamReply(reply, body.length, this.tools.httpDate()));
        // Node has ended the answer to a HEAD itself.
        if (!stream.writableEnded) stream.end(body);
        stream.close(constants.NGHTTP2_NO_ERROR);
        this.#ledger.left();
      }
    }
    this.tools.refused(this.#arrival, code, why, status);
  }

  #asked(stream: ServerHttp2Stream, flags: number, raw: readonly string[]): void {
    stream.on('error', ignore);
    if (stream.destroyed) return this.#spoiled();
    this.#streams += 1;
    this.#exchanges += 1;
    let bytes = 0;
    for (const text of raw) bytes += text.length + 2;
    this.#ledger.asked(bytes);
    const ended = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    const forwardProxy = this.#arrival.listener.proxy !== undefined;
    const head = readStreamRequest(raw, { limits: this.tools.limits, ended, newKey, forwardProxy });
    const from = 'code' in head ? head : this.#askerOf(head);
    const visitor = 'code' in head || 'code' in from ? null : new Http2Visitor(stream, { head, from, ended }, this);
    stream.on('close', () => {
      this.#streams -= 1;
      this.#moved();
      this.#bodied.delete(stream);
      if (stream.rstCode !== constants.NGHTTP2_NO_ERROR) this.#spoiled();
      visitor?.close();
    });
    if (visitor !== null) visitor.begin();
    else if ('code' in from) this.refused(stream, from);
    if (this.#exchanges >= this.tools.limits.http2ExchangesMax) this.#session.close();
    return undefined;
  }

  #askerOf({ fields }: RequestHead): Address | Fault {
    const { from, listener } = this.#arrival;
    return listener.balanced === undefined ? from : askerOf(listener.balanced, fields, from);
  }

  #moved(): void {
    this.#movedAt = this.tools.deadlines.time();
    this.#pinged = false;
  }

  #spoiled(): void {
    if (this.#ledger.reset()) this.#flooded('streams that come to nothing');
  }

  #controlled(): void {
    if (this.#ledger.controlled()) this.#flooded('frames that must be answered');
  }

  /** RFC 9113, 10.5: ENHANCE_YOUR_CALM, and an end. */
  #flooded(of: string): void {
    if (this.#session.destroyed) return;
    this.tools.refused(this.#arrival, 'frames-exceeded', `too many ${of}`, null);
    this.#session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }

  #close(): void {
    this.#closed = true;
    this.#stay?.();
    this.tools.deadlines.delete(this);
    this.#arrival.stream.destroy();
    if (this.#running === 0) this.#over();
  }
}
