/** What a proxy says when it does not lead there: 407 with its challenge, or a line that says why not. */

import { codes, type Code } from '../errors.ts';
import type { Reply } from '../http/reply.ts';
import type { Exchange, ListenerFacts } from '../policy/exchange.ts';
import { errorReply, titleOf } from './error.ts';
import { markup } from './markup.ts';
import { page } from './page.ts';
import { plainReply } from './problem.ts';
import { say, sayPlainly } from './say.ts';
import type { TextKey } from './texts/catalogue.ts';
import { isNavigation } from './wants.ts';

/** RFC 9209, 2.3: the standard's words for our codes. */
const proxyErrors: Partial<Record<Code, string>> = {
  'destination-denied': 'destination_ip_prohibited',
  'request-denied': 'http_request_denied',
  'response-denied': 'http_protocol_error',
  'destination-unresolved': 'dns_error',
  'resolver-timed-out': 'dns_timeout',
  'upstream-refused': 'connection_refused',
  'upstream-timed-out': 'connection_timeout',
  'upstream-unreachable': 'destination_unavailable',
  'upstream-broken': 'connection_terminated',
  'connections-exceeded': 'connection_limit_reached',
};

const details = {
  'destination-denied': 'proxy.denied',
  'request-denied': 'proxy.request',
  'response-denied': 'proxy.answer',
  'destination-missing': 'proxy.missing',
  'destination-unresolved': 'proxy.unresolved',
  'resolver-timed-out': 'proxy.resolver',
  'upstream-refused': 'proxy.refused',
  'upstream-timed-out': 'proxy.late',
  'upstream-unreachable': 'proxy.unreachable',
} as const satisfies Partial<Record<Code, TextKey>>;

/** Where a client finds what was agreed with it. */
export const clientPagePath = '/.sallyport/client';

const stranger: ReadonlySet<Code> = new Set<Code>(['credentials-missing', 'credentials-wrong', 'credentials-expired']);

/** An ordinary web server has nothing at such an address. */
const nothing: Reply = { status: 404, fields: [['Content-Type', 'text/plain; charset=utf-8']], body: 'Not Found\n' };
const noTunnel: Reply = { status: 405, fields: [['Allow', 'GET, HEAD']], body: null };

/** What is said to what had no exchange. Whoever looks for a proxy that hides is told what any web server says. */
export function unreadText({ proxy }: ListenerFacts, status: number, code: Code): string {
  return `${proxy?.hide === true ? titleOf(status) : `${status} ${code}`}\n`;
}

/**
 * @param identified whether it is known who asks
 * @param proposed a guard's own answer, or null
 */
export function proxyAnswer(exchange: Exchange, code: Code, identified: boolean, proposed: Reply | null): Reply {
  const isTunnel = exchange.destination !== undefined && exchange.destination.way !== 'http';
  if (exchange.listener.proxy?.hide === true && !identified) return isTunnel ? noTunnel : nothing;
  if (stranger.has(code) && exchange.destination !== undefined)
    return said(exchange, {
      status: 407,
      title: 'Proxy Authentication Required',
      detail: 'proxy.login',
      code,
      fields: challenges(exchange, 'Proxy-Authenticate'),
    });
  // The one page of ours asks for itself (RFC 9110, 11.6.1), and not for the way out.
  if (stranger.has(code) && asksForClientPage(exchange))
    return said(exchange, {
      status: 401,
      title: 'Unauthorized',
      detail: 'proxy.login',
      code,
      fields: challenges(exchange, 'WWW-Authenticate'),
    });
  // Without a destination nobody is asked for anything.
  const told: Code = exchange.destination === undefined && stranger.has(code) ? 'destination-missing' : code;
  if (proposed !== null) return proposed;
  const error = proxyErrors[told];
  const fields: readonly (readonly [string, string])[] = [
    ['Proxy-Status', error === undefined ? 'sallyport' : `sallyport; error=${error}`],
  ];
  if (!isTold(told)) return errorReply(exchange, told, { fields });
  return said(exchange, { status: codes[told].status ?? 500, title: 'Proxy', detail: details[told], code: told, fields });
}

const schemes = { Basic: 'Basic realm="sallyport", charset="UTF-8"', Bearer: 'Bearer realm="sallyport"' } as const;

function challenges({ listener }: Exchange, name: string): readonly (readonly [string, string])[] {
  return (listener.proxy?.challenges ?? ['Basic']).map((scheme) => [name, schemes[scheme]] as const);
}

function isTold(code: Code): code is keyof typeof details {
  return Object.hasOwn(details, code);
}

type Said = Readonly<{
  status: number;
  /** For programs. */
  title: string;
  detail: (typeof details)[keyof typeof details] | 'proxy.login';
  code: Code;
  fields: readonly (readonly [string, string])[];
}>;

/** A page where a browser sends a person through us in the clear: it shows what a proxy answers. What goes by CONNECT it hides. */
function said(exchange: Exchange, { status, title, detail, code, fields }: Said): Reply {
  if (!isNavigation(exchange)) return plainReply(exchange, { status, title, detail: sayPlainly(detail), code, fields });
  const content = markup`<p>${say(exchange, detail)}</p>`;
  return page(exchange, { status, title: say(exchange, 'proxy.title'), content, fields });
}

/** Asked of a proxy itself, and not of a destination. */
export function asksForClientPage({ http, listener, destination }: Exchange): boolean {
  const isOwn = listener.proxy !== undefined && destination === undefined;
  const path = http?.path?.clear === true ? http.path.text : '';
  return isOwn && (path === clientPagePath || path.startsWith(`${clientPagePath}/`));
}
