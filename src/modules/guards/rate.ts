/** Guard `rate`: bounds how often one visitor asks a service. */

import { z } from 'zod';
import { defineGuard } from '../../contracts/guard.ts';
import type { Store } from '../../contracts/store.ts';
import { householdOf } from '../../core/address.ts';
import { errorReply } from '../../core/pages/error.ts';
import { Allowance, type Quota } from '../../core/policy/allowance.ts';
import type { Exchange } from '../../core/policy/exchange.ts';
import type { Verdict } from '../../core/policy/verdict.ts';

const pass: Verdict = Object.freeze({ is: 'pass' });

/** One for all services and configurations of a process: a configuration that is read again forgives nobody. */
const allowances = new WeakMap<Store, Allowance>();

/**
 * Stands at `meter`: whoever was refused before costs nothing of it. A user and an API key are counted for themselves, wherever
 * they come from; everybody else by address (IPv6: /64), as a link may be known to many.
 */
export const rate = defineGuard({
  name: 'rate',
  stage: 'meter',
  options: z.strictObject({ count: z.int().min(1).max(1_000_000), perMs: z.int().min(1_000).max(86_400_000) }),
  build(quota, { store, limits, now }, service) {
    const allowance = allowances.get(store) ?? new Allowance(limits.rateKeysMax);
    allowances.set(store, allowance);
    return {
      check: (exchange) => {
        const waitMs = allowance.take(`${service.name} ${whoOf(exchange)}`, quota, now());
        return waitMs === 0 ? pass : tooMany(exchange, quota, waitMs);
      },
      words: `at most ${quota.count} requests in ${quota.perMs / 1_000} s from one visitor`,
    };
  },
});

function whoOf({ identity, from }: Exchange): string {
  const subject = identity?.subject ?? '';
  return subject.startsWith('user:') || subject.startsWith('key:') ? subject : householdOf(from.ip);
}

/** RFC 6585, 4, with the fields of draft-ietf-httpapi-ratelimit-headers-10. */
function tooMany(exchange: Exchange, { count, perMs }: Quota, waitMs: number): Verdict {
  const retryAfterSeconds = Math.ceil(waitMs / 1_000);
  const fields = [
    ['RateLimit-Policy', `"requests";q=${count};w=${Math.ceil(perMs / 1_000)}`],
    ['RateLimit', `"requests";r=0;t=${retryAfterSeconds}`],
  ] as const;
  return {
    is: 'deny',
    code: 'requests-exceeded',
    why: `more than ${count} requests in ${perMs / 1_000} s`,
    answer: errorReply(exchange, 'requests-exceeded', { retryAfterSeconds, fields }),
  };
}
