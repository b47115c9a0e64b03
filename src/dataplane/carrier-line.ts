/**
 * The connection below a carrier, which may be replaced: when it breaks, the bytes that the other side has not
 * acknowledged are kept, and sent again on the next one. Positions count the carrier's bytes in each direction, from its first.
 */

import type { Duplex } from 'node:stream';
import type { Frame } from '../core/mux/frame.ts';
import { TurnBytes } from './turn-bytes.ts';

/** Who reads and writes through a line. */
export interface LineTaker {
  receive(bytes: Uint8Array): void;
  /** There is room again. */
  drained(): void;
  /** The connection is gone. `may` says whether another one may take its place. */
  lost(why: string, may: boolean): void;
}

export type LineOptions = Readonly<{
  /** Bytes that were written and not acknowledged yet; at this many the writer waits. */
  unackedBytesMax: number;
}>;

/** How many bytes may come before they are acknowledged. */
const ackEveryBytes = 131_072;

export class CarrierLine {
  readonly #options: LineOptions;
  readonly #taker: LineTaker;
  #socket: Duplex | null;
  /** `open` until the greeting has said whether both sides can resume. */
  #resumable: 'open' | 'yes' | 'no' = 'open';
  /** Written and not acknowledged, in order. The first byte of it stands at `#acked`. */
  #unacked: Uint8Array[] = [];
  readonly #turn = new TurnBytes();
  #written = 0;
  #acked = 0;
  #received = 0;
  #told = 0;
  #ended = false;

  constructor(socket: Duplex, taker: LineTaker, options: LineOptions) {
    this.#options = options;
    this.#taker = taker;
    this.#socket = socket;
    this.#listen(socket);
  }

  /** Whether there is a connection at this moment. */
  get attached(): boolean {
    return this.#socket !== null;
  }

  /** Whether the next write should wait: for the socket, for another one, or for an acknowledgement. */
  get full(): boolean {
    return this.#socket === null || this.#socket.writableNeedDrain || this.#written - this.#acked >= this.#options.unackedBytesMax;
  }

  /** The bytes that came so far: what the other side need not send again. */
  get received(): number {
    return this.#received;
  }

  /** How many bytes to acknowledge now; null while it is not worth a frame, unless `all` is asked for. */
  toAcknowledge(all: boolean): number | null {
    const fresh = this.#received - this.#told;
    if (this.#resumable !== 'yes' || fresh === 0 || (!all && fresh < ackEveryBytes)) return null;
    this.#told = this.#received;
    return this.#received;
  }

  /** The greeting is over. Where one side cannot resume nothing is kept. */
  begin(resumable: boolean): void {
    this.#resumable = resumable ? 'yes' : 'no';
    if (!resumable) this.#unacked = [];
  }

  /** Writes the frames of a turn. */
  send(frames: readonly Frame[]): void {
    this.write(this.#turn.pieces(frames));
  }

  /** Writes pieces in one go. What is written while there is no connection goes with the next. */
  write(pieces: readonly Uint8Array[]): void {
    if (this.#ended) return;
    if (this.#resumable !== 'no') {
      for (const piece of pieces) {
        this.#unacked.push(piece);
        this.#written += piece.length;
      }
    }
    if (this.#socket !== null) writeAll(this.#socket, pieces);
  }

  /** Whether the other side may say that it has everything before this position. */
  takes(position: number): boolean {
    return this.#resumable === 'yes' && Number.isSafeInteger(position) && position >= this.#acked && position <= this.#written;
  }

  /**
   * The other side has everything before this position. One that it said before is old news: behind a break it is sent again.
   * @returns false when it says what cannot be: more than was sent
   */
  acknowledged(position: number): boolean {
    if (this.#resumable === 'yes' && position >= 0 && position < this.#acked) return true;
    if (!this.takes(position)) return false;
    const wasFull = this.#written - this.#acked >= this.#options.unackedBytesMax;
    let left = position - this.#acked;
    let whole = 0;
    for (const piece of this.#unacked) {
      if (piece.length > left) break;
      left -= piece.length;
      whole += 1;
    }
    this.#unacked.splice(0, whole);
    const [first] = this.#unacked;
    if (first === undefined) this.#turn.release();
    else if (left > 0) this.#unacked[0] = first.subarray(left);
    this.#acked = position;
    if (wasFull && !this.full) this.#taker.drained();
    return true;
  }

  /**
   * Goes on over another connection, from what the other side has. The old one is destroyed. `rest` was read of the new
   * one already, behind its greeting.
   * @returns false when the position cannot be: then nothing has changed
   */
  attach(socket: Duplex, position: number, rest: Uint8Array | null = null): boolean {
    if (this.#ended || !this.takes(position)) return false;
    this.acknowledged(position);
    this.#drop();
    this.#socket = socket;
    this.#told = this.#received;
    this.#listen(socket);
    writeAll(socket, this.#unacked);
    if (rest !== null) this.#receive(rest);
    this.#taker.drained();
    return true;
  }

  /** Gives the connection away: somebody else goes on with it, and nothing of it is heard here any more. */
  give(): Duplex | null {
    const socket = this.#socket;
    this.#socket = null;
    this.#ended = true;
    return socket;
  }

  /** Says goodbye: what was written goes out, and then the end; after a second it is cut. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#unacked = [];
    const socket = this.#socket;
    if (socket === null) return;
    socket.end();
    setTimeout(() => socket.destroy(), 1_000).unref();
  }

  /** Breaks the connection as if the network had: for who knows better than the socket that nobody is there. */
  break(why: string): void {
    const socket = this.#socket;
    if (socket !== null) this.#lose(socket, why);
  }

  #listen(socket: Duplex): void {
    socket.on('data', (bytes: Uint8Array) => {
      if (socket === this.#socket) this.#receive(bytes);
    });
    socket.on('drain', () => {
      if (socket === this.#socket && !this.full) this.#taker.drained();
    });
    // An end without close_notify looks like a clean one: either way the streams have lost their connection.
    socket.on('end', () => this.#lose(socket, 'the other side closed the carrier'));
    socket.on('error', (error: Error) => this.#lose(socket, error.message));
    socket.on('close', () => this.#lose(socket, 'the connection is gone'));
  }

  #receive(bytes: Uint8Array): void {
    this.#received += bytes.length;
    this.#taker.receive(bytes);
  }

  #lose(socket: Duplex, why: string): void {
    if (socket !== this.#socket) return;
    this.#drop();
    if (!this.#ended) this.#taker.lost(why, this.#resumable === 'yes');
  }

  #drop(): void {
    const socket = this.#socket;
    this.#socket = null;
    socket?.destroy();
  }
}

function writeAll(socket: Duplex, pieces: readonly Uint8Array[]): void {
  const [only] = pieces;
  if (only !== undefined && pieces.length === 1) {
    socket.write(only);
    return;
  }
  socket.cork();
  for (const piece of pieces) socket.write(piece);
  socket.uncork();
}
