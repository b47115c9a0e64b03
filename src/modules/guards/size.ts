/** Guard `size`: refuses a body that says beforehand that it is too long. What says no length is measured on its way. */

import { z } from 'zod';
import { defineGuard } from '../../contracts/guard.ts';
import type { Verdict } from '../../core/policy/verdict.ts';

const pass: Verdict = Object.freeze({ is: 'pass' });
const tooLong: Verdict = Object.freeze({ is: 'deny', code: 'body-too-large', why: 'Content-Length says more than the service takes' });

export const size = defineGuard({
  name: 'size',
  stage: 'authorize',
  options: z.int().min(0),
  build: (bytesMax) => ({
    // Whoever waits for a 100 hears of it before a byte of the body was sent.
    check: ({ http }) => (http?.framing.is === 'length' && http.framing.length > bytesMax ? tooLong : pass),
    words: `a body of at most ${bytesMax} bytes`,
  }),
});
