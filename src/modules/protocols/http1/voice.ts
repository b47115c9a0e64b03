/** How a visitor of HTTP/1.1 is spoken to: made once a connection. */

import type { ProtocolTools } from '../../../contracts/protocol.ts';
import { replyHeadText } from '../../../core/http/forward.ts';
import type { Framing, RequestHead } from '../../../core/http/head.ts';
import type { Answering, OwnAnswer, Voice } from '../http/parties.ts';
import { AnswerWriter } from './answer-writer.ts';
import type { Visitor } from './visitor.ts';

type Tools = Pick<ProtocolTools, 'limits' | 'httpDate'>;

export class Http1Voice implements Voice {
  readonly #visitor: Visitor;
  readonly #tools: Tools;

  constructor(visitor: Visitor, tools: Tools) {
    this.#visitor = visitor;
    this.#tools = tools;
  }

  answerTo(head: RequestHead): Answering {
    return new AnswerWriter(this.#visitor, head, this.#tools);
  }

  reply(answer: OwnAnswer): number {
    const { head, reply, closing } = answer;
    const body = typeof reply.body === 'string' ? Buffer.from(reply.body, 'utf8') : reply.body;
    const length = answer.length ?? body?.length ?? 0;
    const batch = this.#visitor.out;
    const framing: Framing = reply.status === 204 || reply.status === 304 ? { is: 'none' } : { is: 'length', length };
    const connection = closing ? 'close' : 'keep-alive';
    batch.text(replyHeadText(reply, { minor: head?.minor ?? 1, framing, date: this.#tools.httpDate(), connection }));
    const withBody = body !== null && body.length > 0 && head?.method !== 'HEAD';
    if (withBody) batch.span(body);
    batch.flush(this.#visitor.stream);
    return withBody ? body.length : 0;
  }

  /** Its length was said before. */
  replied(): void {
    return undefined;
  }

  goOn(): void {
    this.#visitor.stream.write('HTTP/1.1 100 Continue\r\n\r\n', 'latin1');
  }
}
