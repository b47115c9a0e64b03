/** Guard `client`: refuses a client of a proxy that is suspended or has not accepted the terms, and shows each its own page. */

import { z } from 'zod';
import type { Client } from '../../contracts/clients.ts';
import { defineGuard } from '../../contracts/guard.ts';
import { hostPort } from '../../core/address.ts';
import type { ShownTerms } from '../../core/pages/client-page.ts';
import { clientRefusal } from '../../core/pages/client-refusal.ts';
import { say } from '../../core/pages/say.ts';
import { clientPagePath } from '../../core/pages/proxy-answer.ts';
import type { Exchange } from '../../core/policy/exchange.ts';
import type { Verdict } from '../../core/policy/verdict.ts';
import { clientPages, hasAccepted } from './client/pages.ts';

const pass: Verdict = Object.freeze({ is: 'pass' });

const unknown: Verdict = Object.freeze({ is: 'deny', code: 'guard-failed', why: 'there is no table of clients' });

const share = z.number().nullable();

/** Stands at `authorize`, so that `explain` asks it as well. Whoever is no client is none of its business, unless clients alone may pass. */
export const client = defineGuard({
  name: 'client',
  stage: 'authorize',
  options: z.strictObject({
    terms: z.strictObject({ version: z.string(), hash: z.string(), text: z.string() }).nullable(),
    agreed: z.strictObject({ uptime: share, connectMs: share, errors: share }).nullable(),
    /** Whoever is no client is not led out. */
    only: z.boolean().optional(),
  }),
  build({ terms, agreed, only = false }, { clients, now }, { hosts }) {
    // Who is suspended cannot be told without the table: then nobody comes in.
    if (clients === undefined) return { check: () => unknown, words: 'nobody: there is no table of clients' };
    return {
      check: (exchange) => {
        const found = clients.of(exchange.identity);
        if (found === null) return only ? stranger(exchange) : pass;
        if (found.state === 'suspended') return suspended(exchange, found);
        return terms === null || hasAccepted(found, terms) ? pass : inactive(exchange, found, terms, hosts[0] ?? null);
      },
      words: terms === null ? 'no client that is suspended' : 'no client that is suspended, and none without the current terms',
      pages: clientPages({ clients, terms, agreed, now }),
    };
  },
});

function stranger(exchange: Exchange): Verdict {
  return denied(exchange, {
    code: 'client-unknown',
    title: 'No client',
    why: `${exchange.identity?.subject ?? 'nobody'} is no client of this proxy`,
    detail: 'Clients alone are led out here, and you are none. Ask whoever runs this proxy.',
    more: null,
  });
}

function suspended(exchange: Exchange, { name, why }: Client): Verdict {
  const reason = why === null ? '' : `: ${why}`;
  return denied(exchange, {
    code: 'client-suspended',
    title: 'Suspended',
    why: `the client ${name} is suspended${reason}`,
    detail: `Access of ${name} is suspended${reason}. Ask whoever runs this proxy.`,
    more: why,
  });
}

function inactive(exchange: Exchange, { name }: Client, { version }: ShownTerms, own: string | null): Verdict {
  const where = pageAddress(exchange, own);
  return denied(exchange, {
    code: 'client-inactive',
    title: 'Terms of use',
    why: `the client ${name} has not accepted the terms ${version}`,
    detail: `The ${exchange.identity?.by === 'certificate' ? 'certificate' : 'key'} of ${name} opens nothing until the terms of use (${version}) are accepted at ${where}`,
    more: say(exchange, 'proxy.terms', { where }),
  });
}

type Denial = Readonly<{
  code: 'client-suspended' | 'client-inactive' | 'client-unknown';
  title: string;
  why: string;
  detail: string;
  more: string | null;
}>;

function denied(exchange: Exchange, { code, title, why, detail, more }: Denial): Verdict {
  const fields = [['Proxy-Status', 'sallyport; error=http_request_denied']] as const;
  return { is: 'deny', code, why, answer: clientRefusal(exchange, { status: 403, title, detail, code, fields }, more) };
}

/** As the client has reached us, as far as that is known: by the name of the handshake, or a name of the service. */
function pageAddress({ sni, listener: { scheme, port, loopback } }: Exchange, own: string | null): string {
  const host = sni ?? own ?? (loopback ? '127.0.0.1' : null);
  if (host === null) return `${clientPagePath} on this proxy’s own address`;
  return `${scheme === 'http' ? 'http' : 'https'}://${hostPort(host, port)}${clientPagePath}`;
}
