/** Standard input and output as one stream of bytes, whose end the other program really sees. */

import { Socket } from 'node:net';
import { Duplex, type Readable, type Writable } from 'node:stream';

/** Node never closes `process.stdout`, so that who reads it would wait for its end: a pipe is written through a socket of our own. */
export function standardOutput(): Writable {
  try {
    return new Socket({ fd: 1, readable: false, writable: true });
  } catch {
    // A file, or a terminal: nobody waits for an end there.
    return process.stdout;
  }
}

export class StdioStream extends Duplex {
  readonly #input: Readable;
  readonly #output: Writable;

  constructor(input: Readable, output: Writable) {
    super({ allowHalfOpen: true });
    this.#input = input;
    this.#output = output;
    input.on('data', (bytes: Buffer) => {
      if (!this.push(bytes)) input.pause();
    });
    input.pause();
    input.on('end', () => this.push(null));
    for (const stream of [input, output]) stream.on('error', (error: Error) => this.destroy(error));
  }

  override _read(): void {
    this.#input.resume();
  }

  override _write(bytes: Uint8Array, _encoding: string, done: (error?: Error | null) => void): void {
    this.#output.write(bytes, done);
  }

  override _final(done: () => void): void {
    // A pipe has no half that could be ended: it is closed when all is written.
    this.#output.removeAllListeners('error').on('error', () => undefined);
    this.#output.end(() => this.#output.destroy());
    done();
  }
}
