/** Maintenance: whoever is let in hears that the service is being worked on. Nothing is dialled meanwhile. */

import type { Open } from '../../contracts/upstream.ts';
import type { Exchange } from '../../core/policy/exchange.ts';
import { markup } from '../../core/pages/markup.ts';
import { statusLine, titleOf } from '../../core/pages/error.ts';
import { page } from '../../core/pages/page.ts';
import { plainReply } from '../../core/pages/problem.ts';
import { say } from '../../core/pages/say.ts';
import { isNavigation } from '../../core/pages/wants.ts';
import type { Reply } from '../../core/http/reply.ts';
import type { Leg } from './legs.ts';
import { pauseText } from './web-schema.ts';

/** How soon one may ask again. */
const retrySeconds = 120;

/** The legs with 503 in place of what lies behind them. */
export function pausedLegs(legs: readonly Leg[], text: string): readonly Leg[] {
  const open: Open = (exchange) => ({ is: 'reply', reply: pauseReply(exchange, text) });
  return legs.map((leg) => ({ ...leg, open, words: `${leg.words} (in maintenance)` }));
}

/** Words of the operator's own, or `pauseText`. */
export function pauseReply(exchange: Exchange, text: string): Reply {
  const status = 503;
  const title = titleOf(status);
  const fields = [['Retry-After', String(retrySeconds)]] as const;
  if (!isNavigation(exchange)) return plainReply(exchange, { status, title, detail: text, code: 'service-paused', fields });
  // Words of the operator's own are in their language; ours are in the visitor's.
  const content = markup`<p>${text === pauseText ? say(exchange, 'paused.detail') : text}</p>\n${statusLine(status)}`;
  return page(exchange, { status, title: say(exchange, 'paused.title'), content, fields });
}
