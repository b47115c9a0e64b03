/** What a listener without TLS answers in a hostile network: where the same is to be had with TLS, and nothing else. */

import type { Service } from '../../contracts/snapshot.ts';
import { securelyReply } from '../../core/pages/plain.ts';
import type { Exchange, Identity } from '../../core/policy/exchange.ts';
import type { Route, Tree } from '../../core/policy/route.ts';
import type { Reply } from '../../core/http/reply.ts';

/**
 * A route that redirects by itself.
 * @param isOurs whether a name is one of ours: a redirect to whatever Host says would be an open one
 */
export function redirectRoute(httpsPort: number, isOurs: (host: string) => boolean): Route<Service> {
  const words = `https on port ${httpsPort}`;
  return replyRoute(
    'https-redirect',
    (exchange) => (isOurs(exchange.host) ? redirectReply(exchange, httpsPort) : securelyReply(exchange)),
    words,
  );
}

/** A route to an answer of ours; no service is behind it, and nobody is asked who they are. */
export function replyRoute(name: string, reply: (exchange: Exchange) => Reply, words = name): Route<Service> {
  const service: Service = Object.freeze({
    name,
    hosts: [],
    open: true,
    expires: null,
    // Nobody signs in here: neither the login page nor its decoy may be shown without TLS.
    guarded: false,
    asksPassword: true,
    forwarding: { host: null, hostless: '', spent: [], forwarded: false },
    dial: (exchange) => ({ is: 'reply', reply: reply(exchange) }),
    forms: [],
    words,
  });
  const identify: Tree = { is: 'check', check: () => ({ is: 'pass', identity: anyone }) };
  return Object.freeze({ name, service, identify, authorize: [], meter: [] });
}

const anyone: Identity = Object.freeze({ guard: 'public', subject: 'anyone', name: 'anyone', by: 'nothing', roles: [] });

/** 308 where nothing is lost by asking again; what carries a body has shown it in the clear already and is told so. */
function redirectReply(exchange: Exchange, httpsPort: number): Reply {
  const { http, host } = exchange;
  if (http === null || (http.method !== 'GET' && http.method !== 'HEAD') || !http.target.startsWith('/') || host === '')
    return securelyReply(exchange);
  const name = host.includes(':') ? `[${host}]` : host;
  const location = `https://${name}${httpsPort === 443 || httpsPort === 0 ? '' : `:${httpsPort}`}${http.target}`;
  return {
    status: 308,
    fields: [
      ['Location', location],
      ['Cache-Control', 'no-store'],
    ],
    body: null,
  };
}
