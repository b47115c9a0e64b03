/** What becomes of each connection to a relay: a carrier, a visitor who is passed on, or somebody for whom there is no room now. */

import { Socket } from 'node:net';
import type { Address } from '../core/address.ts';
import { fault } from '../core/errors.ts';
import type { Limits } from '../core/limits.ts';
import type { Arrival } from '../contracts/stream.ts';
import type { Comers } from '../dataplane/comers.ts';
import type { Directory } from '../dataplane/directory.ts';
import type { Engine } from '../dataplane/engine.ts';
import { turnAway } from '../dataplane/listener.ts';
import { sniProtocol, type Claim } from '../modules/protocols/sni.ts';
import { edgeClaim } from './edge-taker.ts';
import type { Edge } from './edge.ts';
import { tlsFarewell } from './farewell.ts';
import type { Overload } from './overload.ts';
import type { Visitors } from './visitors.ts';

export type Taking = Readonly<{
  /** Who comes to the relay itself. */
  claimed: Claim;
  edge: Edge;
  names: Directory;
  comers: Comers;
  visitors: Visitors;
  overload: Overload;
  domain: string;
  limits: Pick<Limits, 'hellosMax' | 'visitorHoldMs' | 'visitorsHeldMax'>;
}>;

export function visitorTaker(engine: Engine, taking: Taking): (socket: Socket, from: Address) => void {
  const { claimed, comers, visitors, overload, domain, limits, edge, names } = taking;
  /** Gateways come in while visitors are shed: without them nothing gets better. */
  const shed = (arrival: Arrival): boolean => {
    if (overload.why === null || !(arrival.stream instanceof Socket)) return false;
    engine.refused(arrival, fault('relay-overloaded', overload.why));
    turnAway(arrival.stream, tlsFarewell);
    return true;
  };
  const protocol = sniProtocol((arrival, alpn, read, sni) => {
    visitors.heard(arrival.stream);
    return claimed(arrival, alpn, read, sni) || shed(arrival) || atEdge(arrival, alpn, read, sni);
  });
  const atEdge = edgeClaim({
    edge,
    names,
    limits,
    again: (arrival) => {
      begin(arrival);
      // It was paused behind its hello.
      arrival.stream.resume();
    },
  });
  const begin = (arrival: Arrival): void => {
    visitors.come(arrival.stream);
    void engine.take(arrival, protocol).then(() => visitors.gone(arrival.stream));
  };
  return (socket, from) => {
    if (!comers.admits(socket, from.ip)) return;
    if (visitors.unheard >= limits.hellosMax) return turnAway(socket, tlsFarewell);
    const listener = { name: `relay:${domain}`, scheme: 'tls', port: socket.localPort ?? 0, via: 'direct', loopback: false } as const;
    begin({ stream: socket, from, sni: null, listener });
  };
}
