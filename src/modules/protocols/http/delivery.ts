/** The body of a request on its way to the service: measured, and framed anew. */

import { fault } from '../../../core/errors.ts';
import { lastChunkText } from '../../../core/http/forward.ts';
import type { Fields } from '../../../core/http/fields.ts';
import type { Framing } from '../../../core/http/head.ts';
import type { Batch } from './batch.ts';

export const tooLong = fault('body-too-large', 'the body was longer than the service takes');

export class Delivery {
  /** The longest body that is passed on. */
  bytesMax: number;
  bytes = 0;
  /** Whether the service has been told of its end. */
  done = false;
  /** From now on bytes are no body any more. */
  raw = false;
  readonly #out: Batch;
  readonly #chunked: boolean;

  constructor(out: Batch, framing: Framing, bytesMax: number) {
    this.#out = out;
    this.#chunked = framing.is === 'chunked';
    this.bytesMax = bytesMax;
  }

  /** Then nothing more is passed on, and no end: the service must never take a part for the whole. */
  get tooLong(): boolean {
    return this.bytes > this.bytesMax && !this.raw;
  }

  span(bytes: Uint8Array): void {
    this.bytes += bytes.length;
    if (this.tooLong) return;
    // An empty chunk would be the last one.
    if (!this.#chunked || this.raw) this.#out.span(bytes);
    else if (bytes.length > 0) this.#out.chunk(bytes);
  }

  whole(trailers: Fields): void {
    if (this.tooLong) return;
    this.done = true;
    if (this.#chunked) this.#out.text(lastChunkText(trailers));
  }
}
