/** The visitor's side of an HTTP/1.1 connection: reads heads and bodies in order, writes answers, keeps the time. */

import type { Duplex } from 'node:stream';
import type { Deadline, ProtocolTools } from '../../../contracts/protocol.ts';
import type { Arrival } from '../../../contracts/stream.ts';
import { VisitorLines } from '../../../core/http/forward.ts';
import type { Fields } from '../../../core/http/fields.ts';
import type { RequestHead } from '../../../core/http/head.ts';
import { RequestReader } from '../../../core/http/request-reader.ts';
import { fault, type Fault } from '../../../core/errors.ts';
import { Backlog } from './backlog.ts';
import { Batch } from './batch.ts';
import { BodyIntake } from './body-intake.ts';
import { discardRest } from './discard-rest.ts';
import { nativeLatin1 } from './latin1.ts';
import type { BodyTaker, VisitorOwner, VisitorState } from './parties.ts';

/** RFC 9112, 8: nothing may be made of half a message. */
const halfBody = fault('message-incomplete', 'the visitor ended its side before the body was complete');

export class Visitor implements Deadline {
  at: number;
  readonly stream: Duplex;
  /** What is to be written to the visitor. Empty between exchanges. */
  readonly out = new Batch();
  /** What a service is told of this visitor. */
  readonly lines: VisitorLines;
  readonly #tools: ProtocolTools;
  readonly #owner: VisitorOwner;
  readonly #reader: RequestReader;
  #state: VisitorState = 'head';
  #body: BodyIntake | null = null;
  #head: RequestHead | null = null;
  #taker: BodyTaker | null = null;
  /** Who cannot take more makes it wait. */
  readonly backlog: Backlog;
  #ended = false;
  /** The next request waits until the last answer has been taken. */
  #full = false;
  readonly #lingerMs: number;
  #exchanges = 0;

  constructor(arrival: Arrival, tools: ProtocolTools, owner: VisitorOwner) {
    const { stream, from, listener } = arrival;
    this.stream = stream;
    this.lines = new VisitorLines({ from: from.ip, scheme: listener.scheme === 'http' ? 'http' : 'https', port: listener.port });
    this.#tools = tools;
    // Behind a relay a window of the answer may lie with it still, and a cut would overtake it.
    this.#lingerMs = listener.via === 'relay' ? tools.limits.idleMs : tools.limits.lingerMs;
    this.#owner = owner;
    this.#reader = new RequestReader({ limits: tools.limits, latin1: nativeLatin1 });
    this.at = tools.deadlines.time() + tools.limits.headMs;
    tools.deadlines.add(this);
    this.backlog = new Backlog(stream, (chunk) => this.#feed(chunk));
    stream.on('data', (chunk: Uint8Array) => this.backlog.take(chunk));
    stream.on('end', () => this.#end());
    stream.on('error', () => undefined);
    stream.on('close', () => this.#close());
    stream.on('drain', () => this.#drained());
    // What ended or closed in the very turn of its handshake says so no more.
    if (stream.destroyed) this.#close();
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
    if (this.#full) return this.touch();
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
    this.touch();
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
    this.backlog.flow();
    taker.turn();
    if (this.#ended) taker.whole();
  }

  /** Something moved: the deadline of an idle stream starts anew. Who has ended their side has most likely left, and holds no stream for an hour. */
  touch(idleMs = this.#tools.limits.idleMs): void {
    const { answerMs } = this.#tools.limits;
    this.at = this.#tools.deadlines.time() + (this.#ended && idleMs > answerMs ? answerMs : idleMs);
  }

  /** The last answer is written: says goodbye, and reads what still comes for a while so that it is not lost to a reset. */
  linger(): void {
    if (this.#state === 'closed') return;
    this.#state = 'discard';
    this.backlog.drop();
    // Slow readers have the time of every other stream to take what was written, and only then the short one to leave.
    this.touch();
    discardRest(this.stream, this.#tools.limits.lingerBytesMax, () => {
      if (this.#ended) this.stream.destroy();
      else this.touch(this.#lingerMs);
    });
  }

  destroy(): void {
    this.stream.destroy();
  }

  expire(): void {
    const state = this.#state;
    if (state === 'head' && this.#reader.started) this.#refuse(fault('head-timed-out', 'the head was not complete in time'));
    else if (state === 'head' || state === 'discard') this.stream.destroy();
    else if (state === 'holding') this.#heldTooLong();
    else if (state !== 'closed') {
      this.at = Infinity;
      this.#owner.stalled();
    }
  }

  #drained(): void {
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
    const idle = !this.#reader.started;
    const step = this.#reader.push(chunk, at);
    switch (step.is) {
      case 'more':
        if (idle && this.#reader.started) this.touch(this.#tools.limits.headMs);
        return chunk.length;
      case 'refused':
        this.#refuse(step.fault);
        return chunk.length;
      case 'head':
        this.#begin(step.head);
        return step.next;
      default:
        return step satisfies never;
    }
  }

  #begin(head: RequestHead): void {
    this.#head = head;
    this.#exchanges += 1;
    const limits = this.#tools.limits;
    if (head.framing.is === 'none' || (head.framing.is === 'length' && head.framing.length === 0)) {
      this.#body = null;
      return this.#deliver();
    }
    const now = this.#tools.deadlines.time();
    this.#body = new BodyIntake(head.framing, limits, now);
    if (head.expectsContinue) return this.#deliver();
    this.#state = 'holding';
    this.at = now + (head.framing.is === 'chunked' ? limits.bodyHeldMs : limits.idleMs);
  }

  /** A chunked body may be meant to dribble: its service hears of it after a while. One with a length has no excuse. */
  #heldTooLong(): void {
    const end = (this.#body?.since ?? 0) + this.#tools.limits.idleMs;
    if (this.#body?.dribbles === true) this.#deliver();
    else if (this.#tools.deadlines.time() < end) this.at = end;
    else this.#refuse(fault('body-timed-out', 'the body was not complete in time'));
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
    this.touch();
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
    this.at = Infinity;
    this.#owner.refused(problem);
  }

  #end(): void {
    this.#ended = true;
    this.at = Math.min(this.at, this.#tools.deadlines.time() + this.#tools.limits.answerMs);
    const state = this.#state;
    const problem = state === 'head' ? this.#reader.end() : null;
    if (problem !== null) this.#refuse(problem);
    else if (state === 'head') this.stream.end();
    else if (state === 'holding') this.#refuse(halfBody);
    else if (state === 'body') this.#taker?.broken(halfBody);
    else if (state === 'raw') this.#taker?.whole();
    else if (state === 'discard' && this.stream.writableFinished) this.stream.destroy();
  }

  #close(): void {
    this.#state = 'closed';
    this.at = Infinity;
    this.#tools.deadlines.delete(this);
    this.backlog.drop();
    this.#owner.gone();
  }
}
