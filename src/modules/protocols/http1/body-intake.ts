/** The body of one request: held up to a measure before anybody hears of it, then given to whoever takes it. */

import { BodyReader } from '../../../core/http/body-reader.ts';
import type { Fields } from '../../../core/http/fields.ts';
import type { Framing } from '../../../core/http/head.ts';
import { fault, type Fault } from '../../../core/errors.ts';
import type { Limits } from '../../../core/limits.ts';
import { nativeLatin1 } from '../http/latin1.ts';
import { PackedBytes } from '../http/packed-bytes.ts';
import type { BodyTaker } from '../http/parties.ts';

/** RFC 9112, 8: nothing may be made of half a message. */
export const halfBody = fault('message-incomplete', 'the visitor ended its side before the body was complete');

export class BodyIntake {
  readonly #framing: Framing;
  readonly #reader: BodyReader;
  readonly #held = new PackedBytes();

  constructor(framing: Framing, limits: Limits) {
    this.#framing = framing;
    this.#reader = new BodyReader(framing, limits, nativeLatin1);
  }

  get done(): boolean {
    return this.#reader.done;
  }

  get bytes(): number {
    return this.#reader.bytes;
  }

  get trailers(): Fields {
    return this.#reader.trailers;
  }

  /** Whether something of a body without a known end has come. */
  get dribbles(): boolean {
    return this.#framing.is === 'chunked' && this.#held.bytes > 0;
  }

  /** Hands over what was held. */
  give(taker: BodyTaker): void {
    for (const bytes of this.#held.take()) taker.span(bytes);
  }

  /** Reads on; with no taker the content is held. The index after the last byte consumed. */
  push(chunk: Uint8Array, at: number, taker: BodyTaker | null): number | Fault {
    return this.#reader.push(chunk, at, (start, end) => {
      const bytes = start === 0 && end === chunk.length ? chunk : chunk.subarray(start, end);
      if (taker === null) this.#held.push(bytes);
      else taker.span(bytes);
    });
  }
}
