/** How a carrier whose connection broke is known again: a session's name and its secret, told over the carrier itself. */

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { Carrier } from './carrier.ts';

/** Offered by who can go on over another connection. */
export const resumeFeature = 'resume';

const session = z.string().regex(/^[0-9a-f]{32}$/);
const secret = z.string().regex(/^[\w-]{43}$/);
const position = z.int().min(0);

/** What the relay tells a gateway when a carrier begins. */
export const ticketShape = z.strictObject({ session, secret });
export type Ticket = z.infer<typeof ticketShape>;

/** What the gateway says on the next connection; `received` is how many of the relay's bytes it has. */
export const resumingShape = z.strictObject({ session, secret, received: position });
export type Resuming = z.infer<typeof resumingShape>;

/** The relay's answer: how many of the gateway's bytes it has. */
export const resumedShape = position;

type Kept = Readonly<{ carrier: Carrier; fingerprint: string; secretHash: Buffer }>;

/** The carriers of a relay that may come again. As many as there are carriers, and none longer than its carrier. */
export class Resumptions {
  readonly #kept = new Map<string, Kept>();

  /** A ticket for this carrier, which is the key's and nobody else's. */
  issue(carrier: Carrier, fingerprint: string): Ticket {
    const ticket = { session: randomBytes(16).toString('hex'), secret: randomBytes(32).toString('base64url') };
    this.#kept.set(ticket.session, { carrier, fingerprint, secretHash: hashOf(ticket.secret) });
    return ticket;
  }

  /** The carrier that a key may go on with from where it says; null whatever of it is wrong. */
  find(resuming: Resuming, fingerprint: string): Carrier | null {
    const kept = this.#kept.get(resuming.session);
    if (kept === undefined || kept.fingerprint !== fingerprint) return null;
    if (!timingSafeEqual(kept.secretHash, hashOf(resuming.secret))) return null;
    return kept.carrier.takes(resuming.received) ? kept.carrier : null;
  }

  /** The carrier is over. */
  forget(ticket: Ticket): void {
    this.#kept.delete(ticket.session);
  }
}

function hashOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
