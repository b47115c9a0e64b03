/** Compares passwords with bcrypt hashes in a thread of its own: each holds the one it runs in for tenths of a second. */

import { parentPort } from 'node:worker_threads';
import { compareSync } from 'bcryptjs';

/** Asked: a number, a password and a hash; answered: the number, and whether they fit. */
parentPort?.on('message', ({ id, password, hash }: Readonly<{ id: number; password: string; hash: string }>) => {
  parentPort?.postMessage({ id, right: compareSync(password, hash) });
});
