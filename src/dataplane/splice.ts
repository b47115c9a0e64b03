/** Joins two streams both ways: backpressure, half-close, an idle limit and counts. */

import { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Code } from '../core/errors.ts';
import type { Deadlines, Splice, SpliceTally } from '../contracts/protocol.ts';
import type { Stream } from '../contracts/stream.ts';
import { lends, writeLent } from '../core/lent.ts';

/** Makes the splice that protocols are handed. One deadline a splice, moved by a store to a field. */
export function createSplice(tools: Readonly<{ deadlines: Deadlines }>): Splice {
  return (a, b, options) =>
    new Promise((resolve) => {
      new Joint(a, b, tools, options, resolve).start();
    });
}

class Joint {
  readonly #a: Stream;
  readonly #b: Stream;
  readonly #tools: Readonly<{ deadlines: Deadlines }>;
  readonly #options: Parameters<Splice>[2];
  readonly #resolve: (tally: SpliceTally) => void;
  readonly #deadline = { at: 0, expire: (): void => this.#end('stream-idle', 'nothing moved for too long') };
  readonly #undo: (() => void)[] = [];
  readonly #abort = (): void => this.#end('exchange-cut', 'it was ended');
  #bytesAToB = 0;
  #bytesBToA = 0;
  #open = 2;
  #over = false;

  constructor(
    a: Stream,
    b: Stream,
    tools: Readonly<{ deadlines: Deadlines }>,
    options: Parameters<Splice>[2],
    resolve: (tally: SpliceTally) => void,
  ) {
    this.#a = a;
    this.#b = b;
    this.#tools = tools;
    this.#options = options;
    this.#resolve = resolve;
  }

  start(): void {
    if (this.#options.signal?.aborted === true) return this.#abort();
    this.#options.signal?.addEventListener('abort', this.#abort);
    this.#moved();
    this.#tools.deadlines.add(this.#deadline);
    this.#carry(this.#a, this.#b, (count) => (this.#bytesAToB += count));
    this.#carry(this.#b, this.#a, (count) => (this.#bytesBToA += count));
    this.#guard(this.#a, 'visitor-gone');
    this.#guard(this.#b, 'upstream-broken');
  }

  #moved(): void {
    this.#deadline.at = this.#tools.deadlines.time() + this.#options.idleMs;
  }

  #carry(from: Stream, to: Stream, count: (bytes: number) => void): void {
    const data = (bytes: Uint8Array): void => {
      if (this.#over) return;
      count(bytes.length);
      this.#moved();
      if (!(lends(from) ? writeLent(bytes, from, to, to instanceof Socket) : to.write(bytes))) from.pause();
    };
    const drain = (): void => {
      this.#moved();
      from.resume();
    };
    const end = (): void => {
      to.end(() => this.#sideDone());
    };
    if (lends(from)) from.lendTo(data);
    else this.#on(from, 'data', data);
    this.#on(to, 'drain', drain);
    this.#on(from, 'end', end);
    if (from.readableEnded) end();
    else from.resume();
  }

  #sideDone(): void {
    this.#open -= 1;
    if (this.#open === 0) this.#end(null, null);
  }

  /** Errors are listened for to the very end: a second one can follow a destroy. */
  #guard(stream: Stream, code: Code): void {
    stream.on('error', () => this.#end(code, 'the connection broke'));
    this.#on(stream, 'close', () => {
      // Closed with both directions finished is the clean end, told by `end` and the writer's callback.
      if (!(stream.readableEnded && stream.writableFinished)) this.#end(code, 'the connection closed before its end');
    });
  }

  #on<Arguments extends readonly unknown[]>(stream: Stream, name: string, listener: (...all: Arguments) => void): void {
    stream.on(name, listener);
    this.#undo.push(() => stream.off(name, listener));
  }

  #end(code: Code | null, why: string | null): void {
    if (this.#over) return;
    this.#over = true;
    this.#tools.deadlines.delete(this.#deadline);
    this.#options.signal?.removeEventListener('abort', this.#abort);
    for (const undo of this.#undo) undo();
    if (code !== null) {
      const breakOff = this.#options.resets === true ? reset : destroy;
      breakOff(this.#a);
      breakOff(this.#b);
    }
    this.#resolve({ bytesAToB: this.#bytesAToB, bytesBToA: this.#bytesBToA, code, why });
  }
}

/**
 * A reset (RST) says "broken", where the end of a connection would say "that was all": a protocol without lengths takes the
 * half of a file for the whole. Behind our own end Node would keep the handle of a reset; TLS has no reset of its own.
 */
function reset(stream: Stream): void {
  const resets = stream instanceof Socket && !(stream instanceof TLSSocket) && !stream.writableEnded && !stream.destroyed;
  if (resets) stream.resetAndDestroy();
  else destroy(stream);
}

function destroy(stream: Stream): void {
  stream.destroy();
}
