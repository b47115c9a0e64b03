/** What a verifier's answer means: who it is, what the visitor is answered, or that it cannot be believed. */

import type { VerifierAnswer } from '../../../contracts/outgoing.ts';
import type { Reply } from '../../../core/http/reply.ts';
import { setsOwnCookie } from '../../../core/http/own-cookies.ts';
import { errorReply } from '../../../core/pages/error.ts';
import { ownFields } from '../../../core/pages/page.ts';
import type { Exchange, Identity } from '../../../core/policy/exchange.ts';
import type { Verdict } from '../../../core/policy/verdict.ts';
import type { ForwardAuthOptions } from './options.ts';

const names = {
  remote: { user: ['remote-user'], groups: ['remote-groups'], email: ['remote-email'] },
  'x-auth-request': {
    // `-User` is an opaque number at some providers, and still the only one that stays a person's.
    user: ['x-auth-request-user'],
    groups: ['x-auth-request-groups'],
    email: ['x-auth-request-email'],
  },
} as const;

const rolesMax = 64;

/** Everything that is not said plainly lets nobody in. */
export function verdictOf(exchange: Exchange, { status, fields }: VerifierAnswer, options: ForwardAuthOptions): Verdict {
  if (status >= 200 && status < 300) {
    const who = identityOf(fields, options);
    return who === null ? failed(exchange, 'it let somebody in without saying whom') : { is: 'pass', identity: who };
  }
  if (status === 401) return asked(challenged(exchange, fields, options));
  if (status === 403)
    return { is: 'deny', code: 'rule-denied', why: 'the verifier says that they may not', answer: errorReply(exchange, 'rule-denied') };
  if (status === 302 || status === 303 || status === 307) {
    const location = locationOf(fields, options);
    if (location === null) return failed(exchange, 'it leads visitors to where the configuration does not');
    return asked(redirected(exchange, status, location, fields, options));
  }
  return failed(exchange, `it answered with ${status}`);
}

type Fields = VerifierAnswer['fields'];

function identityOf(fields: Fields, { url, identity }: ForwardAuthOptions): Identity | null {
  const { user, groups, email } = names[identity];
  const name = only(fields, user);
  if (name === null || !/^[\x21-\x7e]{1,255}$/.test(name)) return null;
  const listed = only(fields, groups);
  const roles = (listed ?? '').split(',').map((role) => role.trim());
  const address = only(fields, email);
  return {
    guard: 'forward-auth',
    subject: `forward:${new URL(url).host}:${name}`,
    name: name.slice(0, 64),
    by: 'header',
    roles: roles.filter((role) => /^[\x21-\x7e]{1,128}$/.test(role)).slice(0, rolesMax),
    ...(address !== null && /^[\x21-\x7e]{1,254}$/.test(address) ? { email: address } : {}),
  };
}

/** The value of a field that came once; what came again has no reading. */
function only(fields: Fields, [wanted]: readonly [string]): string | null {
  const [found, ...others] = fields.filter(([name]) => name === wanted);
  return found === undefined || others.length > 0 || found[1] === '' ? null : found[1];
}

/** Absolute and https, to a host of the operator's list. A relative one is read as the verifier's own. */
function locationOf(fields: Fields, { url, redirects }: ForwardAuthOptions): string | null {
  const text = only(fields, ['location']);
  if (text === null || text.length > 4_096 || !/^[\x21-\x7e]+$/.test(text) || text.includes('\\')) return null;
  const to = URL.parse(text, url);
  if (to === null || to.protocol !== 'https:' || to.username !== '' || to.password !== '') return null;
  return redirects.includes(to.host) ? to.href : null;
}

function redirected(exchange: Exchange, status: number, location: string, fields: Fields, options: ForwardAuthOptions): Reply {
  return {
    status,
    fields: [['Location', location], ...cookiesOf(exchange, fields, options), ...ownFields('text/plain; charset=utf-8')],
    body: 'Sign in there.\n',
  };
}

/** Its words stay its own: what a visitor reads is our page, with its challenge. */
function challenged(exchange: Exchange, fields: Fields, options: ForwardAuthOptions): Reply {
  const challenges = fields.filter(([name, value]) => name === 'www-authenticate' && /^[\x20-\x7e]{1,1024}$/.test(value)).slice(0, 4);
  const shown = challenges.length === 0 ? ['Sallyport realm="Sallyport"'] : challenges.map(([, value]) => value);
  return errorReply(exchange, 'credentials-missing', {
    fields: [...shown.map((value) => ['WWW-Authenticate', value] as const), ...cookiesOf(exchange, fields, options)],
  });
}

/** Only where it was asked for, never in the clear, and none that is named like ours. */
function cookiesOf({ listener }: Exchange, fields: Fields, { cookies }: ForwardAuthOptions): readonly (readonly [string, string])[] {
  if (!cookies || listener.scheme !== 'https') return [];
  return fields
    .filter(([name, value]) => name === 'set-cookie' && /^[\x20-\x7e]{1,4096}$/.test(value) && !setsOwnCookie(value))
    .slice(0, 16)
    .map(([, value]) => ['Set-Cookie', value]);
}

function asked(answer: Reply): Verdict {
  return { is: 'challenge', code: 'credentials-missing', why: 'the verifier asks for a login', answer };
}

function failed(exchange: Exchange, why: string): Verdict {
  return {
    is: 'deny',
    code: 'verifier-failed',
    why: `the verifier cannot be believed: ${why}`,
    answer: errorReply(exchange, 'verifier-failed'),
  };
}
