/** Argon2id hashes as PHC strings: written by us, read strictly. */

import { argon2, timingSafeEqual } from 'node:crypto';

export type Argon2Cost = Readonly<{ memoryKib: number; passes: number; lanes: number }>;

/** OWASP's first choice of 2025: 19 MiB, two passes, one lane; some 30 ms on one core. */
export const argon2Cost: Argon2Cost = { memoryKib: 19_456, passes: 2, lanes: 1 };

export type PasswordHash = Readonly<{ cost: Argon2Cost; salt: Uint8Array; tag: Uint8Array }>;

const form = /^\$argon2id\$v=19\$m=([1-9]\d{0,6}),t=([1-9]\d?),p=([1-9])\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;

/** Reads `$argon2id$v=19$m=…,t=…,p=…$salt$tag`; null for everything else, and for costs that nobody here would have written. */
export function readPasswordHash(text: string): PasswordHash | null {
  const [, memory = '', passes = '', lanes = '', salt = '', tag = ''] = form.exec(text) ?? [];
  const cost = { memoryKib: Number(memory), passes: Number(passes), lanes: Number(lanes) };
  if (salt === '' || cost.memoryKib > 1_048_576 || cost.passes > 20 || cost.memoryKib < 8 * cost.lanes) return null;
  return { cost, salt: Buffer.from(salt, 'base64'), tag: Buffer.from(tag, 'base64') };
}

export function writePasswordHash({ cost, salt, tag }: PasswordHash): string {
  return ['', 'argon2id', 'v=19', `m=${cost.memoryKib},t=${cost.passes},p=${cost.lanes}`, unpadded(salt), unpadded(tag)].join('$');
}

function unpadded(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64').replaceAll('=', '');
}

/** Whether it was made with less than we ask for today. */
export function isOutdated({ cost }: PasswordHash, today: Argon2Cost): boolean {
  return cost.memoryKib < today.memoryKib || cost.passes < today.passes;
}

/** The tag of a password, in the thread pool. The password's bytes are wiped afterwards (its text is the runtime's). */
export async function tagOf(
  password: string,
  { cost, salt, tag }: Readonly<{ cost: Argon2Cost; salt: Uint8Array; tag: Readonly<{ length: number }> }>,
): Promise<Uint8Array> {
  // One spelling for what looks alike (RFC 8265, 4.2): another keyboard composes é differently.
  const message = Buffer.from(password.normalize('NFC'), 'utf8');
  try {
    return await new Promise<Uint8Array>((resolve, reject) => {
      const parameters = {
        message,
        nonce: salt,
        parallelism: cost.lanes,
        tagLength: tag.length,
        memory: cost.memoryKib,
        passes: cost.passes,
      };
      argon2('argon2id', parameters, (error, derived) => (error === null ? resolve(derived) : reject(error)));
    });
  } finally {
    message.fill(0);
  }
}

export function sameTag(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}
