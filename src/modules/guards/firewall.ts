/** Guard `firewall`: refuses paths that only break-in scanners ask for, whatever the method, and methods that only they use; and, as asked, requests with two readings. */

import { z } from 'zod';
import { defineGuard } from '../../contracts/guard.ts';
import type { Exchange } from '../../core/policy/exchange.ts';
import { errorReply } from '../../core/pages/error.ts';
import { danger } from '../../core/policy/firewall.ts';
import { requestBreach } from '../../core/policy/firewall-protocol.ts';
import type { Verdict } from '../../core/policy/verdict.ts';

type Finding = Extract<Verdict, { is: 'pass' | 'deny' }>;

const pass: Finding = Object.freeze({ is: 'pass' });

const paths = z.enum(['on', 'off', 'auto', 'watch'], { error: 'one of on, off, auto, watch' });

export const firewall = defineGuard({
  name: 'firewall',
  stage: 'authorize',
  options: z
    .union([paths, z.strictObject({ paths, protocol: z.enum(['on', 'off', 'watch']) })], { error: 'one of on, off, auto, watch' })
    .prefault('on'),
  build: (given) => {
    const modes = typeof given === 'string' ? ({ paths: given, protocol: 'off' } as const) : given;
    return {
      check: (exchange) => {
        const found = modes.paths === 'off' || (modes.paths === 'auto' && isKnown(exchange)) ? pass : judged(exchange);
        if (found.is === 'deny' && modes.paths !== 'watch') return found;
        const broken = modes.protocol === 'off' ? pass : lawful(exchange);
        if (broken.is === 'deny' && modes.protocol !== 'watch') return broken;
        const seen = found.is === 'deny' ? found : broken;
        return seen.is === 'deny' ? { is: 'pass', note: `would be refused: ${seen.why}` } : pass;
      },
      words: [wordsOf[modes.paths], lawWords[modes.protocol]].filter((words) => words !== '').join(', '),
    };
  },
});

const wordsOf = {
  on: 'no path that only break-in scanners ask for, no TRACE',
  off: 'any path (the firewall is off)',
  auto: 'no path that only break-in scanners ask for and no TRACE, unless other access control let the visitor in',
  watch: 'any path (the firewall watches)',
} as const;

const lawWords = {
  on: 'no request that two readers take for two',
  off: '',
  watch: 'any form of a request (the firewall watches)',
} as const;

/** Through a proxy it is the request to the destination. */
function lawful(exchange: Exchange): Finding {
  const head = exchange.led ?? exchange.http;
  // A tunnel is asked for in a head that goes no further.
  if (head === null || head.method === 'CONNECT' || exchange.destination?.way === 'udp') return pass;
  if (echoes(head.method)) return refusedEcho(exchange);
  const breach = requestBreach(head);
  return breach === null
    ? pass
    : { is: 'deny', code: 'request-denied', why: `the firewall (protocol: ${breach.rule}) refuses ${breach.what}` };
}

/** PageKite's rule: who came through any other access control is trusted with every path. */
function isKnown(exchange: Exchange): boolean {
  return exchange.identity !== null && exchange.identity.by !== 'nothing';
}

function judged(exchange: Exchange): Finding {
  const { http } = exchange;
  if (http !== null && echoes(http.method)) return refusedEcho(exchange);
  // `*` and CONNECT have no path; nothing that is not HTTP has one.
  const rule = http === null || http.path === null ? null : danger(http.target);
  return rule === null ? pass : { is: 'deny', code: 'path-denied', why: `the firewall refuses ${rule}` };
}

function refusedEcho(exchange: Exchange): Finding {
  return { ...noEcho, answer: errorReply(exchange, noEcho.code, { fields: [allowed] }) };
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
