/** Signing in: a new session in the browser, and on to where somebody wanted to go. */

import { SallyportError } from '../errors.ts';
import type { Reply } from '../http/reply.ts';
import type { Exchange } from '../policy/exchange.ts';
import { readSessionCookie, writeSessionCookie } from '../policy/session-cookie.ts';
import type { Verdict } from '../policy/verdict.ts';
import { errorReply } from './error.ts';
import { ownFields } from './page.ts';

/** Who is in: what a session is opened with. */
export type Entrant = Readonly<{
  service: string;
  guard: string;
  subject: string;
  name: string;
  roles: readonly string[];
  revision: number;
  expires: number;
}>;

/** As much of the sessions as this needs. */
export type OpenableSessions = Readonly<{
  find: (token: string, service: string, audience: string, from: string) => Readonly<{ id: string }> | null;
  revoke: (id: string) => Promise<boolean>;
  open: (session: Entrant & Readonly<{ audience: string; source: string }>) => Promise<Readonly<{ token: string }>>;
}>;

export type Entering = Readonly<{
  sessions: OpenableSessions;
  entrant: Entrant;
  now: number;
  /** A target on this very site. */
  to: string;
  cookies: readonly (readonly [string, string])[];
}>;

/** A new session with a new token, whatever cookie the browser came with (fixation); the old one ends. Never throws. */
export async function signIn(
  exchange: Exchange,
  { sessions, entrant, now, to, cookies }: Entering,
): Promise<Reply | Extract<Verdict, { is: 'challenge' }>> {
  const { service, expires } = entrant;
  try {
    const before = readSessionCookie(exchange);
    const old = before.is === 'one' ? sessions.find(before.token, service, exchange.host, exchange.from.ip) : null;
    if (old !== null) await sessions.revoke(old.id);
    const { token } = await sessions.open({ ...entrant, audience: exchange.host, source: exchange.from.ip });
    const cookie = writeSessionCookie(token, Math.max(1, Math.floor((expires - now) / 1000)));
    return { status: 303, fields: [['Location', to], cookie, ...cookies, ...ownFields('text/plain; charset=utf-8')], body: 'Signed in.\n' };
  } catch (error) {
    const code = error instanceof SallyportError ? error.code : 'store-unavailable';
    return { is: 'challenge', code, why: 'the session could not be opened', answer: errorReply(exchange, code) };
  }
}
