/** Signing out: the session ends here and in the browser, whichever guard opened it. */

import type { Reply } from '../http/reply.ts';
import { errorReply } from './error.ts';
import { ownFields } from './page.ts';
import type { Exchange } from '../policy/exchange.ts';
import { foreignOrigin } from '../policy/origin.ts';
import { endSessionCookie, readSessionCookie } from '../policy/session-cookie.ts';
import type { Verdict } from '../policy/verdict.ts';

/** As much of the sessions as this needs. */
export type EndableSessions = Readonly<{
  find: (token: string, service: string, audience: string, from: string) => Readonly<{ id: string }> | null;
  revoke: (id: string) => Promise<boolean>;
}>;

/** Answers `POST /.sallyport/logout`: 303 to `/`. Who has no session sees the uniform face. */
export async function signOut(
  exchange: Exchange,
  sessions: EndableSessions,
  service: string,
): Promise<Reply | Extract<Verdict, { is: 'challenge' }>> {
  const forged = foreignOrigin(exchange);
  if (forged !== null) return { is: 'challenge', ...forged, answer: errorReply(exchange, forged.code) };
  const cookie = readSessionCookie(exchange);
  const session = cookie.is === 'one' ? sessions.find(cookie.token, service, exchange.host, exchange.from.ip) : null;
  if (session === null) return { is: 'challenge', code: 'credentials-missing', why: 'signing out without a session', answer: null };
  try {
    await sessions.revoke(session.id);
  } catch {
    return {
      is: 'challenge',
      code: 'store-unavailable',
      why: 'the session could not be ended',
      answer: errorReply(exchange, 'store-unavailable'),
    };
  }
  return { status: 303, fields: [['Location', '/'], endSessionCookie(), ...ownFields('text/plain; charset=utf-8')], body: 'Signed out.\n' };
}
