/** Error answers: a page for a person, problem details or a line for a program. */

import { codes, type Code } from '../errors.ts';
import { phrases } from '../http/phrases.ts';
import type { Reply } from '../http/reply.ts';
import type { Exchange } from '../policy/exchange.ts';
import { markup, type Markup } from './markup.ts';
import { page } from './page.ts';
import { plainReply } from './problem.ts';
import { say, sayPlainly } from './say.ts';
import { isNavigation } from './wants.ts';

/** The statuses of our refusals: each has its texts. */
const statuses = [400, 401, 403, 404, 405, 408, 413, 414, 417, 421, 429, 431, 500, 501, 502, 503, 504, 505] as const;

type Known = (typeof statuses)[number];

/** The phrase of a status. */
export function titleOf(status: number): string {
  return phrases[known(status)];
}

/** One text for each status: an error page tells the visitor nothing that the status does not. */
function known(status: number): Known {
  return statuses.find((each) => each === status) ?? 500;
}

/** How soon a page about a service that is down asks again. */
const retrySeconds = 5;

export type ErrorOptions = Readonly<{
  /** Written as Retry-After. */
  retryAfterSeconds?: number;
  fields?: readonly (readonly [string, string])[];
}>;

/**
 * The answer for a code: its status from the table of codes, 500 where a code has none.
 * @param exchange null when no head could be read
 */
export function errorReply(exchange: Exchange | null, code: Code, options: ErrorOptions = {}): Reply {
  const status = codes[code].status ?? 500;
  const words = known(status);
  const again = status === 502 || status === 503 || status === 504 ? retrySeconds : undefined;
  const wait = options.retryAfterSeconds ?? again;
  const fields: readonly (readonly [string, string])[] = [
    ...(options.fields ?? []),
    ...(wait === undefined ? [] : [['Retry-After', String(Math.ceil(wait))] as const]),
  ];
  if (!isNavigation(exchange))
    return plainReply(exchange, { status, title: phrases[words], detail: sayPlainly(`error.${words}.detail`), code, fields });
  // A page comes back by itself where asking again does no harm; what was posted is sent again by its sender alone.
  const retry = exchange?.http?.method === 'POST' ? undefined : again;
  const content = markup`<p>${say(exchange, `error.${words}.detail`)}</p>
${retry === undefined ? null : markup`<p class="soft">${say(exchange, 'page.again')}</p>\n`}${statusLine(status)}`;
  const title = say(exchange, `error.${words}.title`);
  return page(exchange, { status, title, content, fields, ...(retry === undefined ? {} : { retrySeconds: retry }) });
}

/** What one can tell somebody who is asked for help. */
export function statusLine(status: number): Markup {
  return markup`<p class="soft" lang="en">${status} ${titleOf(status)}</p>`;
}

export type Notice = Readonly<{ title: string; detail: string; fields?: readonly (readonly [string, string])[] }>;

/** A page with one message of ours, for what is no error of the table: a link opened over plain HTTP. */
export function noticePage(exchange: Exchange, status: number, { title, detail, fields = [] }: Notice): Reply {
  return page(exchange, { status, title, content: markup`<p>${detail}</p>`, fields });
}
