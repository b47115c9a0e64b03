/** Guard `oidc`: lets in who has signed in at an OpenID provider, by the session that this opened. */

import { defineGuard } from '../../contracts/guard.ts';
import { byShownSession, passBySession, refused, type SessionDoor } from '../../contracts/shown-session.ts';
import type { Session, Tools } from '../../contracts/tools.ts';
import { SallyportError } from '../../core/errors.ts';
import type { Exchange } from '../../core/policy/exchange.ts';
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
    const rules: Rules = { subjects, revision: rulesRevision(options) };
    const door: SessionDoor = {
      tools,
      service,
      missing: 'nobody has signed in',
      judge: (session, exchange) => judge(session, exchange, rules),
    };
    return {
      check: (exchange) => byShownSession(exchange, door),
      forms: oidcForms({ options, plan: { issuer, keys: null, ca }, provider, memory: memoryOf(tools), tools, service }),
      words: `${options.everyone === true ? 'any account' : 'a listed account'} of ${new URL(issuer).host}`,
      knows: (subject) => subject.startsWith(subjects),
    };
  },
});

type Rules = Readonly<{ subjects: string; revision: number }>;

/** Auth that is configured but cannot hold: it refuses to start. */
function requireSecret({ secret }: OidcOptions, tools: Tools): void {
  if (secret === undefined || (tools.secret(secret)?.length ?? 0) > 0) return;
  throw new SallyportError('secret-missing', `The secret ${secret}, which the provider is asked with, is not stored.`, {
    hint: `Store it: sallyport secrets add ${secret} --stdin`,
  });
}

function judge(session: Session, exchange: Exchange, { subjects, revision }: Rules): Verdict {
  if (session.guard !== 'oidc') return { is: 'skip' };
  if (session.revision !== revision || !session.subject.startsWith(subjects))
    return refused('credentials-expired', 'who may come in has changed since the session was opened');
  const { subject, name, roles, id, email } = session;
  const identity = { guard: 'oidc', subject, name, roles, session: id };
  return passBySession(exchange, email === undefined ? identity : { ...identity, email });
}
