/** Sessions: who is in, found by the SHA-256 of a token that is kept nowhere. */

import { hash } from 'node:crypto';
import { z } from 'zod';
import type { Records } from '../../contracts/store.ts';
import type { Session, Sessions } from '../../contracts/tools.ts';
import { SallyportError } from '../../core/errors.ts';
import type { Limits } from '../../core/limits.ts';
import { Mirror } from './mirror.ts';

type Kept = Readonly<{ session: Session; token: string; source: string }>;

/** For lists: a session, and the address that opened it. */
export type ListedSession = Session & Readonly<{ source: string }>;

export interface SessionTable extends Sessions {
  list(): readonly ListedSession[];
  /** Ends all sessions of a subject (`user:ana`, `link:k3f9`); returns how many. */
  revokeSubject(subject: string): Promise<number>;
  close(): void;
}

export type SessionTools = Readonly<{ records: Records; now: () => number; randomBytes: (count: number) => Uint8Array; limits: Limits }>;

const tokenBytes = 32;
const idBytes = 8;

const record = z
  .strictObject({
    id: z.string(),
    /** SHA-256 of the token. */
    token: z.string(),
    service: z.string(),
    guard: z.string(),
    subject: z.string(),
    name: z.string(),
    roles: z.array(z.string()),
    revision: z.number(),
    createdAt: z.number(),
    expires: z.number(),
    source: z.string(),
  })
  .transform(({ token, source, ...session }): Kept => ({ session, token, source }));

export async function openSessions({ records, now, randomBytes, limits }: SessionTools): Promise<SessionTable> {
  const byToken = new Map<string, Session>();
  const mirror = await Mirror.open<Kept>({
    records,
    prefix: 'sessions/',
    read: (value) => record.safeParse(value).data ?? null,
    changed: (before, after) => {
      if (before !== null) byToken.delete(before.token);
      if (after !== null) byToken.set(after.token, after.session);
    },
  });

  /** Makes room: first what has expired, then the oldest of the same subject. One subject cannot push out another. */
  const makeRoom = async (subject: string): Promise<void> => {
    const own = mirror.values().filter((kept) => kept.session.subject === subject);
    if (own.length >= limits.sessionsPerSubjectMax) {
      const [oldest] = own.toSorted((one, other) => one.session.createdAt - other.session.createdAt);
      if (oldest !== undefined) await mirror.delete(oldest.session.id);
    }
    if (mirror.size < limits.sessionsMax) return;
    for (const { session } of mirror.values()) {
      if (session.expires <= now()) await mirror.delete(session.id);
    }
    if (mirror.size >= limits.sessionsMax)
      throw new SallyportError('credentials-throttled', 'Too many sessions are open.', { hint: 'End some: sallyport sessions list' });
  };

  return {
    find: (token, service) => {
      const session = byToken.get(digest(token));
      return session !== undefined && session.service === service && session.expires > now() ? session : null;
    },
    open: async ({ source, ...wanted }) => {
      await makeRoom(wanted.subject);
      const token = Buffer.from(randomBytes(tokenBytes)).toString('base64url');
      const session: Session = { ...wanted, id: Buffer.from(randomBytes(idBytes)).toString('hex'), createdAt: now() };
      await mirror.put(
        session.id,
        { ...session, token: digest(token), source },
        { ifVersion: 0, ttlMs: Math.max(1, session.expires - now()) },
      );
      return { token, session };
    },
    revoke: (id) => (/^[0-9a-f]{16}$/.test(id) ? mirror.delete(id) : Promise.resolve(false)),
    revokeSubject: async (subject) => {
      const own = mirror.values().filter((kept) => kept.session.subject === subject);
      await Promise.all(own.map((kept) => mirror.delete(kept.session.id)));
      return own.length;
    },
    list: () =>
      mirror
        .values()
        .filter(({ session }) => session.expires > now())
        .map(({ session, source }) => ({ ...session, source })),
    close: () => mirror.close(),
  };
}

/** The look-up by hash tells nothing by its time: who cannot make the hash cannot aim at it. */
function digest(token: string): string {
  return hash('sha256', token, 'base64url');
}
