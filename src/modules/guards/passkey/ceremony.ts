/** What an authenticator has answered, checked by the rules of WebAuthn Level 3, 7.1 and 7.2. The library is read when the first answer comes. */

import { z } from 'zod';
import type { Passkey } from '../../../contracts/passkeys.ts';

/** What both kinds of answers hold, in the JSON form of WebAuthn, 5.1: base64url throughout. */
const base64url = z.string().regex(/^[\w-]*$/);
const answer = {
  id: base64url.min(1).max(1_400),
  rawId: base64url.min(1).max(1_400),
  type: z.literal('public-key'),
  clientExtensionResults: z
    .record(z.string(), z.json())
    .prefault({})
    .transform(() => ({})),
};
const usedAnswer = z.object({
  ...answer,
  response: z.object({
    clientDataJSON: base64url.max(4_096),
    authenticatorData: base64url.max(4_096),
    signature: base64url.max(8_192),
    userHandle: base64url.max(128),
  }),
});
const madeAnswer = z.object({
  ...answer,
  response: z.object({
    clientDataJSON: base64url.max(4_096),
    attestationObject: base64url.max(12_000),
    transports: z
      .array(z.enum(['ble', 'hybrid', 'internal', 'nfc', 'smart-card', 'usb']))
      .max(8)
      .prefault([]),
  }),
});

export type UsedAnswer = z.output<typeof usedAnswer>;
export type MadeAnswer = z.output<typeof madeAnswer>;

/** Null for what is no answer. */
export function readUsed(text: string | null): UsedAnswer | null {
  return usedAnswer.safeParse(parsed(text)).data ?? null;
}

export function readMade(text: string | null): MadeAnswer | null {
  return madeAnswer.safeParse(parsed(text)).data ?? null;
}

/** What must be so: the challenge that was asked, the page's own origin, the host of the service. */
export type Wanted = Readonly<{ challenge: string; origin: string; host: string }>;

/** What the authenticator counts to now; null when the answer is not that of this passkey to this challenge here, or it counted backwards. */
export async function countOf(given: UsedAnswer, passkey: Passkey, { challenge, origin, host }: Wanted): Promise<number | null> {
  const { verifyAuthenticationResponse } = await import('@simplewebauthn/server');
  if (given.response.userHandle !== passkey.handle || isFramed(given.response.clientDataJSON)) return null;
  try {
    const { verified, authenticationInfo } = await verifyAuthenticationResponse({
      response: given,
      expectedChallenge: challenge,
      expectedOrigin: origin,
      expectedRPID: host,
      requireUserVerification: true,
      credential: {
        id: passkey.credential,
        publicKey: new Uint8Array(Buffer.from(passkey.publicKey, 'base64url')),
        counter: passkey.counter,
      },
    });
    return verified ? authenticationInfo.newCounter : null;
  } catch {
    // It throws for whatever does not fit; its texts hold what a stranger sent.
    return null;
  }
}

export type Made = Pick<Passkey, 'credential' | 'publicKey' | 'counter' | 'transports' | 'synced'>;

/** Null when the answer is not one to this challenge here, or nobody was verified. */
export async function madeOf(given: MadeAnswer, { challenge, origin, host }: Wanted): Promise<Made | null> {
  const { verifyRegistrationResponse } = await import('@simplewebauthn/server');
  if (isFramed(given.response.clientDataJSON)) return null;
  try {
    const { verified, registrationInfo } = await verifyRegistrationResponse({
      response: given,
      expectedChallenge: challenge,
      expectedOrigin: origin,
      expectedRPID: host,
      requireUserVerification: true,
      supportedAlgorithmIDs: [...algorithms],
    });
    if (!verified) return null;
    const { credential, credentialBackedUp } = registrationInfo;
    return {
      credential: credential.id,
      publicKey: Buffer.from(credential.publicKey).toString('base64url'),
      counter: credential.counter,
      transports: given.response.transports,
      synced: credentialBackedUp,
    };
  } catch {
    return null;
  }
}

/** COSE (RFC 9053): EdDSA, ES256, RS256, which is what authenticators have. */
const algorithms = [-8, -7, -257] as const;

/** What the browser is asked to make (WebAuthn, 5.4). Discoverable and verified: it alone says who somebody is. */
export function makingOptions(user: Readonly<{ name: string; handle: string }>, host: string, text: string, others: readonly Passkey[]) {
  return {
    challenge: text,
    rp: { id: host, name: host },
    user: { id: user.handle, name: user.name, displayName: user.name },
    pubKeyCredParams: algorithms.map((alg) => ({ type: 'public-key', alg })),
    authenticatorSelection: { residentKey: 'required', requireResidentKey: true, userVerification: 'required' },
    attestation: 'none',
    excludeCredentials: others.map(({ credential, transports }) => ({ type: 'public-key', id: credential, transports })),
  };
}

/** What the browser is asked to sign (WebAuthn, 5.5). Nobody's passkeys are named: whoever asks learns of none. */
export function usingOptions(host: string, text: string) {
  return { challenge: text, rpId: host, userVerification: 'required' };
}

/** Our pages stand in no frame: an answer from one was not given to us (clickjacking). */
function isFramed(clientDataJSON: string): boolean {
  const told = z.object({ crossOrigin: z.literal(true) }).safeParse(parsed(Buffer.from(clientDataJSON, 'base64url').toString('utf8')));
  return told.success;
}

function parsed(text: string | null): unknown {
  try {
    return text === null ? null : (JSON.parse(text) as unknown);
  } catch {
    return null;
  }
}
