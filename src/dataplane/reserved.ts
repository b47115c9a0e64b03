/** What a service's name keeps for ourselves: `/.sallyport/` for forms, and the field by which we recognise our own check. */

import { createHmac, timingSafeEqual } from 'node:crypto';
import { openPac } from '../core/egress/pac.ts';
import { fieldValue } from '../core/http/fields.ts';
import type { CanonicalPath } from '../core/http/head.ts';
import type { Reply } from '../core/http/reply.ts';
import type { Exchange } from '../core/policy/exchange.ts';
import { isReserved } from '../core/policy/return-target.ts';
import type { Snapshot } from '../contracts/snapshot.ts';

/** Never forwarded, on any service. */
export const RESERVED = '/.sallyport/';

/**
 * Whether a request is for that space, in any reading: what our own parts read otherwise a service might read so. A clear
 * path has one reading; of the others every one that even names the space is kept.
 */
export function isReservedRequest({ path, target }: Readonly<{ path: CanonicalPath | null; target: string }>): boolean {
  if (path === null) return false;
  if (path.clear) return isReserved(path.text);
  return (
    isReserved(path.text) ||
    unescaped(unescaped(target.split('?', 1)[0] ?? ''))
      .toLowerCase()
      .includes('.sallyport')
  );
}

function unescaped(text: string): string {
  return text.replace(/%([0-9a-f]{2})/gi, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

const CHECK_FIELD = 'sallyport-check';

/**
 * Before a share is called ready its own program comes by the visitor's way and shows this start's nonce.
 * It gets a refusal, like any stranger, with a proof that it was ours; it is counted nowhere.
 * Null for everybody else: a wrong nonce is a stranger's. A proxy's file for browsers is anybody's as well, and no exchange.
 */
export function ownCheckReply(exchange: Exchange, snapshot: Snapshot): Reply | null {
  if (exchange.http === null) return null;
  const shown = fieldValue(exchange.http.fields, CHECK_FIELD);
  if (shown === undefined) return openPac(exchange);
  const wanted = Buffer.from(snapshot.checkNonce, 'latin1');
  const given = Buffer.from(shown, 'latin1');
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) return null;
  const proof = createHmac('sha256', snapshot.checkNonce).update('reached').digest('hex');
  return {
    status: 401,
    fields: [
      ['Sallyport-Check', proof],
      ['WWW-Authenticate', 'Sallyport'],
      ['Cache-Control', 'no-store'],
    ],
    body: null,
  };
}
