/** Password hashes that cost next to nothing: for tests that guess by the hundred, and whose matter is not what a guess costs. */

import crypto, { type Argon2Parameters } from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { after, before } from 'node:test';

/** Argon2's own least (RFC 9106, 3.1), for one lane. */
const least = { parallelism: 1, memory: 8, passes: 1 } as const;

/**
 * For the tests of the file, or of the suite, that calls it. Right is right and wrong is wrong as before, since all that is hashed
 * meanwhile is hashed alike; what another process hashed fits nothing.
 */
export function useCheapHashes(): void {
  const { argon2 } = crypto;
  type Done = Parameters<typeof argon2>[2];
  before(() => {
    const cheap = (kind: 'argon2id', parameters: Argon2Parameters, done: Done): void => argon2(kind, { ...parameters, ...least }, done);
    Object.assign(crypto, { argon2: cheap });
    syncBuiltinESMExports();
  });
  after(() => {
    Object.assign(crypto, { argon2 });
    syncBuiltinESMExports();
  });
}
