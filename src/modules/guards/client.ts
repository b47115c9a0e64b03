/** Guard `client`: refuses a client of a proxy that is suspended, whoever of it asks. */

import { z } from 'zod';
import type { Client } from '../../contracts/clients.ts';
import { defineGuard } from '../../contracts/guard.ts';
import type { Exchange } from '../../core/policy/exchange.ts';
import type { Verdict } from '../../core/policy/verdict.ts';
import { plainReply } from '../../core/pages/problem.ts';

const pass: Verdict = Object.freeze({ is: 'pass' });

/** Stands at `authorize`, so that `explain` asks it as well. Whoever is no client is none of its business. */
export const client = defineGuard({
  name: 'client',
  stage: 'authorize',
  options: z.strictObject({}),
  build(_options, { clients }) {
    return {
      check: (exchange) => {
        const found = clients?.of(exchange.identity?.subject ?? '') ?? null;
        return found === null || found.state === 'active' ? pass : suspended(exchange, found);
      },
      words: 'no client that is suspended',
    };
  },
});

function suspended(exchange: Exchange, { name, why }: Client): Verdict {
  const reason = why === null ? '' : `: ${why}`;
  return {
    is: 'deny',
    code: 'client-suspended',
    why: `the client ${name} is suspended${reason}`,
    answer: plainReply(exchange, {
      status: 403,
      title: 'Suspended',
      detail: `Access of ${name} is suspended${reason}. Ask whoever runs this proxy.`,
      code: 'client-suspended',
      fields: [['Proxy-Status', 'sallyport; error=http_request_denied']],
    }),
  };
}
