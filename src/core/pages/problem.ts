/** Answers for programs: problem details (RFC 9457) or one line of text. */

import type { Code } from '../errors.ts';
import type { Reply } from '../http/reply.ts';
import type { Exchange } from '../policy/exchange.ts';
import { ownFields } from './page.ts';
import { wantsJson } from './wants.ts';

export type Problem = Readonly<{
  status: number;
  /** The status in words. */
  title: string;
  /** One sentence for people; holds nothing that the visitor sent. */
  detail: string;
  code: Code;
  fields?: readonly (readonly [string, string])[];
}>;

/** JSON where the visitor asks for it, a line of text otherwise. */
export function plainReply(exchange: Exchange | null, { status, title, detail, code, fields = [] }: Problem): Reply {
  if (!wantsJson(exchange)) return { status, fields: [...fields, ...ownFields('text/plain; charset=utf-8')], body: `${detail}\n` };
  const problem = { type: 'about:blank', title, status, detail, code };
  return { status, fields: [...fields, ...ownFields('application/problem+json')], body: `${JSON.stringify(problem)}\n` };
}
