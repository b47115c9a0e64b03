/** Guard `firewall`: refuses paths that only break-in scanners ask for, whatever the method, and methods that only they use. */

import { z } from 'zod';
import { defineGuard } from '../../contracts/guard.ts';
import type { Exchange } from '../../core/policy/exchange.ts';
import { errorReply } from '../../core/pages/error.ts';
import { danger } from '../../core/policy/firewall.ts';
import type { Verdict } from '../../core/policy/verdict.ts';

const pass: Verdict = Object.freeze({ is: 'pass' });

export const firewall = defineGuard({
  name: 'firewall',
  stage: 'authorize',
  options: z.enum(['on', 'off', 'auto'], { error: 'one of on, off, auto' }).prefault('on'),
  build: (mode) => ({
    check: (exchange) => (mode === 'off' || (mode === 'auto' && isKnown(exchange)) ? pass : judged(exchange)),
    words: wordsOf[mode],
  }),
});

const wordsOf = {
  on: 'no path that only break-in scanners ask for, no TRACE',
  off: 'any path (the firewall is off)',
  auto: 'no path that only break-in scanners ask for and no TRACE, unless other access control let the visitor in',
} as const;

/** PageKite's rule: who came through any other access control is trusted with every path. */
function isKnown(exchange: Exchange): boolean {
  return exchange.identity !== null && exchange.identity.by !== 'nothing';
}

function judged(exchange: Exchange): Verdict {
  const { http } = exchange;
  if (http !== null && echoes(http.method)) return { ...noEcho, answer: errorReply(exchange, noEcho.code, { fields: [allowed] }) };
  // `*` and CONNECT have no path; nothing that is not HTTP has one.
  const rule = http === null || http.path === null ? null : danger(http.target);
  return rule === null ? pass : { is: 'deny', code: 'path-denied', why: `the firewall refuses ${rule}` };
}

const noEcho = { is: 'deny', code: 'method-denied', why: 'the firewall refuses TRACE' } as const;

/** RFC 9110, 15.5.6 wants the field. What the service takes besides is its own to say. */
const allowed = ['Allow', 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'] as const;

/**
 * Cross-Site Tracing: a service that answers TRACE (RFC 9110, 9.3.8), or TRACK, shows whoever asks what came with the request:
 * cookies that no script may read, and what we told the service of the visitor. Apart from break-ins hardly anybody asks.
 * In any case: some servers take methods so.
 */
function echoes(method: string): boolean {
  return method.length === 5 && /^tra(?:ce|ck)$/i.test(method);
}
