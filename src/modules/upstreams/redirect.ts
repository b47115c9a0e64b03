/** Upstream `redirect`: nothing lies behind but another address. */

import { z } from 'zod';
import { defineUpstream } from '../../contracts/upstream.ts';
import { SallyportError } from '../../core/errors.ts';
import { redirectExpected, redirectTemplate } from '../../core/http/redirect-template.ts';
import { errorReply } from '../../core/pages/error.ts';

const options = z.strictObject({
  to: z.string(),
  status: z.literal([301, 302, 303, 307, 308]),
});

/** A request whose path has no single reading is refused (400) where the address depends on it. */
export const redirect = defineUpstream({
  name: 'redirect',
  options,
  build: ({ to, status }) => {
    const template = redirectTemplate(to);
    if (template === null) throw new SallyportError('config-malformed', `A redirect leads to ${redirectExpected}.`);
    // For good is for the visitor's own browser: a guard may have let nobody else in.
    const kept = status === 301 || status === 308 ? 'private' : 'no-store';
    return {
      open: (exchange) => {
        const location = exchange.http === null ? null : template.fill(exchange.http);
        if (location === null) return { is: 'reply', reply: errorReply(exchange, 'request-ambiguous') };
        const fields = [
          ['Location', location],
          ['Cache-Control', kept],
        ] as const;
        return { is: 'reply', reply: { status, fields, body: null } };
      },
      words: `redirect to ${to}`,
      close: async () => {},
    };
  },
});
