/** What is different where a request is led through a proxy: its form before another proxy, and what may be carried. */

import type { Forwarding, Opened } from '../../../contracts/upstream.ts';
import { unwantedAnswer, unwantedRequest } from '../../../core/egress/content.ts';
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

/** Why a request is not sent on; null for nothing. Fault: `destination-denied`. */
export function requestProblem(head: RequestHead, { content }: To): Fault | null {
  const why = unwantedRequest(head, content);
  return why === null ? null : fault('destination-denied', why);
}

/** Why an answer is not passed on; null for nothing. Faults: `destination-denied`, `upstream-unreachable`. */
export function answerProblem(head: ResponseHead, method: string, { content, proxyLines }: To): Fault | null {
  // What a proxy behind asks for is ours to show, and no visitor's.
  if (head.status === 407 && proxyLines !== undefined)
    return fault('upstream-unreachable', 'the proxy behind does not take what it is shown (407)');
  const why = unwantedAnswer(head, method, content);
  return why === null ? null : fault('destination-denied', why);
}
