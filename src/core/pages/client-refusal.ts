/** What a client of a proxy is told when it is refused: a line for programs, a page for whoever browses through the proxy in the clear. */

import type { Code } from '../errors.ts';
import type { Reply } from '../http/reply.ts';
import type { Exchange } from '../policy/exchange.ts';
import { statusLine } from './error.ts';
import { markup } from './markup.ts';
import { page } from './page.ts';
import { plainReply, type Problem } from './problem.ts';
import { say } from './say.ts';
import { isNavigation } from './wants.ts';

/** Why, in a sentence that needs no more than the code. */
const reasons = {
  'destination-denied': 'proxy.denied',
  'request-denied': 'proxy.request',
  'response-denied': 'proxy.answer',
  'client-suspended': 'client.suspended',
  'client-inactive': 'client.inactive',
  'client-unknown': 'client.stranger',
  'tunnels-exceeded': 'proxy.tunnels',
  'requests-exceeded': 'proxy.requests',
  'quota-exceeded': 'proxy.quota',
  'body-too-large': 'error.413.detail',
} as const satisfies Partial<Record<Code, string>>;

/** In the reader's language; null for a code that says no more than it says. */
export function refusalReason(exchange: Exchange, code: string): string | null {
  return isReason(code) ? say(exchange, reasons[code]) : null;
}

/** @param more what else a person is to know, in the reader's language or as somebody wrote it */
export function clientRefusal(
  exchange: Exchange,
  problem: Problem & Readonly<{ code: keyof typeof reasons }>,
  more: string | null = null,
): Reply {
  if (!isNavigation(exchange)) return plainReply(exchange, problem);
  const { status, code, fields = [] } = problem;
  const content = markup`<p>${say(exchange, reasons[code])}</p>
${more === null ? null : markup`<p>${more}</p>\n`}${statusLine(status)}`;
  return page(exchange, { status, title: say(exchange, 'proxy.title'), content, fields });
}

function isReason(code: string): code is keyof typeof reasons {
  return Object.hasOwn(reasons, code);
}
