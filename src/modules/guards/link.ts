/** Guard `link`: lets in who opens a secret link, and the session that it opened. */

import { z } from 'zod';
import { defineGuard, type FormAnswer } from '../../contracts/guard.ts';
import type { Link, Session, Tools } from '../../contracts/tools.ts';
import { SallyportError } from '../../core/errors.ts';
import { errorReply, noticePage } from '../../core/pages/error.ts';
import { ownFields } from '../../core/pages/page.ts';
import { signOut } from '../../core/pages/sign-out.ts';
import { credentialsOf, onlyField, twice } from '../../core/policy/credentials.ts';
import type { Exchange, Identity } from '../../core/policy/exchange.ts';
import { forgery, originOf } from '../../core/policy/origin.ts';
import { returnTarget } from '../../core/policy/return-target.ts';
import { readSessionCookie, writeSessionCookie } from '../../core/policy/session-cookie.ts';
import type { Verdict } from '../../core/policy/verdict.ts';

type Challenge = Extract<Verdict, { is: 'challenge' }>;

export const link = defineGuard({
  name: 'link',
  stage: 'identify',
  options: z.strictObject({}, { error: 'no options: {}' }),
  build: (_options, tools, service) => ({
    check: (exchange) => check(exchange, tools, service.name),
    forms: [
      {
        method: 'GET',
        path: '/.sallyport/link/*',
        handle: (exchange, { fields, rest }) => open(exchange, { secret: rest, to: fields.get('to'), tools, service: service.name }),
      },
      { method: 'POST', path: '/.sallyport/logout', handle: (exchange) => signOut(exchange, tools.sessions, service.name) },
    ],
    words: 'a secret link',
    knows: (subject) => subject.startsWith('link:') && standing(subject, tools, service.name) !== null,
  }),
});

function check(exchange: Exchange, tools: Tools, service: string): Verdict {
  const { http } = exchange;
  if (http === null) return { is: 'skip' };
  const own = onlyField(http.fields, 'sallyport-authorization');
  if (own === twice) return wrong('Sallyport-Authorization was sent twice');
  const secret = own === null ? null : credentialsOf(own, 'link');
  if (secret !== null) {
    const found = findBySecret(secret, tools, service);
    if (found === null) return wrong('no link of this service has that secret');
    return { is: 'pass', identity: identityOf(found, 'header'), spent: ['sallyport-authorization'] };
  }
  const cookie = readSessionCookie(exchange);
  if (cookie.is === 'twice') return wrong('two session cookies were sent');
  const session = cookie.is === 'one' ? tools.sessions.find(cookie.token, service, exchange.host, exchange.from.ip) : null;
  if (session !== null) return session.guard === 'link' ? bySession(exchange, session, tools, service) : { is: 'skip' };
  if (cookie.is !== 'none')
    return { is: 'challenge', code: 'credentials-expired', why: 'the session has ended or is not of this service', answer: null };
  return { is: 'challenge', code: 'credentials-missing', why: 'no link was opened', answer: null };
}

/** A link that was revoked or has ended takes its sessions with it, at once: it is looked up each time. */
function bySession(exchange: Exchange, session: Session, tools: Tools, service: string): Verdict {
  const found = standing(session.subject, tools, service);
  if (found === null)
    return { is: 'challenge', code: 'credentials-expired', why: 'the link of the session was revoked or has ended', answer: null };
  const fault = forgery(exchange, 'session');
  if (fault !== null) return { is: 'deny', ...fault, answer: errorReply(exchange, fault.code) };
  return { is: 'pass', identity: { ...identityOf(found, 'session'), session: session.id } };
}

type Opening = Readonly<{ secret: string; to: string | null; tools: Tools; service: string }>;

/** `GET /.sallyport/link/SECRET`: a session, and on to the clean path. The secret is in no Referer, no cache and no log. */
async function open(exchange: Exchange, { secret, to, tools, service }: Opening): Promise<FormAnswer> {
  if (exchange.http?.method !== 'GET') return unanswered('a link is opened with GET', 'credentials-missing');
  const found = findBySecret(secret, tools, service);
  if (found === null) return unanswered('no link of this service has that secret', 'credentials-wrong');
  if (exchange.listener.scheme !== 'https')
    return noticePage(
      403,
      'This link needs HTTPS',
      'Open it with https:// instead of http://. Programs may send it as Sallyport-Authorization: Link SECRET.',
    );
  const target = returnTarget(to ?? '/', originOf(exchange)) ?? '/';
  const { sessions, limits } = tools;
  const now = tools.now();
  try {
    const cookie = readSessionCookie(exchange);
    const before = cookie.is === 'one' ? sessions.find(cookie.token, service, exchange.host, exchange.from.ip) : null;
    // Who signed in with a password stays who they are: a link, which anybody may hand them, makes them nobody else.
    if (before !== null && before.guard !== 'link') return redirect(target);
    if (before !== null) await sessions.revoke(before.id);
    const expires = Math.min(now + limits.sessionMs, found.expires ?? Number.MAX_SAFE_INTEGER);
    const { subject, name } = identityOf(found, 'session');
    const { token } = await sessions.open({
      service,
      audience: exchange.host,
      guard: 'link',
      subject,
      name,
      roles: [],
      revision: 0,
      expires,
      source: exchange.from.ip,
    });
    return redirect(target, writeSessionCookie(token, Math.max(1, Math.floor((expires - now) / 1000))));
  } catch (error) {
    const code = error instanceof SallyportError ? error.code : 'store-unavailable';
    return { is: 'challenge', code, why: 'the session could not be opened', answer: errorReply(exchange, code) };
  }
}

function redirect(target: string, cookie?: readonly [string, string]): FormAnswer {
  return {
    status: 303,
    fields: [['Location', target], ...(cookie === undefined ? [] : [cookie]), ...ownFields('text/plain; charset=utf-8')],
    body: 'This way.\n',
  };
}

/** At least 128 bits in base64url; anything else is not looked up. */
function findBySecret(secret: string, tools: Tools, service: string): Link | null {
  return /^[A-Za-z0-9_-]{22,64}$/.test(secret) ? tools.links.find(secret, service) : null;
}

/** The link behind `link:ID`, as long as it stands and is this service's. */
function standing(subject: string, tools: Tools, service: string): Link | null {
  const found = tools.links.byId(subject.slice('link:'.length));
  return found !== null && found.service === service ? found : null;
}

function identityOf(found: Link, by: 'header' | 'session'): Identity {
  return { guard: 'link', subject: `link:${found.id}`, name: found.label ?? `link ${found.id}`, by, roles: [] };
}

function unanswered(why: string, code: 'credentials-missing' | 'credentials-wrong'): Challenge {
  return { is: 'challenge', code, why, answer: null };
}

function wrong(why: string): Verdict {
  return unanswered(why, 'credentials-wrong');
}
