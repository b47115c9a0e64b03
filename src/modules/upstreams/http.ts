/** An HTTP/1.1 service on this machine or network, with its connections kept for the next exchange. */

import { z } from 'zod';
import type { Socket } from 'node:net';
import { hostPort } from '../../core/address.ts';
import { SallyportError } from '../../core/errors.ts';
import { isReplayable } from '../../core/http/replayable.ts';
import type { Exchange } from '../../core/policy/exchange.ts';
import { proxyHeader } from '../../core/proxy-protocol.ts';
import { defineUpstream, type Caller, type Opened } from '../../contracts/upstream.ts';
import { dial } from './http/dial.ts';
import { Kept, Pool } from './http/pool.ts';

/**
 * `hosts` are tried in their order until one takes a connection, and the one that did is kept in mind:
 * a development server may listen on 127.0.0.1 or on ::1 alone.
 */
const options = z.strictObject({
  hosts: z.array(z.string()).min(1).max(4).readonly(),
  port: z.int().min(1).max(65_535),
  /** The source address; null leaves the choice to the system. */
  from: z.string().nullable(),
  /** Which PROXY header begins each connection; null for none. A connection that began with one carries its visitor alone. */
  proxy: z.enum(['v1', 'v2']).nullable().prefault(null),
});

/** A request that may have been carried out must not be sent twice: it takes a connection only when that was alive this second. */
const SURELY_ALIVE_MS = 1_000;

export const http = defineUpstream({
  name: 'http',
  options,
  build: (target, tools) => {
    const { limits } = tools;
    const pool = new Pool({ now: tools.now, idleMax: limits.poolIdlePerServiceMax, idleMs: limits.poolIdleMs });
    const state = { open: 0, preferred: 0 };

    /** The place is taken already. */
    const opened = (kept: Kept, reused: boolean): Opened => {
      let released = false;
      return {
        is: 'stream',
        stream: kept.stream,
        reused,
        release: (reusable) => {
          if (released) return;
          released = true;
          state.open -= 1;
          if (reusable && target.proxy === null) pool.give(kept);
          else kept.stream.destroy();
        },
      };
    };

    const dialAny = async ({ from, listener }: Exchange, caller: Caller): Promise<Opened> => {
      for (let tried = 0; ; tried += 1) {
        const index = (state.preferred + tried) % target.hosts.length;
        const host = target.hosts[index] ?? '127.0.0.1';
        try {
          const socket: Socket = await dial({ host, port: target.port, from: target.from }, limits.dialMs, caller);
          state.preferred = index;
          if (target.proxy !== null) socket.write(proxyHeader(target.proxy, from, listener.port));
          return opened(new Kept(socket, pool), false);
        } catch (error) {
          const refused = error instanceof SallyportError && error.code === 'upstream-refused';
          if (refused && tried + 1 < target.hosts.length) continue;
          state.open -= 1;
          throw error;
        }
      }
    };

    return {
      words: `http://${hostPort(target.hosts[0] ?? 'localhost', target.port)}`,
      open: (exchange, caller, fresh) => {
        if (state.open >= limits.upstreamsPerServiceMax) {
          throw new SallyportError('connections-exceeded', 'the service has as many connections as it may');
        }
        // Taken before the dial: a service that is slow to take connections would otherwise be asked for any number of them.
        state.open += 1;
        const kept = fresh ? null : pool.take(exchange.http !== null && isReplayable(exchange.http) ? limits.poolIdleMs : SURELY_ALIVE_MS);
        return kept === null ? dialAny(exchange, caller) : opened(kept, true);
      },
      close: async () => pool.close(),
    };
  },
});
