/** The visitor's side of an HTTP/1.1 connection: reads heads and bodies in order, writes answers, keeps the time. */

import type { Duplex } from 'node:stream';
import type { ProtocolTools } from '../../../contracts/protocol.ts';
import type { Arrival } from '../../../contracts/stream.ts';
import { visitorLines } from '../../../core/egress/proxied.ts';
import type { Fields } from '../../../core/http/fields.ts';
import type { RequestHead } from '../../../core/http/head.ts';
import { RequestReader } from '../../../core/http/request-reader.ts';
import { fault, type Fault } from '../../../core/errors.ts';
import { Backlog } from './backlog.ts';
import { Batch } from '../http/batch.ts';
import { BodyIntake, halfBody } from './body-intake.ts';
import { discardRest } from './discard-rest.ts';
import { nativeLatin1 } from '../http/latin1.ts';
import type { BodyTaker, VisitorSide } from '../http/parties.ts';
import type { VisitorOwner, VisitorState } from './owner.ts';
import { Patience } from '../http/patience.ts';

const ignore = (): void => undefined;

export class Visitor implements VisitorSide {
  readonly stream: Duplex;
  /** What is to be written to the visitor. Empty between exchanges. */
  readonly out = new Batch();
  /** What a service is told of this visitor. */
  lines: VisitorSide['lines'];
  readonly #tools: ProtocolTools;
  readonly #owner: VisitorOwner;
  /** Null once bytes are no longer HTTP. */
  #reader: RequestReader | null;
  readonly #patience: Patience;
  #state: VisitorState = 'head';
  #body: BodyIntake | null = null;
  #head: RequestHead | null = null;
  #taker: BodyTaker | null = null;
  /** Who cannot take more makes it wait. */
  readonly backlog: Backlog;
  #ended = false;
  /** The next request waits until the last answer has been taken. */
  #full = false;
  #exchanges = 0;

  constructor(arrival: Arrival, tools: ProtocolTools, owner: VisitorOwner) {
    const { stream, from, listener } = arrival;
    this.stream = stream;
    this.lines = visitorLines(from, listener);
    this.#tools = tools;
    this.#owner = owner;
    this.#reader = new RequestReader({ limits: tools.limits, latin1: nativeLatin1, forwardProxy: listener.proxy !== undefined });
    this.#patience = new Patience(tools, listener.via, () => this.#expire());
    tools.deadlines.add(this.#patience);
    this.backlog = new Backlog(stream, (chunk) => this.#feed(chunk));
    stream.on('data', (chunk: Uint8Array) => this.backlog.take(chunk));
    stream.on('end', () => this.#end());
    stream.on('error', ignore);
    stream.on('close', () => this.#close(this.#state === 'holding'));
    stream.on('drain', () => this.#drained());
    // What ended or closed in the very turn of its handshake says so no more.
    if (stream.destroyed) this.#close(false);
    else if (stream.readableEnded) this.#end();
  }

  get state(): VisitorState {
    return this.#state;
  }

  /** Whether the whole body of the request that is served has been read. */
  get bodyRead(): boolean {
    return this.#body === null || this.#body.done;
  }

  get bodyBytes(): number {
    return this.#body?.bytes ?? 0;
  }

  get trailers(): Fields {
    return this.#body?.trailers ?? [];
  }

  /** Whether the connection may serve another request after this one. */
  get persistent(): boolean {
    return (
      (this.#head?.persistent ?? false) &&
      !(this.#ended && this.backlog.empty) &&
      this.#exchanges < this.#tools.limits.keepAliveExchangesMax
    );
  }

  /** The exchange has ended cleanly: the next request may be read. */
  next(): void {
    // Who pipelines and does not read would make us keep every answer.
    this.#full = this.stream.writableNeedDrain;
    if (this.#full) return this.full();
    this.#state = 'head';
    // A service that answered early is waited for no more.
    this.backlog.release();
    this.#head = null;
    this.#body = null;
    this.#taker = null;
    this.touch(this.#tools.limits.keepAliveMs);
    this.backlog.flow();
    if (this.#ended && this.#state === 'head') this.#end();
  }

  /** Lets the body flow to `taker`, what was held first. */
  readBody(taker: BodyTaker): void {
    this.#state = 'body';
    this.#taker = taker;
    // Who waits for a 100 is not slow.
    if (!taker.paced || (this.bodyBytes === 0 && this.#head?.expectsContinue === true)) this.touch();
    else this.#patience.begin(this.bodyBytes);
    this.#body?.give(taker);
    if (this.bodyRead) this.#bodyWhole();
    else this.backlog.flow();
    taker.turn();
    if (this.#ended && !this.bodyRead) taker.broken(halfBody);
  }

  /** From now on bytes are no longer HTTP: both sides have agreed to another protocol. */
  readRaw(taker: BodyTaker): void {
    this.#state = 'raw';
    this.#taker = taker;
    // It may last for days: of what was asked, and shown with it, nothing is kept.
    this.#reader = null;
    this.#head = null;
    this.backlog.flow();
    taker.turn();
    if (this.#ended) taker.whole();
  }

  /** Something moved: the deadline of an idle stream starts anew. */
  touch(idleMs = this.#tools.limits.idleMs): void {
    this.#patience.allow(idleMs);
  }

  /** The stream asks to wait until what was written has been taken. */
  full(): void {
    this.#patience.full(this.stream.writableLength);
  }

  /** The last answer is written: says goodbye, and reads what still comes for a while so that it is not lost to a reset. */
  linger(): void {
    if (this.#state === 'closed') return;
    this.#state = 'discard';
    this.backlog.drop();
    // Slow readers have the time of every other stream to take what was written, and only then the short one to leave.
    this.full();
    discardRest(this.stream, this.#tools.limits.lingerBytesMax, () => {
      if (this.#ended) this.stream.destroy();
      else this.#patience.leave();
    });
  }

  destroy(): void {
    this.stream.destroy();
  }

  #expire(): void {
    const state = this.#state;
    if (state === 'head' && this.#reader?.started === true) this.#refuse(fault('head-timed-out', 'the head was not complete in time'));
    else if (state === 'head' || state === 'discard') this.stream.destroy();
    else if (state === 'holding') this.#heldTooLong();
    else if (state !== 'closed') {
      this.#patience.forget();
      this.#owner.stalled();
    }
  }

  #drained(): void {
    this.#patience.taken();
    if (this.#full) this.next();
    else this.#owner.drained();
  }

  #feed(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      switch (this.#state) {
        case 'head':
          at = this.#readHead(chunk, at);
          break;
        case 'holding':
        case 'body':
          if (this.backlog.paused) return this.#keep(chunk, at);
          at = this.#readBody(chunk, at);
          break;
        case 'raw':
          this.touch(this.#tools.limits.upgradedIdleMs);
          this.#taker?.span(at === 0 ? chunk : chunk.subarray(at));
          at = chunk.length;
          break;
        case 'held':
          return this.#keep(chunk, at);
        case 'discard':
        case 'closed':
          return;
      }
    }
    this.#taker?.turn();
  }

  #keep(chunk: Uint8Array, at: number): void {
    this.backlog.keep(chunk, at);
    this.#taker?.turn();
  }

  #readHead(chunk: Uint8Array, at: number): number {
    const reader = this.#reader;
    if (reader === null) return chunk.length;
    const idle = !reader.started;
    const step = reader.push(chunk, at);
    if (step.is === 'head') this.#begin(step.head);
    else if (step.is === 'refused') this.#refuse(step.fault);
    else if (idle && reader.started) this.touch(this.#tools.limits.headMs);
    return step.is === 'head' ? step.next : chunk.length;
  }

  #begin(head: RequestHead): void {
    this.#head = head;
    this.#exchanges += 1;
    if (head.framing.is === 'none' || (head.framing.is === 'length' && head.framing.length === 0)) {
      this.#body = null;
      return this.#deliver();
    }
    this.#body = new BodyIntake(head.framing, this.#tools.limits);
    if (head.expectsContinue) return this.#deliver();
    this.#state = 'holding';
    this.#patience.hold(head.framing);
  }

  /** A chunked body may be meant to dribble: its service hears of it after a while. One with a length has no excuse. */
  #heldTooLong(): void {
    if (this.#body?.dribbles === true) this.#deliver();
    else if (!this.#patience.holdOn()) this.#refuse(fault('body-timed-out', 'the body was not complete in time'));
  }

  #deliver(): void {
    const head = this.#head;
    if (head === null) return;
    this.#state = 'held';
    this.touch(this.#tools.limits.answerMs);
    this.#owner.request(head);
  }

  #readBody(chunk: Uint8Array, at: number): number {
    const body = this.#body;
    if (body === null) return at;
    const holding = this.#state === 'holding';
    const step = body.push(chunk, at, holding ? null : this.#taker);
    if (typeof step !== 'number') {
      if (holding) this.#refuse(step);
      else this.#taker?.broken(step);
      return chunk.length;
    }
    if (holding) {
      // Its deadline is the whole body's: who sends a byte now and then gains nothing by it.
      if (body.done || body.bytes >= this.#tools.limits.bodyHeldBytesMax) this.#deliver();
      return step;
    }
    if (this.#taker?.paced === true) this.#patience.earn(step - at);
    else this.touch();
    if (body.done) this.#bodyWhole();
    return step;
  }

  #bodyWhole(): void {
    this.#state = 'held';
    this.touch(this.#tools.limits.answerMs);
    this.#taker?.whole();
  }

  #refuse(problem: Fault): void {
    this.#state = 'held';
    this.#patience.forget();
    this.#owner.refused(problem);
  }

  #end(): void {
    this.#ended = true;
    this.#patience.end();
    const state = this.#state;
    const problem = state === 'head' ? (this.#reader?.end() ?? null) : null;
    if (problem !== null) this.#refuse(problem);
    else if (state === 'head') this.stream.end();
    else if (state === 'holding') this.#refuse(halfBody);
    else if (state === 'body') this.#taker?.broken(halfBody);
    else if (state === 'raw') this.#taker?.whole();
    else if (state === 'discard' && this.stream.writableFinished) this.stream.destroy();
  }

  #close(half: boolean): void {
    this.#state = 'closed';
    this.#patience.forget();
    this.#tools.deadlines.delete(this.#patience);
    this.backlog.drop();
    this.#owner.gone(half);
  }
}
