/** Error answers: a page for a person, problem details or a line for a program. */

import { codes, type Code } from '../errors.ts';
import type { Reply } from '../http/reply.ts';
import type { Exchange } from '../policy/exchange.ts';
import { markup } from './markup.ts';
import { page } from './page.ts';
import { plainReply } from './problem.ts';
import { isNavigation } from './wants.ts';

type Words = Readonly<{ title: string; detail: string }>;

/** One text for each status: an error page tells the visitor nothing that the status does not. */
const byStatus: Readonly<Record<number, Words>> = {
  400: { title: 'Bad Request', detail: 'This request could not be read without doubt, so it was not passed on.' },
  401: { title: 'Unauthorized', detail: 'This address is private.' },
  403: { title: 'Forbidden', detail: 'This is not allowed here.' },
  404: { title: 'Not Found', detail: 'There is nothing at this address.' },
  405: { title: 'Method Not Allowed', detail: 'This method is not allowed here.' },
  408: { title: 'Request Timeout', detail: 'The request took too long to arrive.' },
  413: { title: 'Content Too Large', detail: 'The request is larger than is taken here.' },
  414: { title: 'URI Too Long', detail: 'The address is longer than is taken here.' },
  417: { title: 'Expectation Failed', detail: 'The expectation of this request cannot be met.' },
  421: { title: 'Misdirected Request', detail: 'This connection was opened for another name. Open the address again.' },
  429: { title: 'Too Many Requests', detail: 'There were too many attempts. Wait a little, then try again.' },
  431: { title: 'Request Header Fields Too Large', detail: 'The head of the request is larger than is taken here.' },
  500: { title: 'Internal Server Error', detail: 'Something went wrong on this side.' },
  501: { title: 'Not Implemented', detail: 'This method is not known here.' },
  502: { title: 'Bad Gateway', detail: 'The service behind this address does not answer at the moment.' },
  503: { title: 'Service Unavailable', detail: 'There is too much to do at the moment.' },
  504: { title: 'Gateway Timeout', detail: 'The service behind this address took too long to answer.' },
  505: { title: 'HTTP Version Not Supported', detail: 'This version of HTTP is not spoken here.' },
};

const unknown: Words = { title: 'Internal Server Error', detail: 'Something went wrong on this side.' };

/** The words of a status, as our own pages have them. */
export function titleOf(status: number): string {
  return (byStatus[status] ?? unknown).title;
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
  const { title, detail } = byStatus[status] ?? unknown;
  const again = status === 502 || status === 503 || status === 504 ? retrySeconds : undefined;
  const wait = options.retryAfterSeconds ?? again;
  const fields: readonly (readonly [string, string])[] = [
    ...(options.fields ?? []),
    ...(wait === undefined ? [] : [['Retry-After', String(Math.ceil(wait))] as const]),
  ];
  if (!isNavigation(exchange)) return plainReply(exchange, { status, title, detail, code, fields });
  // A page comes back by itself where asking again does no harm; what was posted is sent again by its sender alone.
  const retry = exchange?.http?.method === 'POST' ? undefined : again;
  const content = markup`<p>${detail}</p>
${retry === undefined ? null : markup`<p class="soft">This page tries again by itself.</p>\n`}<p class="soft">${status} ${title}</p>`;
  return page({ status, title: heading(status, title), content, fields, ...(retry === undefined ? {} : { retrySeconds: retry }) });
}

/** A page with one message of ours, for what is no error of the table: a link opened over plain HTTP. */
export function noticePage(status: number, title: string, message: string, fields: readonly (readonly [string, string])[] = []): Reply {
  return page({ status, title, content: markup`<p>${message}</p>`, fields });
}

function heading(status: number, title: string): string {
  if (status === 502 || status === 504) return 'The service is not there right now';
  if (status === 404) return 'Nothing is here';
  if (status === 403) return 'Not allowed';
  return title;
}
