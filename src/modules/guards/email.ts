/** Guard `email`: lets in who reads the mail of an address on the list, by a code that is sent there. */

import { defineGuard } from '../../contracts/guard.ts';
import type { Session } from '../../contracts/tools.ts';
import { SallyportError } from '../../core/errors.ts';
import { errorReply } from '../../core/pages/error.ts';
import type { Exchange } from '../../core/policy/exchange.ts';
import { forgery } from '../../core/policy/origin.ts';
import { readSessionCookie } from '../../core/policy/session-cookie.ts';
import type { Verdict } from '../../core/policy/verdict.ts';
import { emailForms, type Place } from './email/forms.ts';
import { admitsOf, emailOptions, emailWords } from './email/options.ts';
import { sendingsOf } from './email/sendings.ts';

export const email = defineGuard({
  name: 'email',
  stage: 'identify',
  options: emailOptions,
  build(options, tools, { name: service }) {
    const mail = tools.mail ?? null;
    // Access control that is configured and cannot work is no access control.
    if (mail === null)
      throw new SallyportError(
        'config-malformed',
        `services.${service}.access asks for a code by mail, and nothing says how mail is sent.`,
        {
          hint: 'Say it at the top: mail: { smtp: "smtps://mail.example.org", from: gate@example.org, user: gate, secret: mail }',
        },
      );
    const admits = admitsOf(options);
    const place: Place = { tools, mail, sendings: sendingsOf(tools), service, admits, roles: options.roles };
    return {
      check: (exchange) => check(exchange, place),
      forms: emailForms(place),
      words: emailWords(options),
      knows: (subject) => subject.startsWith('email:') && admits(subject.slice('email:'.length)),
      roles: options.roles,
    };
  },
});

function check(exchange: Exchange, place: Pick<Place, 'tools' | 'service' | 'admits' | 'roles'>): Verdict {
  const { tools, service } = place;
  if (exchange.http === null) return { is: 'skip' };
  const cookie = readSessionCookie(exchange);
  if (cookie.is === 'twice') return refused('credentials-wrong', 'two session cookies were sent');
  const session = cookie.is === 'one' ? tools.sessions.find(cookie.token, service, exchange.host, exchange.from.ip) : null;
  if (session !== null) return session.guard === 'email' ? bySession(exchange, session, place) : { is: 'skip' };
  if (cookie.is !== 'none') return refused('credentials-expired', 'the session has ended or is not of this service');
  return refused('credentials-missing', 'no session was shown');
}

/** An address that was taken off the list is out with its next request. */
function bySession(exchange: Exchange, session: Session, { admits, roles }: Pick<Place, 'admits' | 'roles'>): Verdict {
  if (!admits(session.name)) return refused('credentials-expired', 'the address of the session is no longer on the list');
  const fault = forgery(exchange, 'session');
  if (fault !== null) return { is: 'deny', ...fault, answer: errorReply(exchange, fault.code) };
  const { subject, name, id } = session;
  return { is: 'pass', identity: { guard: 'email', subject, name, by: 'session', roles, session: id, email: name } };
}

function refused(
  code: 'credentials-missing' | 'credentials-wrong' | 'credentials-expired',
  why: string,
): Extract<Verdict, { is: 'challenge' }> {
  return { is: 'challenge', code, why, answer: null };
}
