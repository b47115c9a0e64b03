/** The key by which services are told who asks: one for all gateways of a store, made by the first of them. */

import { createPrivateKey, generateKeyPairSync, hash, sign } from 'node:crypto';
import { z } from 'zod';
import type { Assertions } from '../../contracts/assertions.ts';
import type { Json, Records } from '../../contracts/store.ts';
import { SallyportError } from '../../core/errors.ts';

const recordName = 'assertions/key';
const coordinate = z.string().regex(/^[A-Za-z0-9_-]{43}$/);
const record = z.strictObject({ kty: z.literal('EC'), crv: z.literal('P-256'), x: coordinate, y: coordinate, d: coordinate });

/**
 * Signing takes some 40 µs and is synchronous: whoever tells a service keeps what was signed for a while.
 * Errors: `store-unavailable`; `program-failed` for a key that cannot be read.
 */
export async function openAssertions(records: Records): Promise<Assertions> {
  const { kty, crv, x, y, d } = await readKey(records);
  const key = createPrivateKey({ key: { kty, crv, x, y, d }, format: 'jwk' });
  // RFC 7638: the members that make the key, in the order of the alphabet.
  const kid = hash('sha256', JSON.stringify({ crv, kty, x, y }), 'base64url');
  const head = encoded({ alg: 'ES256', typ: 'JWT', kid });
  return {
    jwks: { keys: [{ kty, crv, x, y, kid, alg: 'ES256', use: 'sig' }] },
    sign: (claims) => {
      const text = `${head}.${encoded(claims)}`;
      return `${text}.${sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
    },
  };
}

async function readKey(records: Records): Promise<z.output<typeof record>> {
  const kept = (await records.get(recordName)) ?? (await makeKey(records));
  const read = record.safeParse(kept?.value).data;
  if (read === undefined) throw new SallyportError('program-failed', 'The key that signs for services cannot be read.');
  return read;
}

/** Two that begin at once end with one key. */
async function makeKey(records: Records) {
  const { kty, crv, x, y, d } = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });
  try {
    return await records.put(recordName, record.parse({ kty, crv, x, y, d }), { ifVersion: 0 });
  } catch (error) {
    if (error instanceof SallyportError && error.code === 'record-conflicted') return records.get(recordName);
    throw error;
  }
}

function encoded(value: Readonly<Record<string, Json>>): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
