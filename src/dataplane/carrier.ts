/** A carrier: one socket and one mux session, joined. All frames of one turn go out in one write. */

import type { Duplex } from 'node:stream';
import type { Code, Fault } from '../core/errors.ts';
import { fault } from '../core/errors.ts';
import type { MessageType } from '../core/mux/frame.ts';
import type { Opening } from '../core/mux/opening.ts';
import type { MuxEvent, MuxLimits, PeerLimits } from '../core/mux/events.ts';
import { MuxSession } from '../core/mux/session.ts';
import { CarrierLine, type LineTaker } from './carrier-line.ts';
import type { StreamCarrier } from './carrier-stream.ts';
import { CarrierStream } from './carrier-stream.ts';
import type { CarrierTaker } from './carrier-taker.ts';
import type { Clocks } from './clock-watch.ts';
import { ClockWatch, clocks } from './clock-watch.ts';
import { Probes } from './probes.ts';

/** What may go and waits for the socket before writers are made to wait: a turn of bulk. What waits for credit holds up nobody else. */
const waitingBytesMax = 262_144;
/** Data of one turn. */
const turnBytesMax = 262_144;

export class Carrier implements StreamCarrier, LineTaker {
  readonly #line: CarrierLine;
  readonly #resumeMs: number;
  readonly #session: MuxSession;
  readonly #taker: CarrierTaker;
  readonly #now: () => number;
  readonly #side: 'relay' | 'gateway';
  readonly #streams = new Map<number, CarrierStream>();
  readonly #timer: NodeJS.Timeout;
  #scheduled = false;
  /** Set while there is no connection, and another one may come. */
  #suspension: NodeJS.Timeout | null = null;
  #ended = false;
  readonly #probes = new Probes();

  /** Takes the socket over: nothing else may read or write it from now on. */
  constructor(options: Readonly<{ socket: Duplex; side: 'relay' | 'gateway'; limits: MuxLimits; taker: CarrierTaker; clocks?: Clocks }>) {
    this.#taker = options.taker;
    const at = options.clocks ?? clocks;
    this.#now = at.steady;
    this.#side = options.side;
    this.#session = new MuxSession({ side: options.side, limits: options.limits, now: this.#now() });
    const periodMs = Math.min(2_000, Math.max(10, Math.floor(options.limits.carrierIdleMs / 15)));
    const watch = new ClockWatch(at, periodMs);
    // Behind the poll phase: after a long turn what the peer said meanwhile is read before it is judged.
    this.#timer = setInterval(() => setImmediate(() => this.#tick(watch.jumped())), periodMs);
    this.#timer.unref();
    this.#resumeMs = options.limits.resumeMs;
    this.#line = new CarrierLine(options.socket, this, { unackedBytesMax: options.limits.resumeBytesMax });
  }

  get streams(): number {
    return this.#streams.size;
  }
  get ended(): boolean {
    return this.#ended;
  }
  /** Whether its connection is gone, and another one may take its place. */
  get suspended(): boolean {
    return this.#suspension !== null;
  }
  /** How many bytes came so far: where the other side goes on after a break. */
  get received(): number {
    return this.#line.received;
  }
  get roundTripMs(): number | null {
    return this.#session.roundTripMs;
  }
  /** What this end tells the other in its greeting. */
  get limits(): PeerLimits {
    return this.#session.ours;
  }

  message(type: MessageType, value: unknown): void {
    this.#session.message(type, value);
    this.#schedule();
  }

  /** The greeting is over. `resumable`: both sides can go on over another connection when this one breaks. */
  begin(peer: PeerLimits, resumable = false): void {
    this.#line.begin(resumable);
    this.#session.begin(peer);
    if (this.#side === 'relay') return;
    // How long the way is, before the first visitor wants to know. The relay asks with the first registration.
    this.#session.ping(this.#now());
    this.#schedule();
  }

  /** Opens a stream, in the same turn as its first bytes. Null when the peer takes no more. */
  open(opening: Opening): CarrierStream | null {
    const id = this.#ended || this.suspended ? null : this.#session.open(opening, this.#now());
    if (id === null) return null;
    this.#schedule();
    return this.#keep(id);
  }

  /** Whether the other side answers within this time. For whoever has a reason to doubt it: another network, a taken name. */
  probe(ms: number): Promise<boolean> {
    if (this.#ended || this.suspended) return Promise.resolve(false);
    const answer = this.#probes.ask(ms);
    this.#session.ping(this.#now());
    this.#schedule();
    return answer;
  }

  /** Says that no new streams are taken. */
  goaway(code: Code): void {
    this.#session.goaway(code);
    this.#schedule();
  }

  /** Ends it now; what was queued (a `refused`, a `goaway`) is still written. */
  close(why: Fault): void {
    if (this.#ended) return;
    this.#session.goaway(why.code);
    this.#end(why);
  }

  /** Whether it can go on over another connection, from this position of the other side. */
  takes(position: number): boolean {
    return !this.#ended && this.#line.takes(position);
  }

  /** Goes on over another connection; `rest` was read of it already. False when the position cannot be. */
  resume(socket: Duplex, position: number, rest: Uint8Array | null = null): boolean {
    if (!this.takes(position)) return false;
    if (this.#suspension !== null) clearTimeout(this.#suspension);
    this.#suspension = null;
    this.#session.resumed(this.#now());
    this.#line.attach(socket, position, rest);
    this.#schedule();
    return true;
  }

  /** Gives its connection away: it was made for another carrier. */
  give(): Duplex | null {
    const socket = this.#line.give();
    this.#ended = true;
    clearInterval(this.#timer);
    return socket;
  }

  /** Its connection is dead, whatever the socket says. A carrier that cannot go on over another one ends. */
  doubt(why: Fault): void {
    if (this.#line.attached) this.#line.break(why.why);
  }

  send(id: number, bytes: Uint8Array): boolean {
    const taken = this.#session.send(id, bytes);
    if (taken) this.#schedule();
    return taken;
  }

  hasRoom(id: number, count: number): boolean {
    return this.#session.readyBytes + count <= waitingBytesMax && this.#session.hasCredit(id, count);
  }

  finish(id: number): void {
    this.#session.finish(id);
    this.#schedule();
  }

  reset(id: number, code: Code): void {
    this.#streams.delete(id);
    this.#session.reset(id, code);
    this.#schedule();
  }

  consumed(id: number, count: number): void {
    this.#session.drained(id, count, this.#now());
    if (!this.#session.idle) this.#schedule();
  }

  #keep(id: number): CarrierStream {
    const stream = new CarrierStream(this, id);
    this.#streams.set(id, stream);
    return stream;
  }

  /** What came over the line. */
  receive(bytes: Uint8Array): void {
    if (this.#ended) return;
    for (const event of this.#session.receive(bytes, this.#now())) this.#handle(event);
    this.#probes.answer(true);
    this.#acknowledge(false);
    if (!this.#session.idle) this.#schedule();
  }

  #handle(event: MuxEvent): void {
    switch (event.is) {
      case 'data':
        this.#streams.get(event.stream)?.arrive(event.bytes);
        return;
      case 'open': {
        const stream = this.#keep(event.stream);
        this.#taker.open(stream, event.opening);
        if (!stream.destroyed) this.#session.accept(event.stream);
        return;
      }
      case 'opened':
        return;
      case 'fin':
        this.#streams.get(event.stream)?.arriveEnd();
        return;
      case 'reset':
        this.#cut(event.stream, event.code);
        return;
      case 'message':
        this.#taker.message(event.type, event.value);
        return;
      case 'goaway':
        this.#taker.goaway(event.code);
        return;
      case 'acked':
        if (!this.#line.acknowledged(event.position)) this.#end(fault('frame-malformed', 'an acknowledgement of what was not sent'));
        return;
      case 'silent':
        this.doubt(event.fault);
        return;
      case 'fault':
        this.#end(event.fault);
        return;
      default:
        event satisfies never;
    }
  }

  #cut(id: number, code: Code): void {
    const stream = this.#streams.get(id);
    this.#streams.delete(id);
    stream?.cut(code);
  }

  #tick(jumped: boolean): void {
    if (this.#ended || this.suspended) return;
    this.#acknowledge(true);
    for (const event of this.#session.tick(this.#now(), jumped, this.#maySuspend)) this.#handle(event);
    if (!this.#session.idle) this.#schedule();
  }

  drained(): void {
    this.#session.wrote(this.#now());
    this.#schedule();
  }

  lost(why: string, may: boolean): void {
    if (this.#ended) return;
    if (!may || !this.#maySuspend) return this.#end(fault('carrier-broken', why));
    this.#probes.answer(false);
    this.#suspension = setTimeout(() => this.#end(fault('carrier-broken', why)), this.#resumeMs);
    this.#suspension.unref();
    this.#taker.suspended?.();
  }

  /** Where nothing runs there is nothing to save, and a new carrier is as good. Who said goodbye is not there any more. */
  get #maySuspend(): boolean {
    return this.#taker.suspended !== undefined && this.#streams.size > 0 && !this.#session.leaving;
  }

  #acknowledge(all: boolean): void {
    const position = this.#line.toAcknowledge(all);
    if (position !== null) this.#session.ack(position);
  }

  #schedule(): void {
    if (this.#scheduled || this.#ended) return;
    this.#scheduled = true;
    // The check phase follows the poll phase: whatever all sockets brought in this turn goes out together.
    setImmediate(() => {
      this.#scheduled = false;
      if (!this.#ended) this.#flush();
    });
  }

  #flush(): void {
    // What the socket does not take stays in the session, which counts it and gives up on a peer that never reads.
    if (this.#line.full) return;
    const { frames, emptied } = this.#session.take(turnBytesMax, this.#now());
    if (frames.length > 0) this.#line.send(frames);
    for (const id of emptied) this.#streams.get(id)?.sent();
    if (!this.#session.idle && !this.#line.full) this.#schedule();
  }

  #end(why: Fault): void {
    if (this.#ended) return;
    const last = this.#session.take(0).frames;
    if (last.length > 0 && this.#line.attached) this.#line.send(last);
    this.#ended = true;
    if (this.#suspension !== null) clearTimeout(this.#suspension);
    this.#suspension = null;
    clearInterval(this.#timer);
    this.#probes.answer(false);
    for (const [id] of this.#streams) this.#cut(id, 'carrier-broken');
    this.#line.end();
    this.#taker.end(why);
  }
}
