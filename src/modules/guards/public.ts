/** Guard `public`: lets everybody in, and is the only way to say so. */

import { z } from 'zod';
import { defineGuard } from '../../contracts/guard.ts';
import type { Verdict } from '../../core/policy/verdict.ts';

export const publicGuard = defineGuard({
  name: 'public',
  stage: 'identify',
  options: z.strictObject({}, { error: 'no options: {}' }),
  build: () => ({ check: () => anyone, words: 'anyone', knows: () => true }),
});

const anyone: Verdict = Object.freeze({
  is: 'pass',
  identity: Object.freeze({ guard: 'public', subject: 'anyone', name: 'anyone', by: 'nothing', roles: Object.freeze([]) }),
});
