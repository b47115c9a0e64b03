/** A carrier: one socket and one mux session, joined. All frames of one turn go out in one write. */

import type { Duplex } from 'node:stream';
import type { Code, Fault } from '../core/errors.ts';
import { fault } from '../core/errors.ts';
import { frameHeaderBytes, framesBytes, writeFrames, writeHeader } from '../core/mux/frame.ts';
import type { Frame, MessageType } from '../core/mux/frame.ts';
import type { Opening } from '../core/mux/opening.ts';
import type { MuxEvent, MuxLimits, PeerLimits } from '../core/mux/events.ts';
import { MuxSession } from '../core/mux/session.ts';
import type { StreamCarrier } from './carrier-stream.ts';
import { CarrierStream } from './carrier-stream.ts';
import type { Clocks } from './clock-watch.ts';
import { ClockWatch, clocks } from './clock-watch.ts';

/** Who is told what happens on a carrier. */
export interface CarrierTaker {
  message(type: MessageType, value: unknown): void;
  /** A stream that the peer opened. It counts as taken once this returns, unless it was destroyed. */
  open(stream: CarrierStream, opening: Opening): void;
  /** The peer takes no new streams; those that run may end. */
  goaway(code: Code): void;
  /** It is over, for the first and only time. All streams have been cut. */
  end(why: Fault): void;
}

/** What may go and waits for the socket before writers are made to wait: a turn of bulk. What waits for credit holds up nobody else. */
const waitingBytesMax = 262_144;
/** Data of one turn. What is below 64 KiB is copied into one buffer, which is cheaper than several writes. */
const turnBytesMax = 262_144;
const concatBytesMax = 65_536;

export class Carrier implements StreamCarrier {
  readonly #socket: Duplex;
  readonly #session: MuxSession;
  readonly #taker: CarrierTaker;
  readonly #now: () => number;
  readonly #side: 'relay' | 'gateway';
  readonly #streams = new Map<number, CarrierStream>();
  readonly #timer: NodeJS.Timeout;
  #scheduled = false;
  #ended = false;
  #probes: ((alive: boolean) => void)[] = [];

  /** Takes the socket over: nothing else may read or write it from now on. */
  constructor(options: Readonly<{ socket: Duplex; side: 'relay' | 'gateway'; limits: MuxLimits; taker: CarrierTaker; clocks?: Clocks }>) {
    this.#socket = options.socket;
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
    this.#socket.on('data', (bytes: Uint8Array) => this.#receive(bytes));
    this.#socket.on('drain', () => this.#drained());
    // An end without close_notify looks like a clean one: either way the streams have lost their carrier.
    this.#socket.on('end', () => this.#end(fault('carrier-broken', 'the other side closed the carrier')));
    this.#socket.on('error', (error: Error) => this.#end(fault('carrier-broken', error.message)));
    this.#socket.on('close', () => this.#end(fault('carrier-broken', 'the connection is gone')));
  }

  get streams(): number {
    return this.#streams.size;
  }
  get ended(): boolean {
    return this.#ended;
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

  begin(peer: PeerLimits): void {
    this.#session.begin(peer);
    if (this.#side === 'relay') return;
    // How long the way is, before the first visitor wants to know. The relay asks with the first registration.
    this.#session.ping(this.#now());
    this.#schedule();
  }

  /** Opens a stream, in the same turn as its first bytes. Null when the peer takes no more. */
  open(opening: Opening): CarrierStream | null {
    const id = this.#ended ? null : this.#session.open(opening, this.#now());
    if (id === null) return null;
    this.#schedule();
    return this.#keep(id);
  }

  /** Whether the other side answers within this time. For whoever has a reason to doubt it: another network, a taken name. */
  probe(ms: number): Promise<boolean> {
    if (this.#ended) return Promise.resolve(false);
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(resolve, ms, false);
    this.#probes.push((alive) => {
      clearTimeout(timer);
      resolve(alive);
    });
    this.#session.ping(this.#now());
    this.#schedule();
    return promise;
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

  drained(id: number, count: number): void {
    this.#session.drained(id, count, this.#now());
    if (!this.#session.idle) this.#schedule();
  }

  #keep(id: number): CarrierStream {
    const stream = new CarrierStream(this, id);
    this.#streams.set(id, stream);
    return stream;
  }

  #receive(bytes: Uint8Array): void {
    if (this.#ended) return;
    for (const event of this.#session.receive(bytes, this.#now())) this.#handle(event);
    if (this.#probes.length > 0) this.#answerProbes(true);
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
    if (this.#ended) return;
    for (const event of this.#session.tick(this.#now(), jumped)) this.#handle(event);
    if (!this.#session.idle) this.#schedule();
  }

  #drained(): void {
    this.#session.wrote(this.#now());
    this.#schedule();
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
    if (this.#socket.writableNeedDrain) return;
    const { frames, emptied } = this.#session.take(turnBytesMax, this.#now());
    if (frames.length > 0) this.#write(frames);
    for (const id of emptied) this.#streams.get(id)?.sent();
    if (!this.#session.idle && !this.#socket.writableNeedDrain) this.#schedule();
  }

  #write(frames: readonly Frame[]): void {
    const size = framesBytes(frames);
    if (size <= concatBytesMax) {
      const bytes = Buffer.allocUnsafe(size);
      writeFrames(frames, bytes);
      this.#socket.write(bytes);
      return;
    }
    this.#socket.cork();
    for (const { type, stream, payload } of frames) {
      const head = Buffer.allocUnsafe(frameHeaderBytes);
      writeHeader(head, 0, type, stream, payload === null ? 0 : payload.length);
      this.#socket.write(head);
      if (payload !== null) this.#socket.write(payload);
    }
    this.#socket.uncork();
  }

  #end(why: Fault): void {
    if (this.#ended) return;
    const last = this.#session.take(0).frames;
    if (last.length > 0 && this.#socket.writable) this.#write(last);
    this.#ended = true;
    clearInterval(this.#timer);
    this.#answerProbes(false);
    for (const [id] of this.#streams) this.#cut(id, 'carrier-broken');
    // The peer may never read what is left: a second for the goodbye, and then the end.
    this.#socket.end();
    setTimeout(() => this.#socket.destroy(), 1_000).unref();
    this.#taker.end(why);
  }

  #answerProbes(alive: boolean): void {
    const probes = this.#probes;
    this.#probes = [];
    for (const answer of probes) answer(alive);
  }
}
