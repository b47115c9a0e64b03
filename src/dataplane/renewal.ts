/** A gateway's new key, shown on a carrier of the old one: both sign for this channel, so neither can be borrowed. */

import { createHash, createPublicKey, sign, verify, type KeyObject } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { z } from 'zod';
import type { MachineIdentity } from '../contracts/tunnel.ts';
import { channelBytes, isOurKind } from './greeting-proof.ts';

export const renewalShape = z.strictObject({
  /** The new public key: SPKI, DER. */
  key: z.base64url().max(200),
  /** Signature by the new key. */
  proof: z.base64url().max(512),
});
export type Renewal = z.infer<typeof renewalShape>;

/** The old key stands in it: a new key is shown for one old key, on one channel. */
function renewalBytes(socket: TLSSocket, old: string): Buffer {
  return Buffer.concat([channelBytes(socket, 'renewal'), Buffer.from(old, 'hex')]);
}

export function proveRenewal(socket: TLSSocket, old: string, next: MachineIdentity): Renewal {
  const key = createPublicKey(next.certificate).export({ type: 'spki', format: 'der' });
  return { key: key.toString('base64url'), proof: sign('sha256', renewalBytes(socket, old), next.privateKey).toString('base64url') };
}

/** The new key's fingerprint, or null when it is no key of ours or has not signed. */
export function renewedFingerprint(socket: TLSSocket, old: string, renewal: Renewal): string | null {
  const key = readKey(Buffer.from(renewal.key, 'base64url'));
  if (key === null || !verify('sha256', renewalBytes(socket, old), key, Buffer.from(renewal.proof, 'base64url'))) return null;
  return createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('hex');
}

function readKey(der: Buffer): KeyObject | null {
  try {
    const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
    return isOurKind(key) ? key : null;
  } catch {
    return null;
  }
}
