/** What a request and its answer must be to be passed on, and their form: where a proxy leads them, and where a firewall looks at them. */

import type { AnswerWall, Forwarding, Opened } from '../../../contracts/upstream.ts';
import { isTooLong, tooLongWords, unwantedAnswer, unwantedRequest } from '../../../core/egress/content.ts';
import { fault, type Fault } from '../../../core/errors.ts';
import { requestHeadText, type VisitorLines } from '../../../core/http/forward.ts';
import type { RequestHead, ResponseHead } from '../../../core/http/head.ts';
import { authorityText } from '../../../core/http/host.ts';
import type { Limits } from '../../../core/limits.ts';

type To = Pick<Extract<Opened, { is: 'stream' }>, 'proxyLines' | 'content'>;

/** `expectContinue`: once the body has begun nobody waits for a 100 any more. */
type Asked = Readonly<{ visitor: VisitorLines; forwarding: Forwarding; expectContinue: boolean }>;

/** In origin form for a service, in absolute form for another proxy. */
export function requestTextFor({ proxyLines }: To, head: RequestHead, { visitor, forwarding, expectContinue }: Asked): string {
  const connection = head.upgrade === null ? 'keep-alive' : 'upgrade';
  const plan = { visitor, connection, framing: head.framing, expectContinue } as const;
  if (proxyLines === undefined) return requestHeadText(head, { ...plan, forwarding });
  const target = `http://${authorityText(head.authority)}${head.target === '*' ? '' : head.target}`;
  return requestHeadText({ ...head, target }, { ...plan, forwarding: { ...forwarding, told: `${forwarding.told ?? ''}${proxyLines}` } });
}

/** The longest body of a request that is sent on. */
export function bodyBytesMax({ content }: To, forwarding: Forwarding, limits: Pick<Limits, 'bodyBytesMax'>): number {
  return Math.min(forwarding.bodyBytesMax ?? limits.bodyBytesMax, content?.requests?.bytesMax ?? Infinity);
}

/** Why a request is not sent on; null for nothing. Fault: `request-denied`. */
export function requestProblem(head: RequestHead, { content }: To): Fault | null {
  const why = unwantedRequest(head, content);
  return why === null ? null : fault('request-denied', why);
}

/** Why an answer is not passed on, or what of it only stands in the record; null for nothing. Faults: `response-denied`, `upstream-unreachable`. */
export function answerFound(
  head: ResponseHead,
  method: string,
  { content, proxyLines }: To,
  wall: AnswerWall | undefined,
): Fault | string | null {
  // What a proxy behind asks for is ours to show, and no visitor's.
  if (head.status === 407 && proxyLines !== undefined)
    return fault('upstream-unreachable', 'the proxy behind does not take what it is shown (407)');
  const why = unwantedAnswer(head, method, content);
  if (why !== null) return fault('response-denied', why);
  const found = wall?.(head) ?? null;
  return found?.refused === true ? fault('response-denied', found.why) : (found?.why ?? null);
}

/** How far the content of an answer was read, as long as it may go on. Faults: `response-malformed`, `response-denied`. */
export function contentFound(read: number | Fault, bytes: number, { content }: To): number | Fault {
  if (typeof read !== 'number') return fault('response-malformed', read.why);
  return isTooLong(bytes, content) ? fault('response-denied', tooLongWords) : read;
}
