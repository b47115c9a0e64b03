/** Sessions: who is in, found by the SHA-256 of a token that is kept nowhere. */

import { hash } from 'node:crypto';
import { z } from 'zod';
import type { Records } from '../../contracts/store.ts';
import type { Session, Sessions } from '../../contracts/tools.ts';
import { SallyportError } from '../../core/errors.ts';
import type { Limits } from '../../core/limits.ts';
import { Mirror } from './mirror.ts';
import { SessionUses, type SessionUse } from './session-uses.ts';

type Kept = Readonly<{ session: Session; token: string; source: string }>;

/** For lists: a session, the address that opened it, and its last use (its opening, where there was none since). */
export type ListedSession = Session & Readonly<{ source: string; used: SessionUse }>;

export interface SessionTable extends Sessions {
  /** Those that open something now, the newest first. */
  list(): readonly ListedSession[];
  /** Ends all sessions of a subject (`user:ana`, `link:k3f9`); returns how many. */
  revokeSubject(subject: string): Promise<number>;
  /** When the session of that public id ends by its time, milliseconds since 1970; null when it has ended. That it was long unused does not count. */
  endOf(id: string): number | null;
  close(): void;
}

export type SessionTools = Readonly<{ records: Records; now: () => number; randomBytes: (count: number) => Uint8Array; limits: Limits }>;

const tokenBytes = 32;
const idBytes = 8;

/** A record without an audience, of a time before there was one, opens nothing: its people sign in again. */
const record = z
  .strictObject({
    id: z.string(),
    /** SHA-256 of the token. */
    token: z.string(),
    service: z.string(),
    audience: z.string(),
    guard: z.string(),
    shown: z.array(z.string()).optional(),
    subject: z.string(),
    name: z.string(),
    roles: z.array(z.string()),
    email: z.string().optional(),
    revision: z.number(),
    createdAt: z.number(),
    expires: z.number(),
    source: z.string(),
  })
  .transform(({ token, source, shown, email, ...session }): Kept => ({
    session: { ...session, ...(shown === undefined ? {} : { shown }), ...(email === undefined ? {} : { email }) },
    token,
    source,
  }));

export async function openSessions({ records, now, randomBytes, limits }: SessionTools): Promise<SessionTable> {
  const byToken = new Map<string, Session>();
  const uses = await SessionUses.open(records, limits.sessionUseMs);
  const mirror = await Mirror.open<Kept>({
    records,
    prefix: 'sessions/',
    read: (value) => record.safeParse(value).data ?? null,
    changed: (before, after) => {
      if (before !== null) byToken.delete(before.token);
      if (after !== null) byToken.set(after.token, after.session);
      else if (before !== null) uses.forget(before.session.id);
    },
  });
  const stands = ({ id, createdAt, expires }: Session, at: number): boolean =>
    expires > at && at - Math.max(createdAt, uses.at(id)) < limits.sessionIdleMs;
  const end = async (id: string): Promise<boolean> => {
    const there = await mirror.delete(id);
    await records.delete(`session-uses/${id}`);
    return there;
  };
  const ofSubject = (subject: string): readonly Kept[] => mirror.values().filter((kept) => kept.session.subject === subject);
  const makeRoom = (subject: string): Promise<void> =>
    roomFor(ofSubject(subject), { mirror, limits, end, stands: (session) => stands(session, now()) });

  return {
    find: (token, service, audience, from) => {
      const session = byToken.get(digest(token));
      if (session === undefined || session.service !== service || session.audience !== audience) return null;
      const at = now();
      if (!stands(session, at)) return null;
      uses.note(session.id, at, from, session.expires);
      return session;
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
    revoke: (id) => (/^[0-9a-f]{16}$/.test(id) ? end(id) : Promise.resolve(false)),
    revokeSubject: async (subject) => {
      const own = ofSubject(subject);
      await Promise.all(own.map((kept) => end(kept.session.id)));
      return own.length;
    },
    endOf: (id) => {
      const expires = mirror.get(id)?.session.expires ?? 0;
      return expires > now() ? expires : null;
    },
    list: () =>
      mirror
        .values()
        .filter(({ session }) => stands(session, now()))
        .map(({ session, source }) => ({ ...session, source, used: uses.of(session.id) ?? { at: session.createdAt, from: source } }))
        .toSorted((one, other) => other.createdAt - one.createdAt),
    close: () => {
      mirror.close();
      uses.close();
    },
  };
}

type Room = Readonly<{
  mirror: Mirror<Kept>;
  limits: Limits;
  end: (id: string) => Promise<boolean>;
  stands: (session: Session) => boolean;
}>;

/** Makes room for one more: first what stands no more, then the oldest of the same subject. One subject cannot push out another. */
async function roomFor(own: readonly Kept[], { mirror, limits, end, stands }: Room): Promise<void> {
  if (own.length >= limits.sessionsPerSubjectMax) {
    const [oldest] = own.toSorted((one, other) => one.session.createdAt - other.session.createdAt);
    if (oldest !== undefined) await end(oldest.session.id);
  }
  if (mirror.size < limits.sessionsMax) return;
  for (const { session } of mirror.values()) {
    if (!stands(session)) await end(session.id);
  }
  if (mirror.size >= limits.sessionsMax)
    throw new SallyportError('credentials-throttled', 'Too many sessions are open.', { hint: 'End some: sallyport sessions list' });
}

/** The look-up by hash tells nothing by its time: who cannot make the hash cannot aim at it. */
function digest(token: string): string {
  return hash('sha256', token, 'base64url');
}
