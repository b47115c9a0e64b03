/** Guard `link`: lets in who opens a secret link, and the session that it opened. */

import { z } from 'zod';
import { defineGuard } from '../../contracts/guard.ts';
import type { Link, Session, Tools } from '../../contracts/tools.ts';
import { errorReply } from '../../core/pages/error.ts';
import { signOut } from '../../core/pages/sign-out.ts';
import { credentialsOf, onlyField, twice } from '../../core/policy/credentials.ts';
import type { Exchange, Identity } from '../../core/policy/exchange.ts';
import { forgery } from '../../core/policy/origin.ts';
import { readSessionCookie } from '../../core/policy/session-cookie.ts';
import type { Verdict } from '../../core/policy/verdict.ts';
import { isSpent } from './link/bounds.ts';
import { boundFault, findBySecret, linkForms, nameOf, subjectOf } from './link/opening.ts';

export const link = defineGuard({
  name: 'link',
  stage: 'identify',
  options: z.strictObject({}, { error: 'no options: {}' }),
  build: (_options, tools, service) => ({
    check: (exchange) => check(exchange, tools, service.name),
    forms: [
      ...linkForms(tools, service.name),
      { method: 'POST', path: '/.sallyport/logout', handle: (exchange) => signOut(exchange, tools.sessions, service.name) },
    ],
    words: 'a secret link',
    knows: (subject, exchange) => {
      const found = subject.startsWith('link:') ? standing(subject, tools, service.name) : null;
      return found !== null && (exchange === undefined || boundFault(found, exchange) === null);
    },
  }),
});

function check(exchange: Exchange, tools: Tools, service: string): Verdict {
  const { http } = exchange;
  if (http === null) return { is: 'skip' };
  const own = onlyField(http.fields, 'sallyport-authorization');
  if (own === twice) return wrong('Sallyport-Authorization was sent twice');
  const secret = own === null ? null : credentialsOf(own, 'link');
  if (secret !== null) return bySecret(exchange, secret, tools, service);
  const cookie = readSessionCookie(exchange);
  if (cookie.is === 'twice') return wrong('two session cookies were sent');
  const session = cookie.is === 'one' ? tools.sessions.find(cookie.token, service, exchange.host, exchange.from.ip) : null;
  if (session !== null) return session.guard === 'link' ? bySession(exchange, session, tools, service) : { is: 'skip' };
  if (cookie.is !== 'none')
    return { is: 'challenge', code: 'credentials-expired', why: 'the session has ended or is not of this service', answer: null };
  return { is: 'challenge', code: 'credentials-missing', why: 'no link was opened', answer: null };
}

/** By a program, with each request: a link that counts them would be spent by the second. */
function bySecret(exchange: Exchange, secret: string, tools: Tools, service: string): Verdict {
  const found = findBySecret(secret, tools, service);
  if (found === null) return wrong('no link of this service has that secret');
  if (isSpent(found)) return wrong('a link that is counted or belongs to one browser is opened by its page alone');
  const fault = boundFault(found, exchange);
  if (fault !== null) return wrong(fault);
  return { is: 'pass', identity: identityOf(found, 'header'), spent: ['sallyport-authorization'] };
}

/** A link that was revoked or has ended takes its sessions with it, at once: it is looked up each time. */
function bySession(exchange: Exchange, session: Session, tools: Tools, service: string): Verdict {
  const found = standing(session.subject, tools, service);
  if (found === null)
    return { is: 'challenge', code: 'credentials-expired', why: 'the link of the session was revoked or has ended', answer: null };
  const outside = boundFault(found, exchange);
  if (outside !== null) return wrong(outside);
  const fault = forgery(exchange, 'session');
  if (fault !== null) return { is: 'deny', ...fault, answer: errorReply(exchange, fault.code) };
  return { is: 'pass', identity: { ...identityOf(found, 'session'), session: session.id } };
}

/** The link behind `link:ID`, as long as it stands and is this service's. */
function standing(subject: string, tools: Tools, service: string): Link | null {
  const found = tools.links.byId(subject.slice('link:'.length));
  return found !== null && found.service === service ? found : null;
}

function identityOf(found: Link, by: 'header' | 'session'): Identity {
  return { guard: 'link', subject: subjectOf(found), name: nameOf(found), by, roles: [] };
}

function wrong(why: string): Verdict {
  return { is: 'challenge', code: 'credentials-wrong', why, answer: null };
}
