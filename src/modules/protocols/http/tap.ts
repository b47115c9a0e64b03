/** The permanent listener of an upstream's stream; who drinks from it changes with each exchange. */

import type { Duplex } from 'node:stream';

import type { Limits } from '../../../core/limits.ts';
import { lends } from '../../../core/lent.ts';
import { ResponseReader } from '../../../core/http/response-reader.ts';
import { Batch, LENT_BYTES_MAX } from './batch.ts';
import { nativeLatin1 } from './latin1.ts';

/** Who is served by the upstream at the moment. */
export interface Drinker {
  chunk(chunk: Uint8Array): void;
  /** The upstream has said all it will say. */
  ended(): void;
  /** It is gone, with the error's code if there was one. */
  closed(error: NodeJS.ErrnoException | null): void;
  drained(): void;
}

const taps = new WeakMap<Duplex, Tap>();

/** Listeners are set once a connection, not once an exchange: adding and removing five costs more than a head. */
export class Tap {
  readonly stream: Duplex;
  drinker: Drinker | null = null;
  /** What is to be written to the service. Empty between exchanges. */
  readonly out = new Batch();
  /** Reads all answers of this connection: what is left over of one would be found by the next. */
  readonly reader: ResponseReader;
  #error: NodeJS.ErrnoException | null = null;

  /** The tap of a stream, made when it is first asked for. */
  static of(stream: Duplex, limits: Limits): Tap {
    let tap = taps.get(stream);
    if (tap === undefined) {
      tap = new Tap(stream, limits);
      taps.set(stream, tap);
    }
    return tap;
  }

  private constructor(stream: Duplex, limits: Limits) {
    this.stream = stream;
    this.reader = new ResponseReader({ limits, latin1: nativeLatin1 });
    // What is lent is gone when the drinker returns. A batch copies as much as it says; what is longer is copied here, once.
    if (lends(stream)) stream.lendTo((bytes) => this.#take(bytes.length > LENT_BYTES_MAX ? Buffer.from(bytes) : bytes));
    else stream.on('data', (chunk: Uint8Array) => this.#take(chunk));
    stream.on('end', () => {
      if (this.drinker === null) stream.destroy();
      else this.drinker.ended();
    });
    stream.on('error', (error: NodeJS.ErrnoException) => {
      this.#error = error;
    });
    stream.on('close', () => this.drinker?.closed(this.#error));
    stream.on('drain', () => this.drinker?.drained());
    // Whoever asked on it for a way to the service has left it paused.
    if (stream.isPaused()) stream.resume();
  }

  #take(chunk: Uint8Array): void {
    // Nobody asked: a service that talks out of turn could answer the next visitor's question (response-queue poisoning).
    if (this.drinker === null) this.stream.destroy();
    else this.drinker.chunk(chunk);
  }
}
