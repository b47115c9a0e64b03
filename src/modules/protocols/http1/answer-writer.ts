/** Writes a service's answer for one visitor: the framing that this visitor understands, whatever the service's was. */

import type { ProtocolTools } from '../../../contracts/protocol.ts';
import type { Fault } from '../../../core/errors.ts';
import { BodyReader } from '../../../core/http/body-reader.ts';
import { lastChunkText, responseHeadText } from '../../../core/http/forward.ts';
import type { Framing, RequestHead, ResponseHead } from '../../../core/http/head.ts';
import type { Answering } from '../http/parties.ts';
import type { Visitor } from './visitor.ts';
import { nativeLatin1 } from '../http/latin1.ts';

const noBody: Framing = Object.freeze({ is: 'none' });

export class AnswerWriter implements Answering {
  readonly #visitor: Pick<Visitor, 'out' | 'stream'>;
  readonly #batch: Visitor['out'];
  readonly #request: RequestHead;
  readonly #tools: Pick<ProtocolTools, 'limits' | 'httpDate' | 'transparent'>;
  #body: BodyReader | null = null;
  #sent: Framing = noBody;
  #endsWithStream = false;
  #rawBytes = 0;

  constructor(
    visitor: Pick<Visitor, 'out' | 'stream'>,
    request: RequestHead,
    tools: Pick<ProtocolTools, 'limits' | 'httpDate' | 'transparent'>,
  ) {
    this.#visitor = visitor;
    this.#batch = visitor.out;
    this.#request = request;
    this.#tools = tools;
  }

  /** Whether the body has been read to its end. */
  get done(): boolean {
    return this.#body === null || this.#body.done;
  }

  /** Bytes of content so far. */
  get bytes(): number {
    return this.#rawBytes + (this.#body?.bytes ?? 0);
  }

  /** Whether the end of the service's stream is the end of the body. */
  get endsWithStream(): boolean {
    return this.#endsWithStream;
  }

  /** 1xx goes through to a visitor who understands it (RFC 9110, 15.2). */
  interim(head: ResponseHead): void {
    if (this.#request.minor === 0) return;
    this.#batch.text(
      responseHeadText(head, {
        minor: 1,
        framing: noBody,
        connection: 'keep-alive',
        date: this.#tools.httpDate(),
        transparent: this.#tools.transparent,
      }),
    );
  }

  /** 101: from now on both sides speak another protocol. */
  switched(head: ResponseHead): void {
    this.#batch.text(
      responseHeadText(head, {
        minor: 1,
        framing: noBody,
        connection: 'upgrade',
        date: this.#tools.httpDate(),
        transparent: this.#tools.transparent,
      }),
    );
  }

  /** The final head. Returns whether the visitor's connection ends with this answer: when asked for, or when nothing else marks its end. */
  begin(head: ResponseHead, close: boolean): boolean {
    this.#sent = this.#framingFor(head);
    this.#endsWithStream = head.framing.is === 'close';
    const closing = close || this.#sent.is === 'close';
    const connection = closing ? 'close' : 'keep-alive';
    this.#batch.text(
      responseHeadText(head, {
        minor: this.#request.minor,
        framing: this.#sent,
        connection,
        date: this.#tools.httpDate(),
        transparent: this.#tools.transparent,
      }),
    );
    const empty = head.framing.is === 'none' || (head.framing.is === 'length' && head.framing.length === 0);
    this.#body = empty ? null : new BodyReader(head.framing, this.#tools.limits, nativeLatin1);
    return closing;
  }

  /** Reads on in the body and writes what it holds. The index after the last byte consumed. */
  push(chunk: Uint8Array, at: number): number | Fault {
    if (this.#body === null) return at;
    const chunked = this.#sent.is === 'chunked';
    return this.#body.push(chunk, at, (start, end) => {
      const bytes = start === 0 && end === chunk.length ? chunk : chunk.subarray(start, end);
      if (chunked) this.#batch.chunk(bytes);
      else this.#batch.span(bytes);
    });
  }

  /** Bytes that are no longer HTTP. */
  raw(chunk: Uint8Array, at: number): number {
    this.#rawBytes += chunk.length - at;
    this.#batch.span(at === 0 ? chunk : chunk.subarray(at));
    return chunk.length;
  }

  end(): void {
    if (this.#sent.is === 'chunked') this.#batch.text(lastChunkText(this.#body?.trailers ?? []));
  }

  flush(): boolean {
    return this.#batch.flush(this.#visitor.stream);
  }

  /** A body without a length reaches a 1.1 visitor in chunks, so that its end is known; a 1.0 visitor to the connection's end. */
  #framingFor(head: ResponseHead): Framing {
    switch (head.framing.is) {
      case 'none':
      case 'length':
        return head.framing;
      case 'chunked':
      case 'close':
        return this.#request.minor === 0 ? { is: 'close' } : { is: 'chunked' };
      default:
        return head.framing satisfies never;
    }
  }
}
