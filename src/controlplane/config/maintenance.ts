/** Maintenance: whoever is let in hears that the service is being worked on. Nothing is dialled meanwhile. */

import type { Open } from '../../contracts/upstream.ts';
import type { Exchange } from '../../core/policy/exchange.ts';
import { markup } from '../../core/pages/markup.ts';
import { page } from '../../core/pages/page.ts';
import { plainReply } from '../../core/pages/problem.ts';
import { isNavigation } from '../../core/pages/wants.ts';
import type { Reply } from '../../core/http/reply.ts';
import type { Leg } from './legs.ts';

/** How soon one may ask again. */
const retrySeconds = 120;

/** The legs with 503 in place of what lies behind them. */
export function pausedLegs(legs: readonly Leg[], text: string): readonly Leg[] {
  const open: Open = (exchange) => ({ is: 'reply', reply: pauseReply(exchange, text) });
  return legs.map((leg) => ({ ...leg, open, words: `${leg.words} (in maintenance)` }));
}

function pauseReply(exchange: Exchange, text: string): Reply {
  const status = 503;
  const title = 'Service Unavailable';
  const fields = [['Retry-After', String(retrySeconds)]] as const;
  if (!isNavigation(exchange)) return plainReply(exchange, { status, title, detail: text, code: 'service-paused', fields });
  const content = markup`<p>${text}</p>\n<p class="soft">${status} ${title}</p>`;
  return page({ status, title: 'Back soon', content, fields });
}
