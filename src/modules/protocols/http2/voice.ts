/** How a visitor of HTTP/2 is spoken to, on one stream. */

import type { ServerHttp2Stream } from 'node:http2';
import type { ProtocolTools } from '../../../contracts/protocol.ts';
import type { RequestHead } from '../../../core/http/head.ts';
import { streamReply } from '../../../core/http/stream-response.ts';
import type { Answering, OwnAnswer, Voice } from '../http/parties.ts';
import { gone, Http2Answer } from './answer.ts';

export class Http2Voice implements Voice {
  readonly #stream: ServerHttp2Stream;
  readonly #head: RequestHead;
  readonly #tools: Pick<ProtocolTools, 'limits' | 'httpDate'>;

  constructor(stream: ServerHttp2Stream, head: RequestHead, tools: Pick<ProtocolTools, 'limits' | 'httpDate'>) {
    this.#stream = stream;
    this.#head = head;
    this.#tools = tools;
  }

  answerTo(head: RequestHead): Answering {
    return new Http2Answer(this.#stream, head, this.#tools);
  }

  reply({ reply, streamed, length }: OwnAnswer): number {
    const stream = this.#stream;
    if (gone(stream) || stream.headersSent) return 0;
    const body = typeof reply.body === 'string' ? Buffer.from(reply.body, 'utf8') : reply.body;
    const withBody = body !== null && body.length > 0 && this.#head.method !== 'HEAD';
    const raw = streamReply(reply, length ?? body?.length ?? 0, this.#tools.httpDate());
    stream.respond(raw, { endStream: !withBody && !streamed });
    if (withBody) stream.end(body);
    return withBody ? body.length : 0;
  }

  replied(): void {
    this.#stream.end();
  }

  goOn(): void {
    if (!gone(this.#stream) && !this.#stream.headersSent) this.#stream.additionalHeaders({ ':status': 100 });
  }
}
