/** Guard `oidc`: lets in who has signed in at an OpenID provider, by the session that this opened. */

import { defineGuard } from '../../contracts/guard.ts';
import type { Session, Tools } from '../../contracts/tools.ts';
import { SallyportError } from '../../core/errors.ts';
import { errorReply } from '../../core/pages/error.ts';
import type { Exchange, Identity } from '../../core/policy/exchange.ts';
import { forgery } from '../../core/policy/origin.ts';
import { readSessionCookie } from '../../core/policy/session-cookie.ts';
import type { Verdict } from '../../core/policy/verdict.ts';
import { rulesRevision, subjectsOf } from './oidc/admission.ts';
import { oidcForms } from './oidc/forms.ts';
import { memoryOf } from './oidc/memory.ts';
import { oidcOptions, type OidcOptions } from './oidc/options.ts';
import { Provider } from './oidc/provider.ts';

export const oidc = defineGuard({
  name: 'oidc',
  stage: 'identify',
  options: oidcOptions,
  build(options: OidcOptions, tools, { name: service }) {
    requireSecret(options, tools);
    const { issuer } = options;
    const ca = tools.issuers.trust(options.ca);
    const provider = new Provider(options, ca, tools);
    const subjects = subjectsOf(issuer);
    const rules: Rules = { tools, service, subjects, revision: rulesRevision(options) };
    return {
      check: (exchange) => check(exchange, rules),
      forms: oidcForms({ options, plan: { issuer, keys: null, ca }, provider, memory: memoryOf(tools), tools, service }),
      words: `${options.everyone === true ? 'any account' : 'a listed account'} of ${new URL(issuer).host}`,
      knows: (subject) => subject.startsWith(subjects),
    };
  },
});

type Rules = Readonly<{ tools: Tools; service: string; subjects: string; revision: number }>;

/** Auth that is configured but cannot hold: it refuses to start. */
function requireSecret({ secret }: OidcOptions, tools: Tools): void {
  if (secret === undefined || (tools.secret(secret)?.length ?? 0) > 0) return;
  throw new SallyportError('secret-missing', `The secret ${secret}, which the provider is asked with, is not stored.`, {
    hint: `Store it: sallyport secrets add ${secret} --stdin`,
  });
}

function check(exchange: Exchange, rules: Rules): Verdict {
  if (exchange.http === null) return { is: 'skip' };
  const cookie = readSessionCookie(exchange);
  if (cookie.is === 'twice') return { is: 'challenge', code: 'credentials-wrong', why: 'two session cookies were sent', answer: null };
  const { tools, service } = rules;
  const session = cookie.is === 'one' ? tools.sessions.find(cookie.token, service, exchange.host, exchange.from.ip) : null;
  if (session !== null) return session.guard === 'oidc' ? bySession(exchange, session, rules) : { is: 'skip' };
  if (cookie.is !== 'none') return expired('the session has ended or is not of this service');
  return { is: 'challenge', code: 'credentials-missing', why: 'nobody has signed in', answer: null };
}

function bySession(exchange: Exchange, session: Session, { subjects, revision }: Rules): Verdict {
  if (session.revision !== revision || !session.subject.startsWith(subjects))
    return expired('who may come in has changed since the session was opened');
  const fault = forgery(exchange, 'session');
  if (fault !== null) return { is: 'deny', ...fault, answer: errorReply(exchange, fault.code) };
  const { subject, name, roles, id, email } = session;
  const identity: Identity = { guard: 'oidc', subject, name, roles, by: 'session', session: id };
  return { is: 'pass', identity: email === undefined ? identity : { ...identity, email } };
}

function expired(why: string): Verdict {
  return { is: 'challenge', code: 'credentials-expired', why, answer: null };
}
