/** What guards have in common that let in by a session which was opened on a page: which one is shown, and how it is judged. */

import { errorReply } from '../core/pages/error.ts';
import type { Exchange, Identity } from '../core/policy/exchange.ts';
import { showed, type Factor } from '../core/policy/login-steps.ts';
import { forgery } from '../core/policy/origin.ts';
import { readSessionCookie } from '../core/policy/session-cookie.ts';
import type { Verdict } from '../core/policy/verdict.ts';
import type { Session, Tools } from './tools.ts';

export type SessionDoor = Readonly<{
  tools: Pick<Tools, 'sessions'>;
  /** Whose sessions are taken. */
  service: string;
  /** What is in the record where no session was shown. */
  missing: string;
  /** Of a session that stands; the guard skips what another one opened. */
  judge: (session: Session, exchange: Exchange) => Verdict;
}>;

/** By the session of an exchange, or by what is wrong with it. Skips what is no HTTP: it has no cookies. */
export function byShownSession(exchange: Exchange, { tools, service, missing, judge }: SessionDoor): Verdict {
  if (exchange.http === null) return { is: 'skip' };
  const cookie = readSessionCookie(exchange);
  if (cookie.is === 'twice') return refused('credentials-wrong', 'two session cookies were sent');
  const session = cookie.is === 'one' ? tools.sessions.find(cookie.token, service, exchange.host, exchange.from.ip) : null;
  if (session !== null) return judge(session, exchange);
  if (cookie.is !== 'none') return refused('credentials-expired', 'the session has ended or is not of this service');
  return refused('credentials-missing', missing);
}

/** Whoever holds a session that is good passes, unless the page of another site makes use of it. */
export function passBySession(exchange: Exchange, identity: Omit<Identity, 'by'>): Verdict {
  const fault = forgery(exchange, 'session');
  if (fault !== null) return { is: 'deny', ...fault, answer: errorReply(exchange, fault.code) };
  return { is: 'pass', identity: { ...identity, by: 'session' } };
}

/** What leads to the uniform face. */
export function refused(
  code: 'credentials-missing' | 'credentials-wrong' | 'credentials-expired',
  why: string,
): Extract<Verdict, { is: 'challenge' }> {
  return { is: 'challenge', code, why, answer: null };
}

export type FactorDoor = Readonly<{
  factor: Factor;
  tools: Pick<Tools, 'sessions' | 'users'>;
  service: string;
  /** `a code`, and what somebody has who has none: `no codes`. */
  words: Readonly<{ one: string; none: string }>;
  /** Whether users of this guard have the factor at this host now. */
  has: (user: string, host: string) => boolean;
}>;

/**
 * By a session that was opened with this factor, alone or after others, by a user who still has it: nothing that a program sends
 * with each request holds one, Basic least of all.
 */
export function factorDoor({ factor, tools, service, words, has }: FactorDoor): SessionDoor {
  const { one, none } = words;
  const without = refused('credentials-missing', `the session was opened without ${one}`);
  const judge = (session: Session, exchange: Exchange): Verdict => {
    if (!showed(session, factor)) return without;
    const user = tools.users.find(session.name);
    if (user === null || user.revision !== session.revision || !has(user.name, exchange.host))
      return refused('credentials-expired', `the user of the session is gone, has a new password, or ${none} any more`);
    return passBySession(exchange, {
      guard: factor,
      subject: `user:${user.name}`,
      name: user.name,
      roles: user.roles,
      session: session.id,
    });
  };
  return { tools, service, missing: `no session with ${one}; HTTP Basic holds none`, judge };
}
