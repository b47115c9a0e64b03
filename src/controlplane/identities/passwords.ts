/** Hashing passwords: a few at a time, the rest in a short queue, the others refused. */

import type { Passwords } from '../../contracts/tools.ts';
import type { Limits } from '../../core/limits.ts';
import { createBcrypt } from './bcrypt.ts';
import {
  argon2Cost,
  isOutdated,
  readPasswordHash,
  sameTag,
  tagOf,
  writePasswordHash,
  type Argon2Cost,
  type PasswordHash,
} from './password-hash.ts';

export type PasswordTools = Readonly<{
  limits: Limits;
  randomBytes: (count: number) => Uint8Array;
  /** Today's cost; a test takes a lower one. */
  cost?: Argon2Cost;
  /** Told when a password was right but its hash was made with less than today's cost. */
  outdated?: (hash: string, fresh: string) => void;
}>;

/** What the control plane does besides: hashes a new password. Waits its turn, however long. */
export interface PasswordHasher extends Passwords {
  hash(password: string): Promise<string>;
}

const saltBytes = 16;
const tagBytes = 32;

/** Argon2 runs in the pool that DNS and fsync share: without a bound a burst of logins stops them all. */
export function createPasswords(tools: PasswordTools): PasswordHasher {
  const { limits, randomBytes, cost = argon2Cost, outdated } = tools;
  const turns = createTurnstile(limits.hashesAtOnceMax);
  // What an unknown user's password is checked against: the same work, and no password fits.
  // In text, as a user's is: reading it takes its time as well.
  const nobody = writePasswordHash({ cost, salt: randomBytes(saltBytes), tag: randomBytes(tagBytes) });
  const bcrypt = createBcrypt();
  const unreadable: PasswordHash = { cost, salt: randomBytes(saltBytes), tag: randomBytes(tagBytes) };

  const hash = async (password: string): Promise<string> => {
    const salt = randomBytes(saltBytes);
    const tag = await turns.take(() => tagOf(password, { cost, salt, tag: { length: tagBytes } }), true);
    return writePasswordHash({ cost, salt, tag });
  };

  return {
    hash,
    verify: async (password, stored, first = false) => {
      if (turns.waiting(first) >= limits.hashQueueMax) return 'busy';
      // Too long is refused after the same work too, on something short.
      const long = Buffer.byteLength(password, 'utf8') > limits.passwordBytesMax;
      // Of a file of the operator's: in a thread, and in the same queue.
      const shown = stored ?? nobody;
      if (shown.startsWith('$2')) {
        const fits = await turns.take(() => bcrypt(long ? '' : password, shown), first);
        return fits && !long;
      }
      const read = readPasswordHash(shown);
      const known = stored === null ? null : read;
      const against = read ?? unreadable;
      const tag = await turns.take(() => tagOf(long ? '' : password, against), first);
      const right = sameTag(tag, against.tag) && known !== null && !long;
      if (right && stored !== null && outdated !== undefined && isOutdated(known, cost)) {
        // Nobody waits for it, and a failure leaves the old hash, which stays good.
        hash(password).then(
          (fresh) => outdated(stored, fresh),
          () => undefined,
        );
      }
      return right;
    },
  };
}

type Turnstile = Readonly<{
  take: <Result>(work: () => Promise<Result>, first: boolean) => Promise<Result>;
  /** In the one queue or the other. */
  waiting: (first: boolean) => number;
}>;

/** Lets `atOnce` through; the others wait in their order, those of the first queue before those of the second. */
function createTurnstile(atOnce: number): Turnstile {
  const queues: Readonly<Record<'first' | 'second', (() => void)[]>> = { first: [], second: [] };
  const queueOf = (first: boolean): (() => void)[] => (first ? queues.first : queues.second);
  let running = 0;
  return {
    waiting: (first) => queueOf(first).length,
    take: async (work, first) => {
      if (running < atOnce) running += 1;
      else await new Promise<void>((resolve) => queueOf(first).push(resolve));
      try {
        return await work();
      } finally {
        // A turn is handed on, not given back: nobody slips in between.
        const next = queues.first.shift() ?? queues.second.shift();
        if (next === undefined) running -= 1;
        else next();
      }
    },
  };
}
