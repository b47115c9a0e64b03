/** An HTTP service on this machine or network, in the clear or over TLS, with its connections kept for the next exchange. */

import { z } from 'zod';
import { hostPort } from '../../core/address.ts';
import { defineUpstream } from '../../contracts/upstream.ts';
import { HttpService } from './http/service.ts';

/**
 * `hosts` are tried in their order until one takes a connection, and the one that did is kept in mind:
 * a development server may listen on 127.0.0.1 or on ::1 alone.
 */
const options = z.strictObject({
  hosts: z.array(z.string()).min(1).max(4).readonly(),
  port: z.int().min(1).max(65_535),
  /** The path of a unix socket, where it listens there: `hosts` and `port` are what it is called then. */
  socket: z.string().nullable().prefault(null),
  /** The source address; null leaves the choice to the system. */
  from: z.string().nullable(),
  /** Which PROXY header begins each connection; null for none. A connection that began with one carries its visitor alone. */
  proxy: z.enum(['v1', 'v2']).nullable().prefault(null),
  /** What it is asked in; `http` and `https` are HTTP/1.1. */
  speaks: z.enum(['http', 'https', 'h2c', 'h2']).prefault('http'),
  /** The name that its certificate is for; left out, the first host. */
  name: z.string().nullable().prefault(null),
  trust: z
    .discriminatedUnion('is', [
      z.strictObject({ is: z.literal('system') }),
      z.strictObject({ is: z.literal('ca'), file: z.string() }),
      z.strictObject({ is: z.literal('pin'), sha256: z.string().regex(/^[0-9a-f]{64}$/) }),
      z.strictObject({ is: z.literal('insecure') }),
    ])
    .prefault({ is: 'system' }),
});

export const http = defineUpstream({
  name: 'http',
  options,
  build: (target, tools) => {
    const service = new HttpService(target, tools);
    return {
      words:
        target.socket === null ? `${target.speaks}://${hostPort(target.hosts[0] ?? 'localhost', target.port)}` : `unix:${target.socket}`,
      probe: (check) => service.probe(check),
      open: (exchange, caller, fresh) => service.open(exchange, caller, fresh),
      close: async () => service.close(),
    };
  },
});
