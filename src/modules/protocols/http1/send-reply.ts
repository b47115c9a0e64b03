/** Writes one of our own answers to a visitor. */

import { replyHeadText } from '../../../core/http/forward.ts';
import type { Framing, RequestHead } from '../../../core/http/head.ts';
import type { Reply } from '../../../core/http/reply.ts';
import type { Visitor } from './visitor.ts';

type Answer = Readonly<{
  visitor: Visitor;
  /** Null when no head could be read. */
  head: RequestHead | null;
  reply: Reply;
  date: string;
  closing: boolean;
  /** The length of a body that is streamed after the head. */
  length?: number;
}>;

/** Returns the bytes of content written. Ends the connection itself only when no head was read. */
export function sendReply(answer: Answer): number {
  const { visitor, head, reply, closing } = answer;
  const body = typeof reply.body === 'string' ? Buffer.from(reply.body, 'utf8') : reply.body;
  const length = answer.length ?? body?.length ?? 0;
  const batch = visitor.out;
  const framing: Framing = reply.status === 204 || reply.status === 304 ? { is: 'none' } : { is: 'length', length };
  batch.text(replyHeadText(reply, { minor: head?.minor ?? 1, framing, date: answer.date, connection: closing ? 'close' : 'keep-alive' }));
  const withBody = body !== null && body.length > 0 && head?.method !== 'HEAD';
  if (withBody) batch.span(body);
  batch.flush(visitor.stream);
  if (head === null) visitor.linger();
  return withBody ? body.length : 0;
}
