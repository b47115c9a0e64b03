/** The relay's one route: whoever asks for a name that a gateway holds is passed on, unread. */

import { randomBytes } from 'node:crypto';
import type { Limits } from '../core/limits.ts';
import { askedFor } from '../core/port-name.ts';
import type { Service, Snapshot } from '../contracts/snapshot.ts';
import type { Directory } from '../dataplane/directory.ts';
import { throughTunnel } from '../modules/upstreams/tunnel.ts';

/** The guards are the gateway's. */
export function blindSnapshot(directory: Directory, limits: Limits): Snapshot {
  const service: Service = {
    name: 'tunnel',
    hosts: [],
    open: true,
    expires: null,
    guarded: true,
    asksPassword: false,
    forwarding: { host: null, hostless: '', spent: [], forwarded: false },
    dial: throughTunnel((visitor, caller) => directory.open(visitor, caller)),
    forms: [],
    words: 'the gateways of this relay',
  };
  const anyone = { is: 'pass', identity: { guard: 'public', subject: 'anyone', name: 'anyone', by: 'nothing', roles: [] } } as const;
  const route = { name: 'tunnel', service, identify: { is: 'check', check: () => anyone }, authorize: [], meter: [] } as const;
  return {
    version: 1,
    route: (exchange) => (exchange.http === null && directory.knows(askedFor(exchange)) ? route : null),
    face: () => ({ status: 401, fields: [], body: null }),
    decoy: null,
    services: [service],
    unread: null,
    limits,
    checkNonce: randomBytes(32).toString('hex'),
  };
}
