/** What a proxy says when it does not lead there: 407 with its challenge, or a line that says why not. */

import { codes, type Code } from '../errors.ts';
import type { Reply } from '../http/reply.ts';
import type { Exchange } from '../policy/exchange.ts';
import { errorReply } from './error.ts';
import { plainReply } from './problem.ts';

/** RFC 9209, 2.3: the standard's words for our codes. */
const proxyErrors: Partial<Record<Code, string>> = {
  'destination-denied': 'destination_ip_prohibited',
  'destination-unresolved': 'dns_error',
  'resolver-timed-out': 'dns_timeout',
  'upstream-refused': 'connection_refused',
  'upstream-timed-out': 'connection_timeout',
  'upstream-unreachable': 'destination_unavailable',
  'upstream-broken': 'connection_terminated',
  'connections-exceeded': 'connection_limit_reached',
};

const details: Partial<Record<Code, string>> = {
  'destination-denied': 'This proxy does not lead there.',
  'destination-missing': 'This is a proxy: it leads elsewhere, and has no pages of its own.',
  'destination-unresolved': 'This name has no address.',
  'resolver-timed-out': 'Nobody said in time which address this name has.',
  'upstream-refused': 'The destination refused the connection.',
  'upstream-timed-out': 'The destination did not answer in time.',
  'upstream-unreachable': 'The destination cannot be reached.',
};

const stranger: ReadonlySet<Code> = new Set<Code>(['credentials-missing', 'credentials-wrong', 'credentials-expired']);

/** An ordinary web server has nothing at such an address. */
const nothing: Reply = { status: 404, fields: [['Content-Type', 'text/plain; charset=utf-8']], body: 'Not Found\n' };
const noTunnel: Reply = { status: 405, fields: [['Allow', 'GET, HEAD']], body: null };

/**
 * @param identified whether it is known who asks
 * @param proposed a guard's own answer, or null
 */
export function proxyAnswer(exchange: Exchange, code: Code, identified: boolean, proposed: Reply | null): Reply {
  if (exchange.listener.proxy?.hide === true && !identified) return exchange.http?.method === 'CONNECT' ? noTunnel : nothing;
  if (stranger.has(code) && exchange.destination !== undefined)
    return plainReply(exchange, {
      status: 407,
      title: 'Proxy Authentication Required',
      detail: 'This proxy asks who you are.',
      code,
      fields: [['Proxy-Authenticate', 'Basic realm="sallyport", charset="UTF-8"']],
    });
  // Without a destination nobody is asked for anything.
  const told: Code = exchange.destination === undefined && stranger.has(code) ? 'destination-missing' : code;
  if (proposed !== null) return proposed;
  const detail = details[told];
  const error = proxyErrors[told];
  const fields: readonly (readonly [string, string])[] = [
    ['Proxy-Status', error === undefined ? 'sallyport' : `sallyport; error=${error}`],
  ];
  if (detail === undefined) return errorReply(exchange, told, { fields });
  return plainReply(exchange, { status: codes[told].status ?? 500, title: 'Proxy', detail, code: told, fields });
}
