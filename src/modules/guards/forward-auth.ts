/** Guard `forward-auth`: lets in whom a verifier of your own lets in, as Authelia or oauth2-proxy, which is asked about each request. */

import { defineGuard } from '../../contracts/guard.ts';
import type { Outgoing, VerifierRequest } from '../../contracts/outgoing.ts';
import { SallyportError } from '../../core/errors.ts';
import { authorityText } from '../../core/http/host.ts';
import { withoutOwnCookies } from '../../core/http/own-cookies.ts';
import { errorReply } from '../../core/pages/error.ts';
import { isNavigation } from '../../core/pages/wants.ts';
import type { Exchange } from '../../core/policy/exchange.ts';
import { forgery } from '../../core/policy/origin.ts';
import type { Verdict } from '../../core/policy/verdict.ts';
import { verdictOf } from './forward-auth/answer.ts';
import { forwardAuthOptions, type ForwardAuthOptions } from './forward-auth/options.ts';

export const forwardAuth = defineGuard({
  name: 'forward-auth',
  stage: 'identify',
  options: forwardAuthOptions,
  build(options: ForwardAuthOptions, tools) {
    const desk: Desk = { options, ca: tools.issuers.trust(options.ca), verify: tools.outgoing.verify ?? nobody };
    return {
      check: (exchange) => (exchange.http === null ? { is: 'skip' } : check(exchange, shownIn(exchange.http), desk)),
      words: `whom ${new URL(options.url).host} lets in`,
    };
  },
});

type Desk = Readonly<{ options: ForwardAuthOptions; ca: string | null; verify: NonNullable<Outgoing['verify']> }>;
type Head = NonNullable<Exchange['http']>;

async function check(exchange: Exchange, shown: Shown | null, { options, ca, verify }: Desk): Promise<Verdict> {
  if (shown === null) return { is: 'challenge', code: 'credentials-wrong', why: 'Authorization was sent twice', answer: null };
  let verdict: Verdict;
  try {
    verdict = verdictOf(exchange, await verify({ url: options.url, fields: askedOf(exchange, shown), ca }), options);
  } catch (error) {
    const code = error instanceof SallyportError ? error.code : 'verifier-unreachable';
    return { is: 'deny', code, why: 'the verifier cannot be asked', answer: errorReply(exchange, code) };
  }
  if (verdict.is !== 'pass') return verdict;
  // Its cookies come with every request, from whichever page: what changes something must come from this one.
  const fault = forgery(exchange, shown.cookie === null ? 'basic' : 'session');
  if (fault !== null) return { is: 'deny', ...fault, answer: errorReply(exchange, fault.code) };
  // Without a cookie it was Authorization that opened: it is used up.
  return shown.cookie === null && shown.authorization !== null ? { ...verdict, spent: ['authorization'] } : verdict;
}

type Shown = Readonly<{ cookie: string | null; authorization: string | null }>;

/** The visitor's credentials, without ours. Null for Authorization that was sent twice. */
function shownIn({ fields }: Head): Shown | null {
  const authorizations = fields.filter(({ lower }) => lower === 'authorization');
  if (authorizations.length > 1) return null;
  const cookies = fields.flatMap(({ lower, value }) => (lower === 'cookie' ? (withoutOwnCookies(value) ?? []) : []));
  return { cookie: cookies.length === 0 ? null : cookies.join('; '), authorization: authorizations[0]?.value ?? null };
}

/** Our words about the request, and of the visitor's own fields their credentials alone. */
function askedOf(exchange: Exchange, { cookie, authorization }: Shown): VerifierRequest['fields'] {
  const { from, listener, http } = exchange;
  if (http === null) throw new SallyportError('program-failed', 'A verifier was to be asked about what is no request.');
  return {
    // Authelia redirects whom it takes for a browser, and answers others with 401.
    Accept: isNavigation(exchange) ? 'text/html' : '*/*',
    'X-Forwarded-Method': http.method,
    'X-Forwarded-Proto': listener.scheme === 'http' ? 'http' : 'https',
    'X-Forwarded-Host': authorityText(http.authority),
    'X-Forwarded-Uri': http.target,
    'X-Forwarded-For': from.ip,
    ...(cookie === null ? {} : { Cookie: cookie }),
    ...(authorization === null ? {} : { Authorization: authorization }),
  };
}

const nobody: Desk['verify'] = () => Promise.reject(new SallyportError('verifier-unreachable', 'Nobody is asked here.'));
