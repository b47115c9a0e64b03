/** What both ends of one channel can sign, and nobody on another; and the one kind of key that signs it. */

import type { KeyObject } from 'node:crypto';
import type { TLSSocket } from 'node:tls';

/** RFC 8446, 7.5 and RFC 5705: the same 32 bytes at both ends of this channel, and nowhere else. */
export function channelBytes(socket: TLSSocket, purpose: 'proof' | 'renewal'): Buffer {
  const exported = socket.exportKeyingMaterial(32, 'EXPORTER-sallyport-carrier-1', Buffer.alloc(0));
  return Buffer.concat([Buffer.from(`sallyport carrier 1 gateway ${purpose}\0`), exported]);
}

/** One kind of key, the one that we make: every other is another way through the code. */
export function isOurKind(key: KeyObject): boolean {
  return key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1';
}
