/** The gateway's engine at the relay's edge: HTTP of terminated names, the firewall before it, the tunnel behind it. Who may come in is the gateway's to say. */

import { randomBytes } from 'node:crypto';
import type { Limits } from '../core/limits.ts';
import { errorReply } from '../core/pages/error.ts';
import type { PageSettings } from '../core/pages/settings.ts';
import { danger } from '../core/policy/firewall.ts';
import type { Exchange, Identity } from '../core/policy/exchange.ts';
import type { Route, Tree } from '../core/policy/route.ts';
import type { Verdict } from '../core/policy/verdict.ts';
import type { Service, Snapshot } from '../contracts/snapshot.ts';
import type { Open } from '../contracts/upstream.ts';
import { isReservedRequest } from '../dataplane/reserved.ts';

export type EdgeSnapshotOptions = Readonly<{
  /** Whether TLS of this name ends here at this moment: the operator lists it, and its gateway has agreed. */
  isTerminated: (name: string) => boolean;
  dial: Open;
  firewall: boolean;
  pages?: PageSettings | undefined;
  limits: Limits;
}>;

/** A webhook's secret may be the last part of its path, and only its gateway knows: no record here keeps that part. */
const anyone: Identity = Object.freeze({ guard: 'public', subject: 'anyone', name: 'anyone', by: 'nothing', roles: [], secretPath: true });
const pass: Verdict = Object.freeze({ is: 'pass' });

export function edgeSnapshot({ isTerminated, dial, firewall, pages, limits }: EdgeSnapshotOptions): Snapshot {
  const service: Service = Object.freeze({
    name: 'edge',
    hosts: [],
    open: true,
    expires: null,
    guarded: false,
    asksPassword: false,
    // The gateway writes X-Forwarded-* itself, from what the stream says of the visitor; a visitor's own are removed here already.
    forwarding: { host: null, hostless: '', spent: [], forwarded: false, transparent: true as const },
    dial,
    forms: [],
    words: 'the gateways that let this relay end their TLS',
  });
  const route: Route<Service> = Object.freeze({
    name: 'edge',
    service,
    identify: { is: 'check', check: () => ({ is: 'pass', identity: anyone }) } satisfies Tree,
    authorize: [(exchange: Exchange) => (firewall ? judged(exchange) : pass)],
    meter: [],
  });
  return Object.freeze({
    version: 1,
    // What is no HTTP (`sallyport-tcp`) goes from end to end, or not at all.
    route: ({ host, sni, http }: Exchange) =>
      http !== null && http.upgrade !== 'sallyport-tcp' && sni === host && isTerminated(host) ? route : null,
    face: (exchange: Exchange) => errorReply(exchange, 'route-missing'),
    decoy: null,
    services: [service],
    unread: null,
    ...(pages === undefined ? {} : { pages }),
    limits,
    checkNonce: randomBytes(32).toString('hex'),
  });
}

/** A path that only break-in scanners ask for never reaches the gateway. */
function judged({ http }: Exchange): Verdict {
  // What is the gateway's own, it judges itself.
  const rule = http === null || http.path === null || isReservedRequest(http) ? null : danger(http.target);
  return rule === null ? pass : { is: 'deny', code: 'path-denied', why: `the firewall refuses ${rule}` };
}
