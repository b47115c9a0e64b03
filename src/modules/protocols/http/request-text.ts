/** The head of a request as whoever stands behind gets it: a service in origin form, another proxy in absolute form. */

import type { Forwarding, Opened } from '../../../contracts/upstream.ts';
import { requestHeadText, type VisitorLines } from '../../../core/http/forward.ts';
import type { RequestHead } from '../../../core/http/head.ts';
import { authorityText } from '../../../core/http/host.ts';

type To = Pick<Extract<Opened, { is: 'stream' }>, 'proxyLines'>;

/** `expectContinue`: once the body has begun nobody waits for a 100 any more. */
type Asked = Readonly<{ visitor: VisitorLines; forwarding: Forwarding; expectContinue: boolean }>;

export function requestTextFor({ proxyLines }: To, head: RequestHead, { visitor, forwarding, expectContinue }: Asked): string {
  const connection = head.upgrade === null ? 'keep-alive' : 'upgrade';
  const plan = { visitor, connection, framing: head.framing, expectContinue } as const;
  if (proxyLines === undefined) return requestHeadText(head, { ...plan, forwarding });
  const target = `http://${authorityText(head.authority)}${head.target === '*' ? '' : head.target}`;
  return requestHeadText({ ...head, target }, { ...plan, forwarding: { ...forwarding, told: `${forwarding.told ?? ''}${proxyLines}` } });
}
