/** Guard `firewall`: refuses paths that only break-in scanners ask for, whatever the method. */

import { z } from 'zod';
import { defineGuard } from '../../contracts/guard.ts';
import type { Exchange } from '../../core/policy/exchange.ts';
import { danger } from '../../core/policy/firewall.ts';
import type { Verdict } from '../../core/policy/verdict.ts';

const pass: Verdict = Object.freeze({ is: 'pass' });

export const firewall = defineGuard({
  name: 'firewall',
  stage: 'authorize',
  options: z.enum(['on', 'off', 'auto'], { error: 'one of on, off, auto' }).prefault('on'),
  build: (mode) => ({
    check: (exchange) => (mode === 'off' || (mode === 'auto' && isKnown(exchange)) ? pass : judgePath(exchange)),
    words: wordsOf[mode],
  }),
});

const wordsOf = {
  on: 'no path that only break-in scanners ask for',
  off: 'any path (the firewall is off)',
  auto: 'no path that only break-in scanners ask for, unless other access control let the visitor in',
} as const;

/** PageKite's rule: who came through any other access control is trusted with every path. */
function isKnown(exchange: Exchange): boolean {
  return exchange.identity !== null && exchange.identity.by !== 'nothing';
}

function judgePath({ http }: Exchange): Verdict {
  // `*` and CONNECT have no path; nothing that is not HTTP has one.
  const rule = http === null || http.path === null ? null : danger(http.target);
  return rule === null ? pass : { is: 'deny', code: 'path-denied', why: `the firewall refuses ${rule}` };
}
