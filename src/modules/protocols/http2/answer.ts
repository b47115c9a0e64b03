/** Writes a service's answer to one stream of HTTP/2: head and content of a turn go out together, and the end with the last of them. */

import type { ServerHttp2Stream } from 'node:http2';
import type { ProtocolTools } from '../../../contracts/protocol.ts';
import type { Fault } from '../../../core/errors.ts';
import { BodyReader } from '../../../core/http/body-reader.ts';
import { fieldValue, type Fields } from '../../../core/http/fields.ts';
import { asksForTrailers } from '../../../core/http/forward.ts';
import type { RequestHead, ResponseHead } from '../../../core/http/head.ts';
import { streamResponse, streamTrailers } from '../../../core/http/stream-response.ts';
import { Batch } from '../http/batch.ts';
import { nativeLatin1 } from '../http/latin1.ts';
import type { Answering } from '../http/parties.ts';

/** Made once: they are read and never changed. */
const endOptions = { endStream: true };
const trailerOptions = { waitForTrailers: true };

export class Http2Answer implements Answering {
  readonly #stream: ServerHttp2Stream;
  readonly #request: RequestHead;
  readonly #tools: Pick<ProtocolTools, 'limits' | 'httpDate'>;
  readonly #batch = new Batch();
  #body: BodyReader | null = null;
  /** What is to be sent of a head; null when it is sent. */
  #head: string[] | null = null;
  #mayTrail = false;
  #rawBytes = 0;
  #ended = false;
  #endsWithStream = false;

  constructor(stream: ServerHttp2Stream, request: RequestHead, tools: Pick<ProtocolTools, 'limits' | 'httpDate'>) {
    this.#stream = stream;
    this.#request = request;
    this.#tools = tools;
  }

  get done(): boolean {
    return this.#body === null || this.#body.done;
  }

  get bytes(): number {
    return this.#rawBytes + (this.#body?.bytes ?? 0);
  }

  get endsWithStream(): boolean {
    return this.#endsWithStream;
  }

  interim(head: ResponseHead): void {
    if (gone(this.#stream)) return;
    const raw = streamResponse(head, '');
    const fields: Record<string, string[]> = {};
    for (let at = 2; at + 1 < raw.length; at += 2) (fields[raw[at] ?? ''] ??= []).push(raw[at + 1] ?? '');
    this.#stream.additionalHeaders({ ...fields, ':status': head.status });
  }

  /** 101 is 200 here (RFC 8441, 5). */
  switched(head: ResponseHead): void {
    this.#head = streamResponse(head, this.#tools.httpDate());
  }

  begin(head: ResponseHead, close: boolean): boolean {
    const { is } = head.framing;
    this.#endsWithStream = is === 'close';
    this.#head = streamResponse(head, this.#tools.httpDate());
    const empty = is === 'none' || (head.framing.is === 'length' && head.framing.length === 0);
    this.#body = empty ? null : new BodyReader(head.framing, this.#tools.limits, nativeLatin1);
    // Trailers are held open only for who asked for them, or was told of them.
    this.#mayTrail = is === 'chunked' && (asksForTrailers(this.#request.fields) || fieldValue(head.fields, 'trailer') !== undefined);
    return close;
  }

  push(chunk: Uint8Array, at: number): number | Fault {
    if (this.#body === null) return at;
    return this.#body.push(chunk, at, (start, end) => {
      this.#batch.span(start === 0 && end === chunk.length ? chunk : chunk.subarray(start, end));
    });
  }

  raw(chunk: Uint8Array, at: number): number {
    this.#rawBytes += chunk.length - at;
    this.#batch.span(at === 0 ? chunk : chunk.subarray(at));
    return chunk.length;
  }

  end(): void {
    this.#ended = true;
  }

  flush(): boolean {
    const stream = this.#stream;
    if (gone(stream)) return true;
    const last = this.#ended && this.#batch.empty;
    if (this.#head !== null && !this.#respond(last)) return true;
    if (!this.#ended) return this.#batch.flush(stream);
    if (last && stream.writableEnded) return true;
    this.#ended = false;
    this.#batch.end(stream);
    return true;
  }

  /** False when all is said with it. */
  #respond(last: boolean): boolean {
    const stream = this.#stream;
    const head = this.#head ?? [];
    this.#head = null;
    const trailers: Fields = this.#body?.trailers ?? [];
    // gRPC's "trailers only" has its end on its head, and its clients insist.
    const whole = this.#request.method === 'HEAD' || (last && trailers.length === 0);
    if (!whole && this.#mayTrail) stream.once('wantTrailers', () => this.#trail());
    stream.respond(head, whole ? endOptions : this.#mayTrail ? trailerOptions : undefined);
    return !whole;
  }

  #trail(): void {
    if (!gone(this.#stream)) this.#stream.sendTrailers(streamTrailers(this.#body?.trailers ?? []));
  }
}

export function gone(stream: ServerHttp2Stream): boolean {
  return stream.destroyed || stream.closed;
}
