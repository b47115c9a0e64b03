/** Takes visitors of terminated names to the edge; who comes while it is not known yet whether the gateway agrees waits a little. */

import { Socket } from 'node:net';
import type { Limits } from '../core/limits.ts';
import type { Arrival } from '../contracts/stream.ts';
import type { Directory } from '../dataplane/directory.ts';
import { turnAway } from '../dataplane/listener.ts';
import type { Claim } from '../modules/protocols/sni.ts';
import type { Edge } from './edge.ts';
import { tlsFarewell } from './farewell.ts';

export type EdgeTaking = Readonly<{
  edge: Edge;
  names: Pick<Directory, 'stands' | 'knows'>;
  limits: Pick<Limits, 'visitorHoldMs' | 'visitorsHeldMax'>;
  /** Begins with a visitor anew. */
  again: (arrival: Arrival) => void;
}>;

const lookMs = 25;

export function edgeClaim({ edge, names, limits, again }: EdgeTaking): Claim {
  const waited = new WeakSet<Socket>();
  let waiting = 0;
  const wait = (socket: Socket, arrival: Arrival, name: string): void => {
    waiting += 1;
    waited.add(socket);
    const until = performance.now() + limits.visitorHoldMs;
    const timer = setInterval(() => {
      if (!socket.destroyed && !names.stands(name) && performance.now() < until) return;
      clearInterval(timer);
      waiting -= 1;
      if (!socket.destroyed) again(arrival);
    }, lookMs);
    timer.unref();
  };
  return (arrival, alpn, read, sni) => {
    const { stream } = arrival;
    if (sni === null || !(stream instanceof Socket)) return false;
    if (edge.claims(sni, alpn)) {
      stream.unshift(read);
      if (!edge.take(stream, arrival.from)) turnAway(stream, tlsFarewell);
      return true;
    }
    // After a restart nobody has said yet what it agrees to: whose TLS went through unread now would see another certificate.
    const unsure = edge.isListed(sni) && !names.stands(sni) && names.knows(sni) && !waited.has(stream);
    if (!unsure || waiting >= limits.visitorsHeldMax) return false;
    stream.unshift(read);
    wait(stream, arrival, sni);
    return true;
  };
}
