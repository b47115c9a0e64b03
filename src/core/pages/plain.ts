/** What a relay says on plain port 80 of a name that cannot be reached: why, as far as that is for everybody. No name is repeated. */

import type { Code } from '../errors.ts';
import type { Reply } from '../http/reply.ts';
import type { Exchange } from '../policy/exchange.ts';
import { markup } from './markup.ts';
import { page } from './page.ts';
import { plainReply } from './problem.ts';
import { say, sayPlainly } from './say.ts';
import { isNavigation } from './wants.ts';

/** A gateway that restarts is back in seconds; a line that is down is not. */
const awaySeconds = 10;

/** The operator's own words, escaped. */
export function blockedReply(exchange: Exchange, why: string): Reply {
  const detail = isNavigation(exchange) ? say(exchange, 'relay.blocked.detail', { why }) : sayPlainly('relay.blocked.detail', { why });
  return said(exchange, { status: 403, title: 'relay.blocked.title', detail, code: 'relay-blocked' });
}

/** Somebody has the name, and is not here: 503 with Retry-After, for visitors and for programs. */
export function awayReply(exchange: Exchange): Reply {
  return said(exchange, {
    status: 503,
    title: 'relay.away.title',
    detail: detailOf(exchange, 'relay.away.detail'),
    code: 'gateway-away',
    fields: [['Retry-After', String(awaySeconds)]],
  });
}

/** The same for every name that nobody has, whatever was asked. */
export function unknownReply(exchange: Exchange): Reply {
  return said(exchange, { status: 404, title: 'error.404.title', detail: detailOf(exchange, 'error.404.detail'), code: 'name-unknown' });
}

/** What carries a body has shown it in the clear already, and is told so instead of being sent on. */
export function securelyReply(exchange: Exchange): Reply {
  return said(exchange, {
    status: 403,
    title: 'relay.secure.title',
    detail: detailOf(exchange, 'relay.secure.detail'),
    code: 'method-denied',
  });
}

type Said = Readonly<{
  status: number;
  title: 'relay.blocked.title' | 'relay.away.title' | 'relay.secure.title' | 'error.404.title';
  detail: string;
  code: Code;
  fields?: readonly (readonly [string, string])[];
}>;

function detailOf(exchange: Exchange, key: 'relay.away.detail' | 'relay.secure.detail' | 'error.404.detail'): string {
  return isNavigation(exchange) ? say(exchange, key) : sayPlainly(key);
}

function said(exchange: Exchange, { status, title, detail, code, fields = [] }: Said): Reply {
  if (!isNavigation(exchange)) return plainReply(exchange, { status, title: sayPlainly(title), detail, code, fields });
  const retry = status === 503 ? { retrySeconds: awaySeconds } : {};
  return page(exchange, { status, title: say(exchange, title), content: markup`<p>${detail}</p>`, fields, ...retry });
}
