/** Guard `email`: lets in who reads the mail of an address on the list, by a code that is sent there. */

import { defineGuard } from '../../contracts/guard.ts';
import { byShownSession, passBySession, refused, type SessionDoor } from '../../contracts/shown-session.ts';
import type { Session } from '../../contracts/tools.ts';
import { SallyportError } from '../../core/errors.ts';
import type { Exchange } from '../../core/policy/exchange.ts';
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
    const door: SessionDoor = {
      tools,
      service,
      missing: 'no session was shown',
      judge: (session, exchange) => judge(session, exchange, place),
    };
    return {
      check: (exchange) => byShownSession(exchange, door),
      forms: emailForms(place),
      words: emailWords(options),
      knows: (subject) => subject.startsWith('email:') && admits(subject.slice('email:'.length)),
      roles: options.roles,
    };
  },
});

/** An address that was taken off the list is out with its next request. */
function judge(session: Session, exchange: Exchange, { admits, roles }: Pick<Place, 'admits' | 'roles'>): Verdict {
  if (session.guard !== 'email') return { is: 'skip' };
  if (!admits(session.name)) return refused('credentials-expired', 'the address of the session is no longer on the list');
  const { subject, name, id } = session;
  return passBySession(exchange, { guard: 'email', subject, name, roles, session: id, email: name });
}
