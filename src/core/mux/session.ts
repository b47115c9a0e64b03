/** One end of a carrier as a state machine: bytes and commands in, events and frames out. No socket, no clock. */

import type { Code, Fault } from '../errors.ts';
import { fault } from '../errors.ts';
import { Crumbs, ackPayload, ackPosition } from './ack.ts';
import { Budget } from './budget.ts';
import type { MuxEvent, MuxOptions, PeerLimits } from './events.ts';
import type { FrameTaker } from './frame-reader.ts';
import { FrameReader } from './frame-reader.ts';
import type { Header, MessageType } from './frame.ts';
import { frameTypes, readUint32, writeUint32 } from './frame.ts';
import { Flight } from './flight.ts';
import { Heartbeat } from './heartbeat.ts';
import { decodeMessage, encodeMessage } from './message.ts';
import type { Opening } from './opening.ts';
import type { Turn } from './outbox.ts';
import { Outbox } from './outbox.ts';
import { reasonByte, reasonCode } from './reasons.ts';
import { MuxStreams } from './streams.ts';

/** What a peer that never reads may make us queue. Far above what a healthy carrier has in one turn. */
const controlQueueMax = 8_192;

/**
 * Begins in the greeting, where one message of each side is all that may pass; `begin` ends it.
 * The relay opens streams with odd ids; even ids are the gateway's, which opens none in this version.
 */
export class MuxSession implements FrameTaker {
  readonly #options: MuxOptions;
  readonly #reader: FrameReader;
  readonly #outbox: Outbox;
  readonly #unearned: Budget;
  readonly #heartbeat: Heartbeat;
  readonly #streams: MuxStreams;
  readonly #flight = new Flight();
  readonly #crumbs = new Crumbs();
  #events: MuxEvent[] = [];
  #phase: 'greeting' | 'greeted' | 'running' | 'over' = 'greeting';
  #now: number;

  constructor(options: MuxOptions) {
    const { limits } = options;
    this.#options = options;
    this.#now = options.now;
    this.#reader = new FrameReader(limits, this);
    this.#outbox = new Outbox(limits.frameBytesMax);
    this.#unearned = new Budget(limits.controlFramesPerSecondMax);
    this.#heartbeat = new Heartbeat(limits, options.now);
    this.#streams = new MuxStreams(options, this.#outbox, this.#unearned, {
      tell: (event) => this.#events.push(event),
      measure: (now) => this.#ask(this.#heartbeat.measure(now), now),
    });
  }

  get streams(): number {
    return this.#streams.size;
  }
  get roundTripMs(): number | null {
    return this.#heartbeat.roundTripMs;
  }
  /** What we tell the peer in `hello` or `accepted`. */
  get ours(): PeerLimits {
    return { window: this.#streams.startWindow, streams: this.#options.side === 'relay' ? 0 : this.#options.limits.carrierStreamsMax };
  }
  /** Bytes that this end promised to hold, at most `carrierWindowBytes`. */
  get promisedBytes(): number {
    return this.#streams.promisedBytes;
  }
  /** Bytes of data that wait to go out. */
  get waitingBytes(): number {
    return this.#outbox.dataBytes;
  }
  /** Of these the ones that have credit, and wait for the socket only. */
  get readyBytes(): number {
    return this.#outbox.readyBytes;
  }
  /** Whether `take` would give nothing. */
  get idle(): boolean {
    return this.#outbox.controlFrames === 0 && !(this.#outbox.hasData && this.#flight.room > 0);
  }

  /** Takes bytes of the peer. The events are in their order; after a `fault` nothing is read any more. */
  receive(bytes: Uint8Array, now: number): readonly MuxEvent[] {
    if (this.#phase === 'over') return [];
    this.#now = now;
    this.#heartbeat.heard(now);
    const wrong =
      this.#reader.push(bytes) ?? (this.#outbox.controlFrames > controlQueueMax ? fault('carrier-broken', 'the peer does not read') : null);
    if (wrong !== null) this.#fail(wrong);
    return this.#tell();
  }

  /** Both ends know each other: streams may begin. */
  begin(peer: PeerLimits): void {
    if (this.#phase === 'over') return;
    this.#streams.begin(peer);
    this.#phase = 'running';
  }

  message(type: MessageType, value: unknown): void {
    this.#outbox.control(type, 0, encodeMessage(value));
  }

  /** Opens a stream; data may follow at once. Null when the peer takes no more now. */
  open(opening: Opening, now: number): number | null {
    return this.#phase === 'running' ? this.#streams.open(opening, now) : null;
  }

  /** Says that the stream is taken: from now on its bytes have been seen by a service. */
  accept(id: number): void {
    this.#streams.accept(id);
  }

  /** Queues bytes; they go when the peer has given credit. False when nobody takes them any more. */
  send(id: number, bytes: Uint8Array): boolean {
    return this.#streams.send(id, bytes);
  }

  /** Whether `count` more bytes of this stream would go out at once. */
  hasCredit(id: number, count: number): boolean {
    return this.#streams.hasCredit(id, count);
  }

  /** Half-close: nothing follows what was sent. */
  finish(id: number): void {
    this.#streams.finish(id);
  }

  /** Ends both directions at once; what waited is dropped. */
  reset(id: number, code: Code): void {
    this.#streams.reset(id, code);
  }

  /** The consumer took `count` bytes: credit goes back, and the window is tuned by how long that took. */
  drained(id: number, count: number, now: number = this.#now): void {
    this.#streams.drained(id, count, now);
  }

  /** No new streams here; the ones that run may end. */
  goaway(code: Code): void {
    if (this.#streams.leaving || this.#phase === 'over') return;
    this.#streams.leaving = true;
    const payload = new Uint8Array(5);
    writeUint32(payload, 0, this.#streams.lastPeerId);
    payload[4] = reasonByte(code);
    this.#outbox.control('goaway', 0, payload);
  }

  /** Whether either side has said goodbye. */
  get leaving(): boolean {
    return this.#streams.leaving;
  }

  /** All of the peer's bytes before this position have come. */
  ack(position: number): void {
    this.#outbox.control('ack', 0, ackPayload(position));
  }

  /** Another connection took the place of one that broke: its silence begins now. */
  resumed(now: number): void {
    this.#heartbeat.resumed(now);
  }

  /** Asks for a sign of life now. */
  ping(now: number): void {
    this.#ask(this.#heartbeat.ask(now), now);
  }

  /** The socket took what waited: a slow line is no dead one. */
  wrote(now: number): void {
    this.#heartbeat.wrote(now);
  }

  /**
   * Time passes: pings a silent peer, gives up on a dead one, asks back what idle streams were lent. When the clock
   * jumped (the machine slept) the peer has `carrierProbeMs` to show that it is still there.
   */
  tick(now: number, jumped = false, resumable = false): readonly MuxEvent[] {
    if (this.#phase === 'over') return [];
    if (jumped && this.#phase === 'running') this.#ask(this.#heartbeat.doubt(now), now);
    const found = this.#heartbeat.look(now, this.#streams.size > 0);
    if (typeof found === 'object' && resumable) this.#events.push({ is: 'silent', fault: found });
    else if (typeof found === 'object') this.#fail(found);
    else if (this.#phase === 'running') {
      if (found === 'ask') this.ping(now);
      this.#streams.recall(now);
    }
    return this.#tell();
  }

  /** What is to be written now: all control frames, and data up to `dataBytesMax` and to what the line may hold. */
  take(dataBytesMax: number, now: number = this.#now): Turn {
    const before = this.#outbox.dataBytes;
    const turn = this.#outbox.take(Math.min(dataBytesMax, this.#flight.room));
    this.#flight.sent(before - this.#outbox.dataBytes, this.#outbox.hasData);
    this.#mark(now);
    this.#streams.emptied(turn.emptied);
    return turn;
  }

  header(header: Readonly<Header>): Fault | null {
    const { type } = header;
    if (this.#phase !== 'running') {
      // Before both ends know each other: one message, the one that is due to this side, and what a relay says in one breath with it.
      const isRelay = this.#options.side === 'relay';
      if (this.#phase === 'greeting' && (isRelay ? type === 'hello' : type === 'accepted' || type === 'refused')) return null;
      const isBehind = this.#phase === 'greeted' && !isRelay && (type === 'ack' || type === 'goaway');
      return isBehind ? this.#unearned.charge(this.#now, type) : fault('frame-malformed', `a ${type} before the greeting`);
    }
    if (type === 'hello' || type === 'accepted' || type === 'refused') return fault('frame-malformed', `a second ${type}`);
    if (frameTypes[type].stream === 'stream') return this.#streams.header(header, this.#now);
    // An acknowledgement is judged by how far it goes.
    return type === 'pong' || type === 'ack' ? null : this.#unearned.charge(this.#now, type);
  }

  data(id: number, piece: Uint8Array): void {
    this.#streams.data(id, piece);
  }

  frame(header: Readonly<Header>, payload: Uint8Array): Fault | null {
    const { type, stream } = header;
    switch (type) {
      case 'hello':
      case 'accepted':
      case 'refused':
      case 'register':
      case 'names':
        return this.#messageCame(type, payload);
      case 'open':
        return this.#streams.opens(stream, payload, this.#now);
      case 'opened':
      case 'fin':
        return this.#streams.frame(type, stream, 0, this.#now);
      case 'window':
      case 'recall':
      case 'returned':
        return this.#streams.frame(type, stream, readUint32(payload, 0), this.#now);
      case 'reset':
        return this.#streams.frame(type, stream, payload[0] ?? 0, this.#now);
      case 'ping':
        this.#outbox.control('pong', 0, payload.slice());
        return null;
      case 'pong':
        return this.#answered(payload);
      case 'ack':
        this.#events.push({ is: 'acked', position: ackPosition(payload) });
        return this.#crumbs.is(ackPosition(payload)) ? this.#unearned.charge(this.#now, type) : null;
      case 'goaway':
        this.#streams.leaving = true;
        this.#events.push({ is: 'goaway', code: reasonCode(payload[4] ?? 0), last: readUint32(payload, 0) });
        return null;
      case 'data':
        return null; // handed over in pieces, by data()
      default:
        return type satisfies never;
    }
  }

  #messageCame(type: MessageType, payload: Uint8Array): Fault | null {
    const message = decodeMessage(payload);
    if ('code' in message) return message;
    if (this.#phase === 'greeting') this.#phase = 'greeted';
    // The first registration: the earliest moment at which a relay may ask how long the way is.
    else if (this.#heartbeat.roundTripMs === null) this.ping(this.#now);
    this.#events.push({ is: 'message', type, value: message.value });
    return null;
  }

  #answered(payload: Uint8Array): Fault | null {
    const wrong = this.#heartbeat.answered(payload, this.#now);
    if (wrong !== null || this.#heartbeat.asking) return wrong;
    this.#streams.measured(this.#heartbeat.roundTripMs);
    this.#flight.arrived(this.#now);
    this.#mark(this.#now);
    return null;
  }

  #mark(now: number): void {
    if (this.#flight.wantsMark(now)) this.ping(now);
  }

  #ask(payload: Uint8Array | null, now: number): void {
    if (payload === null) return;
    this.#outbox.control('ping', 0, payload);
    this.#flight.mark(now);
  }

  #tell(): readonly MuxEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  #fail(wrong: Fault): void {
    this.goaway(wrong.code);
    this.#phase = 'over';
    this.#streams.clear();
    this.#events.push({ is: 'fault', fault: wrong });
  }
}
