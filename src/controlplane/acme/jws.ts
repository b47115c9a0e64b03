/** Signs what is said to a certificate authority (RFC 8555, 6.2): the library writes the JWS, the key is Node's. */

import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { FlattenedJWS, JWK } from 'jose';

/** The key of an account. Nothing of its private part leaves `sign`. */
export type AccountKey = Readonly<{
  /**
   * `payload` null is a POST-as-GET (RFC 8555, 6.3): an empty payload, not `{}`.
   * Names the account by its URL, or, before there is one, shows the public key.
   */
  sign: (to: Readonly<{ url: string; nonce: string; account: string | null }>, payload: unknown) => Promise<FlattenedJWS>;
  /** What proves to the CA that a challenge was answered by this account (RFC 8555, 8.1): `TOKEN.THUMBPRINT`. */
  authorize: (token: string) => string;
}>;

/** A new P-256 key as PEM (PKCS #8): what every ACME authority takes (RFC 8555, 6.2). */
export function newKeyPem(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' });
}

export async function accountKey(pem: string): Promise<AccountKey> {
  const { calculateJwkThumbprint, exportJWK, FlattenedSign } = await import('jose');
  const key: KeyObject = createPrivateKey(pem);
  const jwk: JWK = await exportJWK(createPublicKey(pem));
  const thumbprint = await calculateJwkThumbprint(jwk, 'sha256');
  return {
    sign: ({ url, nonce, account }, payload) =>
      new FlattenedSign(new TextEncoder().encode(payload === null ? '' : JSON.stringify(payload)))
        .setProtectedHeader({ alg: 'ES256', nonce, url, ...(account === null ? { jwk } : { kid: account }) })
        .sign(key),
    authorize: (token) => `${token}.${thumbprint}`,
  };
}
