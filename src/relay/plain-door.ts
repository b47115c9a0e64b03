/** The relay's plain port: sends visitors of a name that is there to HTTPS, says why of one that is not, and serves nothing else. */

import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Address } from '../core/address.ts';
import { canonicalHost } from '../core/http/host.ts';
import type { Reply } from '../core/http/reply.ts';
import type { Limits } from '../core/limits.ts';
import { awayReply, blockedReply, securelyReply, unknownReply } from '../core/pages/plain.ts';
import type { PageSettings } from '../core/pages/settings.ts';
import type { Exchange, Identity } from '../core/policy/exchange.ts';
import type { Route, Tree } from '../core/policy/route.ts';
import type { Verdict } from '../core/policy/verdict.ts';
import type { Service, Snapshot } from '../contracts/snapshot.ts';
import type { Comers } from '../dataplane/comers.ts';
import type { Engine } from '../dataplane/engine.ts';
import { turnAway } from '../dataplane/listener.ts';
import { http1 } from '../modules/protocols/http1.ts';
import { plainFarewell } from './farewell.ts';
import type { Overload } from './overload.ts';

/** What a relay knows of a name; asked for canonical names only. */
export type KnownNames = Readonly<{
  /** Why its operator has closed it; null when it is open. */
  whyBlocked: (name: string) => string | null;
  /** Whether a gateway holds it now. */
  stands: (name: string) => boolean;
  /** Whether somebody has it, here or not. */
  isTaken: (name: string) => boolean;
}>;

export type PlainDoorOptions = Readonly<{
  names: KnownNames;
  limits: Limits;
  /** Where HTTPS is: the port of the relay's first listener. */
  httpsPort: number;
  pages?: PageSettings | undefined;
}>;

/** What becomes of each connection to the plain port. */
export function plainTaker(
  engine: Engine,
  { comers, overload }: Readonly<{ comers: Comers; overload: Overload }>,
): (socket: Socket, from: Address) => void {
  return (socket, from) => {
    if (!comers.admits(socket, from.ip)) return;
    if (overload.why !== null) return turnAway(socket, plainFarewell);
    const port = socket.localPort ?? 0;
    const listener = { name: `http:${port}`, scheme: 'http', port, via: 'direct', loopback: false } as const;
    void engine.take({ stream: socket, from, sni: null, listener }, http1);
  };
}

const anyone: Identity = Object.freeze({ guard: 'public', subject: 'anyone', name: 'anyone', by: 'nothing', roles: [] });

/** One route for whatever is asked. Whether it is sent on is decided anew for each request. */
export function plainSnapshot(options: PlainDoorOptions): Snapshot {
  const service: Service = Object.freeze({
    name: 'plain',
    hosts: [],
    open: true,
    expires: null,
    guarded: false,
    asksPassword: false,
    forwarding: { host: null, hostless: '', spent: [], forwarded: false },
    dial: (exchange: Exchange) => ({ is: 'reply' as const, reply: redirect(exchange, options.httpsPort) }),
    forms: [],
    words: 'HTTPS',
  });
  const route: Route<Service> = Object.freeze({
    name: 'plain',
    service,
    identify: { is: 'check', check: () => ({ is: 'pass', identity: anyone }) } satisfies Tree,
    authorize: [(exchange: Exchange) => judged(exchange, options.names)],
    meter: [],
  });
  return Object.freeze({
    version: 1,
    route: () => route,
    face: unknownReply,
    decoy: null,
    services: [service],
    unread: null,
    ...(options.pages === undefined ? {} : { pages: options.pages }),
    limits: options.limits,
    checkNonce: randomBytes(32).toString('hex'),
  });
}

/** Passes a request that may be sent on. A Host that is no name in its one spelling is a name that nobody has. */
function judged(exchange: Exchange, names: KnownNames): Verdict {
  const { host, http } = exchange;
  if (host === '' || canonicalHost(host) !== host) return no(exchange, 'name-unknown', 'Host names nobody', unknownReply);
  const why = names.whyBlocked(host);
  if (why !== null)
    return { is: 'deny', code: 'relay-blocked', why: 'the operator has blocked the name', answer: blockedReply(exchange, why) };
  if (!names.stands(host))
    return names.isTaken(host)
      ? no(exchange, 'gateway-away', 'no gateway holds the name now', awayReply)
      : no(exchange, 'name-unknown', 'nobody has the name', unknownReply);
  const sendable = http !== null && (http.method === 'GET' || http.method === 'HEAD') && http.target.startsWith('/');
  return sendable ? { is: 'pass' } : no(exchange, 'method-denied', 'it is served over HTTPS only', securelyReply);
}

function no(
  exchange: Exchange,
  code: 'name-unknown' | 'gateway-away' | 'method-denied',
  why: string,
  answer: (exchange: Exchange) => Reply,
): Verdict {
  return { is: 'deny', code, why, answer: answer(exchange) };
}

/** 308: nothing is lost by asking again (RFC 9110, 15.4.9). The host is one that a gateway holds this moment, so the redirect is no open one. */
function redirect({ host, http }: Exchange, httpsPort: number): Reply {
  const location = `https://${host}${httpsPort === 443 ? '' : `:${httpsPort}`}${http?.target ?? '/'}`;
  return {
    status: 308,
    fields: [
      ['Location', location],
      ['Cache-Control', 'no-store'],
    ],
    body: null,
  };
}
