/** Guard `link`: lets in who opens a secret link, and the session that it opened. */

import { z } from 'zod';
import { defineGuard } from '../../contracts/guard.ts';
import { byShownSession, passBySession, refused, type SessionDoor } from '../../contracts/shown-session.ts';
import type { Link, Session, Tools } from '../../contracts/tools.ts';
import { signOut } from '../../core/pages/sign-out.ts';
import { credentialsOf, onlyField, twice } from '../../core/policy/credentials.ts';
import type { Exchange, Identity } from '../../core/policy/exchange.ts';
import type { Verdict } from '../../core/policy/verdict.ts';
import { isSpent } from './link/bounds.ts';
import { boundFault, findBySecret, linkForms, nameOf, subjectOf } from './link/opening.ts';

export const link = defineGuard({
  name: 'link',
  stage: 'identify',
  options: z.strictObject({}, { error: 'no options: {}' }),
  build: (_options, tools, { name: service }) => {
    const door: SessionDoor = {
      tools,
      service,
      missing: 'no link was opened',
      judge: (session, exchange) => judge(session, exchange, tools, service),
    };
    return {
      check: (exchange) => check(exchange, tools, door),
      forms: [
        ...linkForms(tools, service),
        { method: 'POST', path: '/.sallyport/logout', handle: (exchange) => signOut(exchange, tools.sessions, service) },
      ],
      words: 'a secret link',
      knows: (subject, exchange) => {
        const found = subject.startsWith('link:') ? standing(subject, tools, service) : null;
        return found !== null && (exchange === undefined || boundFault(found, exchange) === null);
      },
    };
  },
});

function check(exchange: Exchange, tools: Tools, door: SessionDoor): Verdict {
  if (exchange.http === null) return { is: 'skip' };
  const own = onlyField(exchange.http.fields, 'sallyport-authorization');
  if (own === twice) return refused('credentials-wrong', 'Sallyport-Authorization was sent twice');
  const secret = own === null ? null : credentialsOf(own, 'link');
  return secret === null ? byShownSession(exchange, door) : bySecret(exchange, secret, tools, door.service);
}

/** By a program, with each request: a link that counts them would be spent by the second. */
function bySecret(exchange: Exchange, secret: string, tools: Tools, service: string): Verdict {
  const found = findBySecret(secret, tools, service);
  if (found === null) return refused('credentials-wrong', 'no link of this service has that secret');
  if (isSpent(found)) return refused('credentials-wrong', 'a link that is counted or belongs to one browser is opened by its page alone');
  const fault = boundFault(found, exchange);
  if (fault !== null) return refused('credentials-wrong', fault);
  return { is: 'pass', identity: identityOf(found, 'header'), spent: ['sallyport-authorization'] };
}

/** A link that was revoked or has ended takes its sessions with it, at once: it is looked up each time. */
function judge(session: Session, exchange: Exchange, tools: Tools, service: string): Verdict {
  if (session.guard !== 'link') return { is: 'skip' };
  const found = standing(session.subject, tools, service);
  if (found === null) return refused('credentials-expired', 'the link of the session was revoked or has ended');
  const outside = boundFault(found, exchange);
  if (outside !== null) return refused('credentials-wrong', outside);
  return passBySession(exchange, { ...identityOf(found, 'session'), session: session.id });
}

/** The link behind `link:ID`, as long as it stands and is this service's. */
function standing(subject: string, tools: Tools, service: string): Link | null {
  const found = tools.links.byId(subject.slice('link:'.length));
  return found !== null && found.service === service ? found : null;
}

function identityOf(found: Link, by: 'header' | 'session'): Identity {
  return { guard: 'link', subject: subjectOf(found), name: nameOf(found), by, roles: [] };
}
