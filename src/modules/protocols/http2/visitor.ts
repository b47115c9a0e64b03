/** The visitor of one stream of HTTP/2: the body as it comes, how long is waited, and how they are spoken to. */

import type { ServerHttp2Stream } from 'node:http2';
import { constants } from 'node:http2';
import type { Address } from '../../../core/address.ts';
import type { Proceeding } from '../../../contracts/protocol.ts';
import { fault, type Fault, SallyportError } from '../../../core/errors.ts';
import type { Fields } from '../../../core/http/fields.ts';
import type { VisitorLines } from '../../../core/http/forward.ts';
import type { RequestHead } from '../../../core/http/head.ts';
import { isGrpc } from '../../../core/http/streaming.ts';
import { readStreamTrailers } from '../../../core/http/stream-request.ts';
import { PackedBytes } from '../http/packed-bytes.ts';
import type { BodyTaker, Running, VisitorSide } from '../http/parties.ts';
import { Patience } from '../http/patience.ts';
import { RawJoin, tunnel } from '../http/raw-join.ts';
import { ExchangeCall, type CallOwner, type OpenedRaw } from '../http/exchange-call.ts';
import { gone } from './answer.ts';
import type { Asked, StreamOwner } from './owner.ts';
import { Http2Voice } from './voice.ts';

/** `holding`: a body is awaited up to a measure. `held`: the owner decides. `body`, `raw`: it flows. `over`: nobody reads it any more. */
type State = 'holding' | 'held' | 'body' | 'raw' | 'over';

const wrongLength = fault('framing-ambiguous', 'content-length and the content differ');

export class Http2Visitor implements VisitorSide, CallOwner {
  readonly stream: ServerHttp2Stream;
  readonly head: RequestHead;
  readonly lines: VisitorLines;
  readonly #from: Address;
  readonly #owner: StreamOwner;
  readonly #patience: Patience;
  readonly #held = new PackedBytes();
  #call: ExchangeCall | null = null;
  #state: State = 'held';
  #taker: BodyTaker | null = null;
  #bytes = 0;
  #ended: boolean;
  #trailers: Fields = [];
  #broken: Fault | null = null;
  #paused = false;
  #listensToDrain = false;

  constructor(stream: ServerHttp2Stream, { head, from, ended }: Asked, owner: StreamOwner) {
    this.stream = stream;
    this.head = head;
    this.#from = from;
    this.lines = owner.lines.from(from.ip);
    this.#owner = owner;
    this.#ended = ended;
    this.#patience = new Patience(owner.tools, owner.via, () => this.#expire());
    owner.tools.deadlines.add(this.#patience);
  }

  get backlog(): this {
    return this;
  }

  get bodyRead(): boolean {
    return this.#ended || (this.head.framing.is === 'none' && !this.#isTunnel);
  }

  get bodyBytes(): number {
    return this.#bytes;
  }

  get trailers(): Fields {
    return this.#trailers;
  }

  /** Other streams do not care how this one ends. */
  get persistent(): boolean {
    return true;
  }

  /** Awaits as much of the body as is held before anybody hears of it. A call of gRPC waits for its answer before it says more. */
  begin(): void {
    if (this.#ended) return this.#deliver();
    const { stream, head } = this;
    this.#owner.bodied(stream);
    stream.on('data', (bytes: Buffer) => this.#data(bytes));
    stream.on('trailers', (_fields, _flags, raw?: readonly string[]) => this.#trail(raw ?? []));
    stream.on('end', () => this.#end());
    const waits = head.framing.is === 'none' || head.expectsContinue || (head.framing.is === 'chunked' && isGrpc(head.fields));
    if (waits) return this.#deliver();
    this.#state = 'holding';
    this.#patience.hold(head.framing);
  }

  readBody(taker: BodyTaker): void {
    this.#state = 'body';
    this.#taker = taker;
    if (!taker.paced || (this.#bytes === 0 && this.head.expectsContinue)) this.touch();
    else this.#patience.begin(this.#bytes);
    for (const bytes of this.#held.take()) taker.span(bytes);
    if (this.#ended) taker.whole();
    taker.turn();
    if (this.#broken !== null) taker.broken(this.#broken);
    else if (!this.#ended) this.#flow();
  }

  readRaw(taker: BodyTaker): void {
    this.#state = 'raw';
    this.#taker = taker;
    for (const bytes of this.#held.take()) taker.span(bytes);
    taker.turn();
    if (this.#ended) taker.whole();
    else this.#flow();
  }

  touch(idleMs = this.#owner.tools.limits.idleMs): void {
    this.#patience.allow(idleMs);
  }

  full(): void {
    this.#patience.full(this.stream.writableLength);
    if (this.#listensToDrain) return;
    this.#listensToDrain = true;
    this.stream.on('drain', () => {
      this.#patience.taken();
      this.#call?.drained();
    });
  }

  pause(): void {
    this.#paused = true;
    this.stream.pause();
  }

  resume(): void {
    this.#paused = false;
    if (this.#state === 'body' || this.#state === 'raw') this.#flow();
  }

  /** RFC 9113, 8.1: who has answered needs no more of the request, and says so by NO_ERROR. */
  linger(): void {
    this.#state = 'over';
    if (this.stream.closed || this.#ended) return;
    this.full();
    this.reset(constants.NGHTTP2_NO_ERROR);
  }

  /** The exchange is over: what is written yet has its time to be taken. */
  ended(): void {
    this.#call = null;
    this.#owner.ended();
    if (gone(this.stream)) return;
    this.#state = 'over';
    this.full();
  }

  /** RFC 9113, 8.5: the stream is the tunnel's once it was answered 200. */
  joinRaw(to: OpenedRaw, owner: Proceeding): Running {
    if (!this.#isTunnel) throw new SallyportError('program-failed', 'A stream of HTTP/2 was led to raw bytes.');
    const join = new RawJoin({ visitor: this, to }, this.#owner.tools, owner, tunnel(this.#owner.tools.limits));
    join.start(() => {
      if (!gone(this.stream)) this.stream.respond([':status', '200']);
    });
    return join;
  }

  /** Half of a tunnel must not look whole, and who asked hears that it was not the proxy that failed (RFC 9113, 8.5). */
  destroy(): void {
    this.reset(this.#isTunnel ? constants.NGHTTP2_CONNECT_ERROR : constants.NGHTTP2_INTERNAL_ERROR);
  }

  get #isTunnel(): boolean {
    return this.head.method === 'CONNECT';
  }

  reset(code: number): void {
    if (gone(this.stream)) return;
    if (!this.#ended) this.#owner.left();
    this.stream.close(code);
  }

  /** The stream is gone. */
  close(): void {
    this.#patience.forget();
    this.#owner.tools.deadlines.delete(this.#patience);
    this.#state = 'over';
    this.#call?.gone();
  }

  #stalled(): void {
    if (this.#call === null) this.destroy();
    else this.#call.stalled();
  }

  #flow(): void {
    if (!this.#paused) this.stream.resume();
  }

  #deliver(): void {
    this.#state = 'held';
    if (!this.#ended) this.stream.pause();
    this.touch(this.#owner.tools.limits.answerMs);
    const exchange = this.#owner.exchangeOf(this.head, this.#from);
    if ('code' in exchange) return this.#refuse(exchange);
    const call = new ExchangeCall(
      exchange,
      { head: this.head, visitor: this, voice: new Http2Voice(this.stream, this.head, this.#owner.tools) },
      this.#owner.tools,
      this,
    );
    this.#call = call;
    this.#owner.take(call);
  }

  #data(bytes: Buffer): void {
    this.#bytes += bytes.length;
    this.#owner.brought(bytes.length);
    const { framing } = this.head;
    if (framing.is === 'length' && this.#bytes > framing.length) return this.#fail(wrongLength);
    switch (this.#state) {
      case 'holding':
        this.#held.push(bytes);
        if (this.#bytes >= this.#owner.tools.limits.bodyHeldBytesMax) this.#deliver();
        return undefined;
      case 'held':
        return this.#held.push(bytes);
      case 'body':
        if (this.#taker?.paced === true) this.#patience.earn(bytes.length);
        else this.touch();
        break;
      case 'raw':
        this.touch(this.#owner.tools.limits.upgradedIdleMs);
        break;
      case 'over':
        return undefined;
      default:
        return this.#state satisfies never;
    }
    this.#taker?.span(bytes);
    return this.#taker?.turn();
  }

  #trail(raw: readonly string[]): void {
    const trailers = readStreamTrailers(raw, this.#owner.tools.limits);
    if ('code' in trailers) this.#fail(trailers);
    else this.#trailers = trailers;
  }

  #end(): void {
    const { framing } = this.head;
    if (this.#broken !== null || this.#ended) return;
    // A stream that was reset ends for its reader as well; only what the visitor ended is whole.
    if (this.stream.aborted || this.stream.rstCode !== constants.NGHTTP2_NO_ERROR) return;
    if (framing.is === 'length' && this.#bytes < framing.length) return this.#fail(wrongLength);
    this.#ended = true;
    if (this.#state === 'holding') return this.#deliver();
    if (this.#state !== 'body' && this.#state !== 'raw') return;
    if (this.#state === 'body') {
      this.#state = 'held';
      this.touch(this.#owner.tools.limits.answerMs);
    }
    this.#taker?.whole();
    this.#taker?.turn();
  }

  /** It has no single reading: the service sees its request die, and the visitor the stream (RFC 9113, 8.1.1). */
  #fail(problem: Fault): void {
    this.#broken = problem;
    if (this.#state === 'holding') return this.#refuse(problem);
    this.reset(constants.NGHTTP2_PROTOCOL_ERROR);
    return this.#state === 'body' ? this.#taker?.broken(problem) : undefined;
  }

  #refuse(problem: Fault): void {
    this.#state = 'over';
    this.full();
    this.#owner.refused(this.stream, problem);
  }

  #expire(): void {
    switch (this.#state) {
      case 'holding':
        if (this.head.framing.is === 'chunked' && this.#held.bytes > 0) return this.#deliver();
        if (!this.#patience.holdOn()) this.#refuse(fault('body-timed-out', 'the body was not complete in time'));
        return undefined;
      case 'over':
        // What was said is not taken: half of it must not look whole.
        if (this.stream.closed) this.stream.destroy();
        else this.destroy();
        return undefined;
      case 'held':
      case 'body':
      case 'raw':
        this.#patience.forget();
        return this.#stalled();
      default:
        return this.#state satisfies never;
    }
  }
}
