/** Reads one request's body whole, up to a measure: for forms and signatures, never for what is passed on. */

import type { ProtocolTools } from '../../../contracts/protocol.ts';
import { PackedBytes } from './packed-bytes.ts';
import type { Conversing } from './parties.ts';

/** Bytes beyond the short beginning of each body that are held at this moment, of all visitors of this process. */
let heldOfAll = 0;

/**
 * The body of one request, as far as it is kept here. Anybody may ask us to look at a body of the right form, so it has a
 * measure of its own, one together with all others, and a while for all of it.
 */
export class Gathering {
  readonly #with: Conversing;
  readonly #tools: Pick<ProtocolTools, 'limits' | 'deadlines'>;
  #body: Uint8Array | null = null;
  #torn = false;
  #counted = 0;

  constructor(conversing: Conversing, tools: Pick<ProtocolTools, 'limits' | 'deadlines'>) {
    this.#with = conversing;
    this.#tools = tools;
  }

  /** The whole, once it was read. */
  get body(): Uint8Array | null {
    return this.#body;
  }

  /** Whether a part was read and not kept: nothing may be made of the rest (RFC 9112, 8). */
  get torn(): boolean {
    return this.#torn;
  }

  /** Null when it is longer than `bytesMax`, has no single reading, or never came: checked on the length before a byte is kept. */
  async read(bytesMax: number): Promise<Uint8Array | null> {
    if (this.#torn) return null;
    if (this.#body !== null) return this.#body.length <= bytesMax ? this.#body : null;
    const { visitor, voice } = this.#with;
    const { framing, expectsContinue } = this.#with.head;
    if (framing.is === 'length' && framing.length > bytesMax) return null;
    if (visitor.bodyBytes === 0 && visitor.bodyRead) return new Uint8Array(0);
    if (expectsContinue && visitor.bodyBytes === 0) voice.goOn();
    this.#body = await this.#taken(bytesMax);
    this.#torn = this.#body === null;
    return this.#body;
  }

  /** The exchange has ended: others may hold as much. */
  release(): void {
    heldOfAll -= this.#counted;
    this.#counted = 0;
  }

  #taken(bytesMax: number): Promise<Uint8Array | null> {
    const { visitor } = this.#with;
    const { deadlines, limits } = this.#tools;
    const end = deadlines.time() + limits.idleMs;
    return new Promise((resolve) => {
      const kept = new PackedBytes();
      let over = false;
      const stop = (result: Uint8Array | null): void => {
        over = true;
        visitor.stream.off('close', gone);
        if (result === null) this.release();
        resolve(result);
      };
      const gone = (): void => stop(null);
      visitor.stream.once('close', gone);
      visitor.readBody({
        // All of it has one end already.
        paced: false,
        span: (span) => {
          if (over) return;
          const bytes = kept.bytes + span.length;
          if (bytes <= bytesMax && deadlines.time() <= end && this.#hasRoom(bytes)) kept.push(span);
          else {
            visitor.backlog.pause();
            stop(null);
          }
        },
        whole: () => {
          if (!over) stop(Buffer.concat(kept.take()));
        },
        broken: () => stop(null),
        turn: () => undefined,
      });
    });
  }

  /** Counts what is beyond a short body: that much every connection may hold anyway. */
  #hasRoom(bytes: number): boolean {
    const beyond = Math.max(0, bytes - this.#tools.limits.bodyHeldBytesMax);
    if (heldOfAll - this.#counted + beyond > this.#tools.limits.gatheredBytesMax) return false;
    heldOfAll += beyond - this.#counted;
    this.#counted = beyond;
    return true;
  }
}
