/** One end of a carrier as a state machine: bytes and commands in, events and frames out. No socket, no clock. */

import type { Code, Fault } from '../errors.ts';
import { fault } from '../errors.ts';
import type { Limits } from '../limits.ts';
import { Budget } from './budget.ts';
import type { FrameTaker } from './frame-reader.ts';
import { FrameReader } from './frame-reader.ts';
import type { Header, MessageType } from './frame.ts';
import { frameTypes, readUint32, writeUint32 } from './frame.ts';
import { decodeMessage, encodeMessage } from './message.ts';
import type { Opening } from './opening.ts';
import { decodeOpening, encodeOpening } from './opening.ts';
import type { Turn } from './outbox.ts';
import { Outbox, SendQueue } from './outbox.ts';
import { reasonByte, reasonCode } from './reasons.ts';
import type { ReceiveWindow } from './window.ts';
import { WindowPool } from './window.ts';

export type MuxEvent =
  | Readonly<{ is: 'message'; type: MessageType; value: unknown }>
  /** A stream that the peer opened. Answer with `accept` or `reset`. */
  | Readonly<{ is: 'open'; stream: number; opening: Opening }>
  | Readonly<{ is: 'opened'; stream: number }>
  /** A view of the bytes that were handed in: copy what is kept for long. Call `drained` when it was consumed. */
  | Readonly<{ is: 'data'; stream: number; bytes: Uint8Array }>
  | Readonly<{ is: 'fin'; stream: number }>
  | Readonly<{ is: 'reset'; stream: number; code: Code }>
  | Readonly<{ is: 'goaway'; code: Code; last: number }>
  /** The carrier is over. What `take` still gives says so to the peer. */
  | Readonly<{ is: 'fault'; fault: Fault }>;

/** What each end tells the other before the first stream. */
export type PeerLimits = Readonly<{ window: number; streams: number }>;

type MuxStream = {
  readonly queue: SendQueue;
  readonly window: ReceiveWindow;
  /** Whether the acceptor has said `opened`: a reset before that is a rapid one and is counted. */
  opened: boolean;
  ours: boolean;
  localEnded: boolean;
  remoteEnded: boolean;
};

export type MuxLimits = Pick<
  Limits,
  'frameBytesMax' | 'messageBytesMax' | 'streamWindowBytes' | 'carrierWindowBytes' | 'carrierStreamsMax' | 'carrierIdleMs' | 'controlFramesPerSecondMax' | 'sendWindowBytesMax'
>;

/** The relay opens streams with odd ids. Even ids are the gateway's, which opens none in this version. */
export type MuxOptions = Readonly<{ side: 'relay' | 'gateway'; limits: MuxLimits; now: number }>;

/** What a peer that never reads may make us queue. Far above what a healthy carrier has in one turn. */
const controlQueueMax = 8_192;

export class MuxSession implements FrameTaker {
  readonly #side: 'relay' | 'gateway';
  readonly #limits: MuxLimits;
  readonly #reader: FrameReader;
  readonly #pool: WindowPool;
  readonly #outbox: Outbox;
  readonly #unearned: Budget;
  readonly #opens: Budget;
  readonly #streams = new Map<number, MuxStream>();
  #events: MuxEvent[] = [];
  #phase: 'greeting' | 'greeted' | 'running' | 'over' = 'greeting';
  #peer: PeerLimits = { window: 0, streams: 0 };
  #nextId = 1;
  #lastPeerId = 0;
  #now: number;
  #heardAt: number;
  #pingedAt: number | null = null;
  #pingId = 0;
  #roundTripMs: number | null = null;
  #leaving = false;

  constructor(options: MuxOptions) {
    const { limits } = options;
    this.#side = options.side;
    this.#limits = limits;
    this.#reader = new FrameReader(limits, this);
    this.#pool = new WindowPool({ capBytes: limits.carrierWindowBytes, streamsMax: limits.carrierStreamsMax, streamBytes: limits.streamWindowBytes });
    this.#outbox = new Outbox(limits.frameBytesMax);
    this.#unearned = new Budget(limits.controlFramesPerSecondMax);
    // Half of what the peer bears, so that a flood of visitors never looks to it like a flood of ours.
    this.#opens = new Budget(Math.ceil(limits.controlFramesPerSecondMax / 2));
    this.#now = options.now;
    this.#heardAt = options.now;
  }

  get streams(): number {
    return this.#streams.size;
  }
  /** The last measured round trip, null before the first. */
  get roundTripMs(): number | null {
    return this.#roundTripMs;
  }
  /** What we tell the peer in `hello` or `accepted`. */
  get ours(): PeerLimits {
    return { window: this.#pool.startBytes, streams: this.#side === 'relay' ? 0 : this.#limits.carrierStreamsMax };
  }
  /** Bytes that this end promised to hold, at most `carrierWindowBytes`. */
  get promisedBytes(): number {
    return this.#pool.promised;
  }
  get waitingBytes(): number {
    return this.#outbox.dataBytes;
  }
  get idle(): boolean {
    return this.#outbox.idle;
  }

  /** Takes bytes of the peer. The events are in their order; after a `fault` nothing is read any more. */
  receive(bytes: Uint8Array, now: number): readonly MuxEvent[] {
    if (this.#phase === 'over') return [];
    this.#now = now;
    this.#heardAt = now;
    const wrong = this.#reader.push(bytes) ?? (this.#outbox.controlFrames > controlQueueMax ? fault('carrier-broken', 'the peer does not read') : null);
    if (wrong !== null) this.#fail(wrong);
    const events = this.#events;
    this.#events = [];
    return events;
  }

  /** Both ends know each other: streams may begin. */
  begin(peer: PeerLimits): void {
    if (this.#phase === 'over') return;
    this.#peer = peer;
    this.#phase = 'running';
  }

  message(type: MessageType, value: unknown): void {
    this.#outbox.control(type, 0, encodeMessage(value));
  }

  /** Opens a stream; data may follow at once. Null when the peer takes no more now. */
  open(opening: Opening, now: number): number | null {
    if (this.#phase !== 'running' || this.#leaving || this.#streams.size >= this.#peer.streams || this.#nextId > 0xffff_fffd) return null;
    if (!this.#opens.take(now)) return null;
    const id = this.#nextId;
    this.#nextId += 2;
    this.#outbox.control('open', id, encodeOpening(opening));
    this.#keep(id, true);
    return id;
  }

  /** Says that the stream is taken: from now on its bytes have been seen by a service. */
  accept(id: number): void {
    const stream = this.#streams.get(id);
    if (stream === undefined || stream.opened) return;
    stream.opened = true;
    this.#outbox.control('opened', id, null);
  }

  /** Queues bytes; they go when the peer has given credit. False when nobody takes them any more. */
  send(id: number, bytes: Uint8Array): boolean {
    const stream = this.#streams.get(id);
    if (stream === undefined || stream.localEnded) return false;
    this.#outbox.data(stream.queue, bytes);
    return true;
  }

  /** Whether `count` more bytes of this stream would go out at once. */
  hasCredit(id: number, count: number): boolean {
    const queue = this.#streams.get(id)?.queue;
    return queue !== undefined && queue.bytes + count <= queue.credit;
  }

  /** Half-close: nothing follows what was sent. */
  finish(id: number): void {
    const stream = this.#streams.get(id);
    if (stream === undefined || stream.localEnded) return;
    stream.localEnded = true;
    stream.queue.ending = true;
    this.#outbox.ready(stream.queue);
  }

  /** Ends both directions at once; what waited is dropped. */
  reset(id: number, code: Code): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    if (!(stream.remoteEnded && stream.localEnded && stream.queue.bytes === 0 && !stream.queue.ending)) this.#outbox.control('reset', id, new Uint8Array([reasonByte(code)]));
    this.#forget(id, stream);
  }

  /** The consumer took `count` bytes: credit goes back. */
  drained(id: number, count: number): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    const credit = stream.window.drained(count);
    if (credit > 0 && !stream.remoteEnded) this.#outbox.window(id, credit);
    this.#settle(id, stream);
  }

  /** No new streams here; the ones that run may end. */
  goaway(code: Code): void {
    if (this.#leaving || this.#phase === 'over') return;
    this.#leaving = true;
    const payload = new Uint8Array(5);
    writeUint32(payload, 0, this.#lastPeerId);
    payload[4] = reasonByte(code);
    this.#outbox.control('goaway', 0, payload);
  }

  /** Asks for a sign of life now. */
  ping(now: number): void {
    if (this.#pingedAt !== null) return;
    const payload = new Uint8Array(8);
    this.#pingId = (this.#pingId + 1) >>> 0;
    writeUint32(payload, 4, this.#pingId);
    this.#pingedAt = now;
    this.#outbox.control('ping', 0, payload);
  }

  /** Time passes: pings a silent peer, gives up on a dead one. */
  tick(now: number): readonly MuxEvent[] {
    if (this.#phase === 'over') return [];
    const silent = now - this.#heardAt;
    if (silent >= this.#limits.carrierIdleMs) this.#fail(fault('carrier-idle', `nothing was heard for ${silent} ms`));
    else if (silent * 3 >= this.#limits.carrierIdleMs && this.#phase === 'running') this.ping(now);
    const events = this.#events;
    this.#events = [];
    return events;
  }

  /** What is to be written now: all control frames, and data up to `dataBytesMax`. */
  take(dataBytesMax: number): Turn {
    const turn = this.#outbox.take(dataBytesMax);
    for (const id of turn.emptied) {
      const stream = this.#streams.get(id);
      if (stream !== undefined) this.#settle(id, stream);
    }
    return turn;
  }

  header(header: Readonly<Header>): Fault | null {
    const { type, stream: id, length } = header;
    if (this.#phase !== 'running') {
      // Before both ends know each other: one message, and the answer that belongs to this side.
      const due = this.#side === 'relay' ? type === 'hello' : type === 'accepted' || type === 'refused';
      return due && this.#phase === 'greeting' ? null : fault('frame-malformed', `a ${type} before the greeting`);
    }
    if (type === 'hello' || type === 'accepted' || (type === 'refused' && this.#side === 'relay')) return fault('frame-malformed', `a second ${type}`);
    if (frameTypes[type].stream === 'carrier' && type !== 'pong') return this.#unearned.charge(this.#now, type);
    if (type === 'open' || frameTypes[type].stream === 'carrier') return null;
    const stream = this.#streams.get(id);
    if (stream === undefined) return this.#isPast(id) ? this.#chargeStale(type) : fault('stream-unknown', `a ${type} on a stream that never was`);
    if (stream.remoteEnded && type !== 'window' && type !== 'reset' && type !== 'opened') return fault('frame-malformed', `a ${type} behind a fin`);
    if (type === 'data' && !stream.window.arrive(length)) return fault('window-exceeded', 'data beyond the credit');
    return null;
  }

  data(id: number, piece: Uint8Array): void {
    if (this.#streams.has(id)) this.#events.push({ is: 'data', stream: id, bytes: piece });
  }

  frame(header: Readonly<Header>, payload: Uint8Array): Fault | null {
    const { type, stream: id } = header;
    switch (type) {
      case 'hello':
      case 'accepted':
      case 'refused':
      case 'register':
      case 'names':
        return this.#messageCame(type, payload);
      case 'open':
        return this.#openCame(id, payload);
      case 'opened':
        return this.#openedCame(id);
      case 'window':
        return this.#windowCame(id, readUint32(payload, 0));
      case 'fin':
        return this.#finCame(id);
      case 'reset':
        return this.#resetCame(id, payload[0] ?? 0);
      case 'ping':
        this.#outbox.control('pong', 0, payload.slice());
        return null;
      case 'pong':
        return this.#pongCame(payload);
      case 'goaway':
        this.#leaving = true;
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
    this.#events.push({ is: 'message', type, value: message.value });
    return null;
  }

  #openCame(id: number, payload: Uint8Array): Fault | null {
    if (this.#side === 'relay') return fault('frame-malformed', 'a gateway opens no streams');
    if (id % 2 === 0 || id <= this.#lastPeerId) return fault('frame-malformed', 'a stream id that is not the next');
    this.#lastPeerId = id;
    const opening = decodeOpening(payload);
    if ('code' in opening) return opening;
    if (this.#streams.size >= this.#limits.carrierStreamsMax || this.#leaving) {
      this.#outbox.control('reset', id, new Uint8Array([reasonByte('streams-exceeded')]));
      return this.#unearned.charge(this.#now, 'open');
    }
    this.#keep(id, false);
    this.#events.push({ is: 'open', stream: id, opening });
    return null;
  }

  #openedCame(id: number): Fault | null {
    const stream = this.#streams.get(id);
    if (stream === undefined) return null;
    if (!stream.ours || stream.opened) return fault('frame-malformed', 'an opened that nobody waits for');
    stream.opened = true;
    this.#events.push({ is: 'opened', stream: id });
    return null;
  }

  #windowCame(id: number, credit: number): Fault | null {
    const stream = this.#streams.get(id);
    if (credit === 0) return fault('frame-malformed', 'a window of nothing');
    if (stream === undefined) return null;
    // Compared as numbers, never as int32: the sum of two windows is what overflowed in rust-yamux (CVE-2026-31814).
    if (stream.queue.credit + credit > this.#limits.sendWindowBytesMax) return fault('window-exceeded', 'more credit than a window may have');
    stream.queue.credit += credit;
    this.#outbox.ready(stream.queue);
    // Honest credit comes in quarters of a window; crumbs are a flood.
    return credit < 1_024 ? this.#unearned.charge(this.#now, 'window') : null;
  }

  #finCame(id: number): Fault | null {
    const stream = this.#streams.get(id);
    if (stream === undefined) return null;
    stream.remoteEnded = true;
    this.#events.push({ is: 'fin', stream: id });
    this.#settle(id, stream);
    return null;
  }

  #resetCame(id: number, byte: number): Fault | null {
    const stream = this.#streams.get(id);
    if (stream === undefined) return null;
    this.#forget(id, stream);
    this.#events.push({ is: 'reset', stream: id, code: reasonCode(byte) });
    // Rapid reset (CVE-2023-44487): opened and dropped before anybody could answer.
    return stream.opened ? null : this.#unearned.charge(this.#now, 'reset');
  }

  #pongCame(payload: Uint8Array): Fault | null {
    if (this.#pingedAt === null || readUint32(payload, 4) !== this.#pingId || readUint32(payload, 0) !== 0) return fault('frame-malformed', 'a pong that nobody waits for');
    this.#roundTripMs = this.#now - this.#pingedAt;
    this.#pingedAt = null;
    return null;
  }

  /** Frames that crossed our own reset or fin are no fault, but they cost. Data was paid with credit. */
  #chargeStale(type: string): Fault | null {
    return type === 'data' ? null : this.#unearned.charge(this.#now, type);
  }

  #isPast(id: number): boolean {
    return id % 2 === 1 && (this.#side === 'relay' ? id < this.#nextId : id <= this.#lastPeerId);
  }

  #keep(id: number, ours: boolean): void {
    this.#streams.set(id, { queue: new SendQueue(id, this.#peer.window), window: this.#pool.open(), opened: false, ours, localEnded: false, remoteEnded: false });
  }

  /** Gone when both ends have finished and the consumer has drained: what is held counts until then. */
  #settle(id: number, stream: MuxStream): void {
    const sent = stream.localEnded && stream.queue.bytes === 0 && !stream.queue.ending;
    if (sent && stream.remoteEnded && stream.window.held === 0) this.#forget(id, stream);
  }

  #forget(id: number, stream: MuxStream): void {
    this.#streams.delete(id);
    this.#outbox.drop(stream.queue);
    stream.window.close();
  }

  #fail(wrong: Fault): void {
    this.goaway(wrong.code);
    this.#phase = 'over';
    for (const [id, stream] of this.#streams) this.#forget(id, stream);
    this.#events.push({ is: 'fault', fault: wrong });
  }
}
