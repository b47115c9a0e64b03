/** Invitations to make a passkey: a secret that is shown once, kept as a hash, and used once. */

import { hash } from 'node:crypto';
import { z } from 'zod';
import type { Invitation } from '../../../contracts/passkeys.ts';
import type { Records } from '../../../contracts/store.ts';
import type { User, Users } from '../../../contracts/tools.ts';
import { SallyportError } from '../../../core/errors.ts';
import type { Limits } from '../../../core/limits.ts';
import { Mirror } from '../mirror.ts';

/** `since`: when the user was added; who comes back under the same name is not invited. */
export type KeptInvitation = Invitation & Readonly<{ since: number }>;

export type Invitations = Readonly<{
  /** Synchronous; null when it was used, has ended, or is of another service. */
  find: (secret: string, service: string) => KeptInvitation | null;
  /** The secret is returned once. Errors: `usage-wrong` (a label, too many), `store-unavailable`. */
  make: (user: User, to: Readonly<{ service: string; label: string | null }>) => Promise<Readonly<{ secret: string; expires: number }>>;
  /** Deleted in the store by one alone: of two at once, one. */
  spend: (secret: string) => Promise<boolean>;
  close: () => void;
}>;

const record = z.strictObject({
  user: z.string(),
  service: z.string(),
  label: z.string().nullable(),
  expires: z.number(),
  since: z.number(),
});

const secretBytes = 24;

export type InvitationTools = Readonly<{
  records: Records;
  now: () => number;
  randomBytes: (count: number) => Uint8Array;
  limits: Limits;
  users: Pick<Users, 'find'>;
}>;

export async function openInvitations({ records, now, randomBytes, limits, users }: InvitationTools): Promise<Invitations> {
  const mirror = await Mirror.open<KeptInvitation>({
    records,
    prefix: 'passkey-invitations/',
    read: (value) => record.safeParse(value).data ?? null,
  });
  return {
    find: (secret, service) => {
      const found = /^[\w-]{32}$/.test(secret) ? mirror.get(digest(secret)) : null;
      if (found === null || found.service !== service || found.expires <= now()) return null;
      return users.find(found.user)?.createdAt === found.since ? found : null;
    },
    make: async (user, { service, label }) => {
      if (label !== null && !/^[\p{L}\p{N}\p{P}\p{S} ]{1,64}$/u.test(label))
        throw new SallyportError('usage-wrong', 'The label of a passkey has up to 64 letters, digits and signs.');
      if (mirror.size >= limits.passkeyInvitationsMax)
        throw new SallyportError('usage-wrong', 'Too many invitations are open.', { hint: 'They end after a day.' });
      const secret = Buffer.from(randomBytes(secretBytes)).toString('base64url');
      const expires = now() + limits.passkeyInvitationMs;
      const kept = { user: user.name, service, label, expires, since: user.createdAt };
      await mirror.put(digest(secret), kept, { ifVersion: 0, ttlMs: limits.passkeyInvitationMs });
      return { secret, expires };
    },
    spend: (secret) => mirror.delete(digest(secret)),
    close: () => mirror.close(),
  };
}

function digest(text: string): string {
  return hash('sha256', text, 'base64url');
}
