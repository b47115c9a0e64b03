/** One exchange on its way: the request to the service, the response back, each with backpressure. */

import type { Proceeding } from '../../../contracts/protocol.ts';
import type { Forwarding, Opened } from '../../../contracts/upstream.ts';
import { signsInConnection } from '../../../core/http/connection.ts';
import type { RequestHead, ResponseHead } from '../../../core/http/head.ts';
import { isGrpc, mayBeSilent } from '../../../core/http/streaming.ts';
import { headInsisting } from '../../../core/http/strict-transport.ts';
import type { Code, Fault } from '../../../core/errors.ts';
import type { Limits } from '../../../core/limits.ts';
import type { Batch } from './batch.ts';
import { Delivery, tooLong } from './delivery.ts';
import { mayBeRepeated, withOwn } from './repeat.ts';
import { answerFound, bodyBytesMax, contentFound, requestProblem, requestTextFor } from './led-through.ts';
import { Tap, type Drinker } from './tap.ts';
import type { Answering, BodyTaker, Running, VisitorSide } from './parties.ts';
import { unansweredTally } from './tally.ts';

type OpenedStream = Extract<Opened, { is: 'stream' }>;

/** Who takes part. `strict`: the value of Strict-Transport-Security, or null. */
export type Parties = Readonly<{ head: RequestHead; visitor: VisitorSide; writer: Answering; to: OpenedStream; strict: string | null }>;

/** Where the response is. `raw`: both sides have left HTTP behind. */
type State = 'head' | 'body' | 'raw' | 'done';

export class Transfer implements Drinker, BodyTaker, Running {
  readonly #head: RequestHead;
  readonly #visitor: VisitorSide;
  readonly #to: OpenedStream;
  readonly #tap: Tap;
  readonly #limits: Limits;
  readonly #owner: Proceeding;
  readonly #toService: Batch;
  readonly #writer: Answering;
  readonly #strict: string | null;
  #state: State = 'head';
  /** Whether the service keeps its connection after this answer. */
  #persistent = false;
  #status: number | null = null;
  /** What a firewall that only watches has said of the answer. */
  #watched: string | null = null;
  /** Whether both sides may say what they want when they want: a call of gRPC. */
  readonly #talks: boolean;
  /** How long the service may be silent. */
  #quietMs = 0;
  /** Whether the connection to the visitor ends after this answer. */
  #closing = false;
  readonly #request: Delivery;
  /** Whether the service has said a byte in this exchange. */
  #heard = false;
  #settled = false;
  #forwarding: Forwarding | null = null;

  constructor(parties: Parties, limits: Limits, owner: Proceeding) {
    const { head, visitor, writer, to, strict } = parties;
    this.#head = head;
    this.#visitor = visitor;
    this.#to = to;
    this.#limits = limits;
    this.#owner = owner;
    this.#talks = to.multiplexed === true && isGrpc(head.fields);
    this.#tap = Tap.of(to.stream, limits);
    this.#toService = this.#tap.out;
    this.#request = new Delivery(this.#tap.out, head.framing, limits.bodyBytesMax);
    this.#writer = writer;
    this.#tap.reader.expect(head.method);
    this.#strict = strict;
  }

  /** Sends the head, and the body as it comes. */
  start(forwarding: Forwarding, gathered: Uint8Array | null): void {
    const head = forwarding.rewrite?.request(this.#head) ?? this.#head;
    this.#forwarding = forwarding;
    this.#quietMs = this.#talks ? this.#limits.upgradedIdleMs : (forwarding.answerMs ?? this.#limits.answerMs);
    this.#request.bytesMax = bodyBytesMax(this.#to, forwarding, this.#limits);
    const problem = requestProblem(this.#head, this.#to);
    if (problem !== null) return this.#fail(problem.code, problem.why, null);
    if (this.#to.stream.destroyed) return this.#fail('upstream-broken', 'the service closed the connection', null);
    this.#tap.drinker = this;
    this.#visitor.touch(this.#quietMs);
    this.#toService.text(requestTextFor(this.#to, head, { visitor: this.#visitor.lines, forwarding, expectContinue: gathered === null }));
    const bodiless = this.#visitor.bodyBytes === 0 && this.#visitor.bodyRead;
    if (gathered === null && !bodiless) return this.#visitor.readBody(this);
    if (gathered !== null) this.span(gathered);
    this.whole();
    this.turn();
  }

  cut(code: Code, why: string): void {
    this.#visitor.destroy();
    this.#end(code, why, false);
  }

  // The request, as the visitor sends it.

  /**
   * Until its service has begun to answer, a body must keep its rate. A service that answers while a chunked one still comes
   * takes part in what is said slowly, and decides itself how long it listens.
   */
  get paced(): boolean {
    return !this.#talks && (this.#state === 'head' || this.#head.framing.is === 'length');
  }

  span(bytes: Uint8Array): void {
    if (!this.#settled) this.#request.span(bytes);
  }

  whole(): void {
    if (this.#settled) return;
    if (this.#state === 'raw') {
      this.turn();
      this.#to.stream.end();
      return;
    }
    this.#request.whole(this.#visitor.trailers);
  }

  broken(problem: Fault): void {
    // Nothing may be made of half a request: the service sees the connection die, never an end (RFC 9112, 8).
    if (this.#status === null) this.#fail(problem.code, problem.why, null);
    else this.cut(problem.code, problem.why);
  }

  turn(): void {
    if (this.#settled) return;
    // Told here, where the reader of the body has come to rest: only then can somebody else answer.
    if (this.#request.tooLong) return this.broken(tooLong);
    if (this.#toService.flush(this.#to.stream)) return;
    this.#visitor.backlog.pause();
    // It is the service now that is slow.
    if (!this.#request.done) this.#visitor.touch();
  }

  // The response, as the service sends it.

  chunk(chunk: Uint8Array): void {
    this.#heard = true;
    let at = 0;
    while (at < chunk.length && !this.#settled) {
      const next = this.#state === 'head' ? this.#readHead(chunk, at) : this.#readBody(chunk, at);
      if (next === null) return;
      at = next;
    }
    if (this.#settled) return;
    // Behind the head, which may have said that it will be silent for long.
    this.#visitor.touch(this.#quietMs);
    this.#flushVisitor();
  }

  ended(): void {
    if (this.#settled) return;
    if (this.#state === 'raw') return void this.#visitor.stream.end();
    if (this.#state === 'body' && this.#writer.endsWithStream) return this.#responseWhole(false);
    this.#fail('upstream-broken', 'the service ended the connection before its answer was complete', null);
  }

  closed(error: NodeJS.ErrnoException | null): void {
    if (this.#settled) return;
    if (this.#state === 'raw') {
      this.#visitor.stream.end();
      return this.#end(error === null ? null : 'upstream-broken', error === null ? null : 'the service broke the connection', false);
    }
    this.#fail('upstream-broken', 'the service broke the connection', error);
  }

  drained(): void {
    this.#visitor.backlog.resume();
  }

  /** The visitor took what was written. */
  visitorDrained(): void {
    // The connection to the service may carry somebody else's answer by now.
    if (this.#settled) return;
    this.#visitor.touch(this.#quietMs);
    this.#to.stream.resume();
  }

  visitorGone(): void {
    if (this.#settled) return;
    if (this.#state === 'raw') return this.#end(null, null, false);
    this.#end('visitor-gone', 'the visitor closed the connection', false);
  }

  stalled(): void {
    if (this.#state === 'head' && this.#request.done) this.#fail('upstream-timed-out', 'the service did not answer in time', null);
    else if (this.#state === 'head') this.#fail('body-timed-out', 'the body came too slowly, or not at all', null);
    else this.cut('stream-idle', 'nothing moved for too long, or too little');
  }

  #readHead(chunk: Uint8Array, at: number): number | null {
    const step = this.#tap.reader.push(chunk, at);
    switch (step.is) {
      case 'more':
        return chunk.length;
      case 'refused':
        this.#fail(step.fault.code, step.fault.why, null);
        return null;
      case 'head':
        if (step.head.status === 101) return this.#switch(step.head, step.next);
        if (step.head.status < 200) this.#writer.interim(step.head);
        else this.#answer(step.head, step.next === chunk.length);
        return this.#settled ? null : step.next;
      default:
        return step satisfies never;
    }
  }

  /** 101: only where the visitor asked for a WebSocket; then both directions are bytes. */
  #switch(head: ResponseHead, next: number): number | null {
    if (this.#head.upgrade === null || head.upgrade !== this.#head.upgrade || !this.#request.done) {
      this.#fail('response-malformed', 'the service switched protocols without being asked', null);
      return null;
    }
    this.#status = 101;
    this.#quietMs = this.#limits.upgradedIdleMs;
    this.#closing = true;
    this.#writer.switched(head);
    this.#state = 'raw';
    this.#request.raw = true;
    this.#flushVisitor();
    this.#visitor.readRaw(this);
    return next;
  }

  #answer(head: ResponseHead, nothingFollows: boolean): void {
    const found = answerFound(head, this.#head.method, this.#to, this.#forwarding?.wall);
    if (found !== null && typeof found !== 'string') return this.#fail(found.code, found.why, null);
    this.#watched = found;
    this.#persistent = head.persistent;
    this.#status = head.status;
    // Events may be far between; other answers move or die.
    if (mayBeSilent(head.fields)) this.#quietMs = this.#limits.upgradedIdleMs;
    else if (!this.#talks) this.#quietMs = this.#forwarding?.idleMs ?? this.#limits.answerMs;
    // An early answer: the rest of the request is never parsed as another one (CL.0), so the connection ends with it.
    const told = this.#forwarding?.rewrite?.response(head, this.#head, this.#visitor.lines.scheme) ?? head;
    this.#closing = this.#writer.begin(
      headInsisting(withOwn(told, this.#to.own), this.#strict),
      !this.#request.done || !this.#visitor.persistent,
    );
    this.#state = 'body';
    if (this.#writer.done) this.#responseWhole(head.persistent && nothingFollows);
  }

  #readBody(chunk: Uint8Array, at: number): number | null {
    const read = this.#state === 'raw' ? this.#writer.raw(chunk, at) : this.#writer.push(chunk, at);
    const step = contentFound(read, this.#writer.bytes, this.#to);
    if (typeof step !== 'number') {
      this.#fail(step.code, step.why, null);
      return null;
    }
    if (this.#state === 'body' && this.#writer.done) {
      // What follows a complete answer was asked for by nobody: the connection is not used again.
      this.#responseWhole(step === chunk.length && this.#persistent);
      return null;
    }
    return step;
  }

  #flushVisitor(): void {
    if (this.#writer.flush()) return;
    this.#to.stream.pause();
    this.#visitor.full();
  }

  #responseWhole(reusable: boolean): void {
    this.#writer.end();
    this.#state = 'done';
    this.#writer.flush();
    this.#end(null, this.#watched, reusable && this.#request.done && !signsInConnection(this.#head.fields));
  }

  /** It went wrong. Before the visitor got a byte somebody else answers; after that the visitor must see that it is not whole. */
  #fail(code: Code, why: string, error: NodeJS.ErrnoException | null): void {
    if (this.#settled) return;
    if (this.#status !== null) return this.cut(code, why);
    const untouched = !this.#heard && mayBeRepeated(this.#head, this.#to, code);
    // An interim answer may wait there: it goes before whatever is said next.
    this.#writer.flush();
    this.#leave(false, code);
    const said = error === null ? why : `${why} (${error.code ?? error.name})`;
    this.#owner.settled(unansweredTally({ code, why: said, bytesIn: this.#request.bytes, untouched }));
  }

  #end(code: Code | null, why: string | null, reusable: boolean): void {
    if (this.#settled) return;
    this.#leave(reusable, code);
    if (this.#closing) this.#visitor.linger();
    const [bytesIn, bytesOut] = [this.#request.bytes, this.#writer.bytes];
    this.#owner.settled({ status: this.#status, bytesIn, bytesOut, code, why, reusable, end: 'done' });
  }

  #leave(reusable: boolean, code: Code | null): void {
    this.#settled = true;
    this.#tap.drinker = null;
    this.#to.stream.resume();
    this.#to.release(reusable, code);
  }
}
