/** The streams of one end of a carrier: their ids, their windows, and which frame may come when. */

import type { Code, Fault } from '../errors.ts';
import { fault } from '../errors.ts';
import { Budget } from './budget.ts';
import type { MuxEvent, MuxOptions, PeerLimits } from './events.ts';
import type { FrameType, Header } from './frame.ts';
import type { Opening } from './opening.ts';
import { decodeOpening, encodeOpening } from './opening.ts';
import type { Outbox } from './outbox.ts';
import { SendQueue, uint32 } from './outbox.ts';
import { reasonByte, reasonCode } from './reasons.ts';
import type { ReceiveWindow } from './window.ts';
import { WindowPool } from './window.ts';

type MuxStream = {
  readonly queue: SendQueue;
  readonly window: ReceiveWindow;
  readonly ours: boolean;
  /** Whether the acceptor has said `opened`: a reset before that is a rapid one and is counted. */
  opened: boolean;
  localEnded: boolean;
  remoteEnded: boolean;
};

type StreamFrame = Extract<FrameType, 'opened' | 'window' | 'recall' | 'returned' | 'fin' | 'reset'>;

/** Recalls of one look: the peer answers each, and may be charged for it. */
const recallsAtOnce = 100;

export class MuxStreams {
  readonly #options: MuxOptions;
  readonly #outbox: Outbox;
  /** Frames that nobody has earned the right to send so many of. */
  readonly #unearned: Budget;
  /** Streams that may begin in a second: those that we open, or those that the peer may. */
  readonly #opens: Budget;
  readonly #tell: (event: MuxEvent) => void;
  readonly #pool: WindowPool;
  readonly #streams = new Map<number, MuxStream>();
  #peer: PeerLimits = { window: 0, streams: 0 };
  #nextId = 1;
  #lastPeerId = 0;
  /** Set once one side has said goaway: those that run may end, none begins. */
  leaving = false;

  constructor(
    options: MuxOptions,
    outbox: Outbox,
    unearned: Budget,
    told: Readonly<{ tell: (event: MuxEvent) => void; measure: (now: number) => void }>,
  ) {
    const { limits } = options;
    this.#options = options;
    this.#outbox = outbox;
    this.#unearned = unearned;
    this.#tell = told.tell;
    // Half of what the peer bears, so that a flood of visitors never looks to it like a flood of ours.
    this.#opens = new Budget(options.side === 'relay' ? Math.ceil(limits.controlFramesPerSecondMax / 2) : limits.controlFramesPerSecondMax);
    this.#pool = new WindowPool({
      capBytes: limits.carrierWindowBytes,
      streamsMax: limits.carrierStreamsMax,
      streamBytes: limits.streamWindowBytes,
      measure: told.measure,
    });
  }

  get size(): number {
    return this.#streams.size;
  }
  get lastPeerId(): number {
    return this.#lastPeerId;
  }
  get promisedBytes(): number {
    return this.#pool.promised;
  }
  get startWindow(): number {
    return this.#pool.startBytes;
  }

  begin(peer: PeerLimits): void {
    this.#peer = peer;
  }

  open(opening: Opening, now: number): number | null {
    if (this.leaving || this.#streams.size >= this.#peer.streams || this.#nextId > 0xffff_fffd || !this.#opens.take(now)) return null;
    const id = this.#nextId;
    this.#nextId += 2;
    this.#outbox.control('open', id, encodeOpening(opening));
    this.#keep(id, true);
    return id;
  }

  accept(id: number): void {
    const stream = this.#streams.get(id);
    if (stream === undefined || stream.opened) return;
    stream.opened = true;
    this.#outbox.control('opened', id, null);
  }

  send(id: number, bytes: Uint8Array): boolean {
    const stream = this.#streams.get(id);
    if (stream === undefined || stream.localEnded) return false;
    this.#outbox.data(stream.queue, bytes);
    return true;
  }

  hasCredit(id: number, count: number): boolean {
    const queue = this.#streams.get(id)?.queue;
    return queue !== undefined && queue.bytes + count <= queue.credit;
  }

  finish(id: number): void {
    const stream = this.#streams.get(id);
    if (stream === undefined || stream.localEnded) return;
    stream.localEnded = true;
    stream.queue.ending = true;
    this.#outbox.ready(stream.queue);
  }

  reset(id: number, code: Code): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    if (!(stream.remoteEnded && isSent(stream))) this.#outbox.control('reset', id, new Uint8Array([reasonByte(code)]));
    this.#forget(id, stream);
  }

  drained(id: number, count: number, now: number): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    const credit = stream.window.drained(count, now);
    if (credit > 0 && !stream.remoteEnded) this.#outbox.window(id, credit);
    this.#settle(id, stream);
  }

  /** How long the path is: what windows grow by. */
  measured(roundTripMs: number | null): void {
    this.#pool.roundTripMs = roundTripMs;
  }

  /** Asks back what was lent to streams that do not use it, a few at a time. */
  recall(now: number): void {
    if (!this.#pool.lent) return;
    let asked = 0;
    for (const [id, stream] of this.#streams) {
      const credit = stream.window.recall(now);
      if (credit === 0) continue;
      this.#outbox.control('recall', id, uint32(credit));
      asked += 1;
      if (asked >= recallsAtOnce) return;
    }
  }

  /** Nothing of these waits any more: streams that both ends have finished are gone now. */
  emptied(ids: readonly number[]): void {
    for (const id of ids) {
      const stream = this.#streams.get(id);
      if (stream !== undefined) this.#settle(id, stream);
    }
  }

  clear(): void {
    for (const [id, stream] of this.#streams) this.#forget(id, stream);
  }

  /** Judges a frame by its header alone, before anything of it is kept. */
  header(header: Readonly<Header>, now: number): Fault | null {
    const { type, stream: id, length } = header;
    if (type === 'open') return null;
    const stream = this.#streams.get(id);
    if (stream === undefined) {
      if (!this.#isPast(id)) return fault('stream-unknown', `a ${type} on a stream that never was`);
      // What crossed our own reset is no fault, but it costs. Data was paid with credit.
      return type === 'data' ? null : this.#unearned.charge(now, type);
    }
    if (stream.remoteEnded && (type === 'data' || type === 'fin')) return fault('frame-malformed', `a ${type} behind a fin`);
    if (type === 'data' && !stream.window.arrive(length, now)) return fault('window-exceeded', 'data beyond the credit');
    return null;
  }

  data(id: number, piece: Uint8Array): void {
    if (this.#streams.has(id)) this.#tell({ is: 'data', stream: id, bytes: piece });
  }

  opens(id: number, payload: Uint8Array, now: number): Fault | null {
    if (this.#options.side === 'relay') return fault('frame-malformed', 'a gateway opens no streams');
    if (id % 2 === 0 || id <= this.#lastPeerId) return fault('frame-malformed', 'a stream id that is not the next');
    this.#lastPeerId = id;
    const opening = decodeOpening(payload);
    if ('code' in opening) return opening;
    // Each costs a handshake: who opens and drops them costs as much as who keeps them (CVE-2023-44487).
    if (this.#streams.size >= this.#options.limits.carrierStreamsMax || this.leaving || !this.#opens.take(now)) {
      this.#outbox.control('reset', id, new Uint8Array([reasonByte('streams-exceeded')]));
      return this.#unearned.charge(now, 'open');
    }
    this.#keep(id, false);
    this.#tell({ is: 'open', stream: id, opening });
    return null;
  }

  /** The binary frames of a stream that stands. Those of a stream that is gone were paid for on their header. */
  frame(type: StreamFrame, id: number, value: number, now: number): Fault | null {
    const stream = this.#streams.get(id);
    if (stream === undefined) return null;
    switch (type) {
      case 'opened':
        if (!stream.ours || stream.opened) return fault('frame-malformed', 'an opened that nobody waits for');
        stream.opened = true;
        this.#tell({ is: 'opened', stream: id });
        return null;
      case 'window':
        return this.#credit(stream, value, now);
      case 'recall':
        return this.#giveBack(stream, value, now);
      case 'returned':
        return stream.window.returned(value);
      case 'fin':
        stream.remoteEnded = true;
        stream.window.finish();
        this.#tell({ is: 'fin', stream: id });
        this.#settle(id, stream);
        return null;
      case 'reset':
        this.#forget(id, stream);
        this.#tell({ is: 'reset', stream: id, code: reasonCode(value) });
        // Rapid reset (CVE-2023-44487): opened and dropped before anybody could answer.
        return stream.opened ? null : this.#unearned.charge(now, type);
      default:
        return type satisfies never;
    }
  }

  #credit(stream: MuxStream, credit: number, now: number): Fault | null {
    if (credit === 0) return fault('frame-malformed', 'a window of nothing');
    // Compared as numbers, never as int32: the sum of two windows is what overflowed in rust-yamux (CVE-2026-31814).
    if (stream.queue.credit + credit > this.#options.limits.sendWindowBytesMax)
      return fault('window-exceeded', 'more credit than a window may have');
    this.#outbox.credit(stream.queue, credit);
    // Honest credit comes in quarters of a window; crumbs are a flood.
    return credit < 1_024 ? this.#unearned.charge(now, 'window') : null;
  }

  /** What is not yet spoken for goes back; the answer says how much that was. */
  #giveBack(stream: MuxStream, asked: number, now: number): Fault | null {
    const { queue } = stream;
    const credit = Math.min(asked, queue.credit - queue.ready);
    queue.credit -= credit;
    this.#outbox.control('returned', queue.stream, uint32(credit));
    return this.#unearned.charge(now, 'recall');
  }

  #isPast(id: number): boolean {
    return id % 2 === 1 && (this.#options.side === 'relay' ? id < this.#nextId : id <= this.#lastPeerId);
  }

  #keep(id: number, ours: boolean): void {
    this.#streams.set(id, {
      queue: new SendQueue(id, this.#peer.window),
      window: this.#pool.open(),
      ours,
      opened: false,
      localEnded: false,
      remoteEnded: false,
    });
  }

  /** Gone when both ends have finished and the consumer has drained: what is held counts until then. */
  #settle(id: number, stream: MuxStream): void {
    if (isSent(stream) && stream.remoteEnded && stream.window.held === 0) this.#forget(id, stream);
  }

  #forget(id: number, stream: MuxStream): void {
    this.#streams.delete(id);
    this.#outbox.drop(stream.queue);
    stream.window.close();
  }
}

/** Whether all that this end had to say is on its way, the fin included. */
function isSent(stream: MuxStream): boolean {
  return stream.localEnded && stream.queue.bytes === 0 && !stream.queue.ending;
}
