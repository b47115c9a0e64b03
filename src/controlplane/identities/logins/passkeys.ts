/** Passkeys over the store, and the invitations to make them. */

import { hash } from 'node:crypto';
import { z } from 'zod';
import type { Passkey, Passkeys } from '../../../contracts/passkeys.ts';
import type { Json } from '../../../contracts/store.ts';
import { SallyportError } from '../../../core/errors.ts';
import { Mirror } from '../mirror.ts';
import { openInvitations, type InvitationTools } from './invitations.ts';

export interface PasskeyTable extends Passkeys {
  /** The secret is returned once and kept as a hash. Errors: `user-missing`, `usage-wrong`, `store-unavailable`. */
  invite(
    invitation: Readonly<{ user: string; service: string; label: string | null }>,
  ): Promise<Readonly<{ secret: string; expires: number }>>;
  /** Ends the user's sessions as well. False when there is none of that id. */
  remove(user: string, id: string): Promise<boolean>;
  /** All of a user, whoever that was. */
  forget(user: string): Promise<void>;
  close(): void;
}

/** `since`: when the user was added; who comes back under the same name has none of these. */
type Kept = Passkey & Readonly<{ since: number }>;

const record = z.strictObject({
  id: z.string(),
  credential: z.string(),
  user: z.string(),
  host: z.string(),
  publicKey: z.string(),
  counter: z.number(),
  handle: z.string(),
  transports: z.array(z.string()),
  label: z.string().nullable(),
  synced: z.boolean(),
  createdAt: z.number(),
  usedAt: z.number().nullable(),
  since: z.number(),
});

const idBytes = 5;

export type PasskeyTools = InvitationTools & Readonly<{ endSessions: (subject: string) => Promise<unknown> }>;

export async function openPasskeys(tools: PasskeyTools): Promise<PasskeyTable> {
  const { records, now, randomBytes, limits, users, endSessions } = tools;
  const mirror = await Mirror.open<Kept>({ records, prefix: 'passkeys/', read: (value) => record.safeParse(value).data ?? null });
  const invitations = await openInvitations(tools);
  const stands = ({ user, since }: Kept): boolean => users.find(user)?.createdAt === since;
  const all = (user: string): readonly Kept[] => mirror.values().filter((each) => each.user === user && stands(each));
  const hasRoom = (user: string): boolean => all(user).length < limits.passkeysPerUserMax;

  return {
    byCredential: (credential) => {
      const found = mirror.get(digest(credential));
      return found !== null && found.credential === credential && stands(found) ? found : null;
    },
    has: (user) => all(user).length > 0,
    of: (user, host) =>
      all(user)
        .filter((each) => host === undefined || each.host === host)
        .toSorted((one, other) => one.createdAt - other.createdAt),
    invited: (secret, service) => invitations.find(secret, service),
    invite: async ({ user: name, service, label }) => {
      const user = users.find(name);
      if (user === null)
        throw new SallyportError('user-missing', `There is no user ${JSON.stringify(name)}.`, {
          hint: 'See who there is: sallyport users list',
        });
      if (!hasRoom(user.name))
        throw new SallyportError('usage-wrong', `${user.name} has ${limits.passkeysPerUserMax} passkeys, which is the most.`, {
          hint: `Remove one: sallyport users passkeys ${user.name}`,
        });
      return invitations.make(user, { service, label });
    },
    accept: async (secret, service, passkey) => {
      const invitation = invitations.find(secret, service);
      if (invitation === null || !hasRoom(invitation.user) || !(await invitations.spend(secret))) return false;
      const { user, label, since } = invitation;
      const id = Buffer.from(randomBytes(idBytes)).toString('hex');
      const kept: Kept = { ...passkey, id, user, label, createdAt: now(), usedAt: null, since };
      return unlessConflicted(mirror.put(digest(passkey.credential), json(kept), { ifVersion: 0 }));
    },
    used: async (passkey, counter) => {
      const name = digest(passkey.credential);
      const before = mirror.get(name);
      if (before === null || before.id !== passkey.id || before.counter !== passkey.counter) return false;
      return unlessConflicted(mirror.replace(name, json({ ...before, counter, usedAt: now() })));
    },
    remove: async (user, id) => {
      const found = all(user).find((each) => each.id === id);
      if (found === undefined) return false;
      await mirror.delete(digest(found.credential));
      await endSessions(`user:${user}`);
      return true;
    },
    forget: async (user) => {
      const own = mirror.values().filter((each) => each.user === user);
      await Promise.all(own.map((each) => mirror.delete(digest(each.credential))));
    },
    close: () => {
      mirror.close();
      invitations.close();
    },
  };
}

/** False when somebody else was faster. */
async function unlessConflicted(written: Promise<unknown>): Promise<boolean> {
  try {
    await written;
    return true;
  } catch (error) {
    if (error instanceof SallyportError && error.code === 'record-conflicted') return false;
    throw error;
  }
}

/** Ids of credentials are up to 1,023 bytes long (WebAuthn, 4): too long for a key. */
function digest(text: string): string {
  return hash('sha256', text, 'base64url');
}

function json(kept: Kept): Json {
  return { ...kept };
}
