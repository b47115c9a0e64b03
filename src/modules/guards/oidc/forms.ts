/** The forms of the guard `oidc`: begin a login, come back from the provider, sign out here or from there. */

import { timingSafeEqual } from 'node:crypto';
import type { Form, FormAnswer } from '../../../contracts/guard.ts';
import type { IssuerPlan } from '../../../contracts/issuers.ts';
import type { Tools } from '../../../contracts/tools.ts';
import { householdOf } from '../../../core/address.ts';
import { SallyportError, type Code } from '../../../core/errors.ts';
import { errorReply, noticePage } from '../../../core/pages/error.ts';
import { ownFields } from '../../../core/pages/page.ts';
import { say } from '../../../core/pages/say.ts';
import { signOut } from '../../../core/pages/sign-out.ts';
import type { Exchange } from '../../../core/policy/exchange.ts';
import { foreignOrigin, originOf } from '../../../core/policy/origin.ts';
import { returnTarget } from '../../../core/policy/return-target.ts';
import { readSessionCookie, writeSessionCookie } from '../../../core/policy/session-cookie.ts';
import { admit, rulesRevision, subjectOf, type Admission } from './admission.ts';
import { endLoginCookie, opened, sealed, type Begun } from './begun.ts';
import type { Memory } from './memory.ts';
import type { OidcOptions } from './options.ts';
import type { Provider } from './provider.ts';

export type Place = Readonly<{
  options: OidcOptions;
  plan: IssuerPlan;
  provider: Provider;
  memory: Memory;
  tools: Tools;
  service: string;
}>;

const callbackPath = '/.sallyport/callback';

export function oidcForms(place: Place): readonly Form[] {
  return [
    { method: 'GET', path: '/.sallyport/oidc', handle: (exchange, { fields }) => begin(exchange, fields.get('to'), place) },
    { method: 'GET', path: callbackPath, handle: (exchange, { fields }) => finish(exchange, fields, place) },
    { method: 'POST', path: '/.sallyport/backchannel', handle: (_exchange, { fields }) => signOutFromThere(fields, place) },
    { method: 'POST', path: '/.sallyport/logout', handle: (exchange) => signOut(exchange, place.tools.sessions, place.service) },
  ];
}

/** Where a login belongs: the service, at this name, by these rules. */
function placeOf(exchange: Exchange, { service, options }: Place): string {
  return JSON.stringify([service, originOf(exchange), options.issuer, options.client]);
}

async function begin(exchange: Exchange, wanted: string | null, place: Place): Promise<FormAnswer> {
  const { tools, memory, provider } = place;
  // A cookie never travels in the clear.
  if (exchange.listener.scheme !== 'https') return refused('credentials-missing', 'a login over plain HTTP');
  if (foreignOrigin(exchange) !== null) return refused('origin-foreign', 'a page of another site began a login');
  const random = (): string => Buffer.from(tools.randomBytes(32)).toString('base64url');
  const to = returnTarget(wanted ?? '/', originOf(exchange)) ?? '/';
  const login: Begun = { place: placeOf(exchange, place), state: random(), nonce: random(), verifier: random(), to };
  const address = await provider.address(login, `${originOf(exchange)}${callbackPath}`);
  if (address === null) return away(exchange, 'the provider cannot be had');
  const seal = (each: Begun) => sealed(each, memory.key, tools.now(), tools.limits.loginMs);
  const cookie = (await seal(login)) ?? (await seal({ ...login, to: '/' }));
  if (cookie === null) return refused('credentials-missing', 'the login does not fit into a cookie');
  return onward(address, [cookie]);
}

/** Everything that a stranger can make up is looked at before the provider is asked. */
async function finish(exchange: Exchange, fields: URLSearchParams, place: Place): Promise<FormAnswer> {
  const { tools, memory, provider, options } = place;
  if (exchange.listener.scheme !== 'https' || exchange.http === null) return refused('credentials-missing', 'a login over plain HTTP');
  const login = await opened(exchange, memory.key, tools.now());
  if (login === null) return refused('credentials-missing', 'this browser began no login');
  const [state, ...others] = fields.getAll('state');
  if (state === undefined || others.length > 0 || login.place !== placeOf(exchange, place) || !same(state, login.state))
    return refused('credentials-wrong', 'the state is not that of the login that was begun');
  if (memory.used.get(login.state, tools.now()) === true) return refused('credentials-wrong', 'the state was shown before');
  memory.used.set(login.state, true, tools.now());
  const network = householdOf(exchange.from.ip);
  const wait = memory.attempts.take(network, tools.now());
  if (wait > 0) {
    const answer = errorReply(exchange, 'credentials-throttled', { retryAfterSeconds: Math.ceil(wait / 1000) });
    return { is: 'challenge', code: 'credentials-throttled', why: 'too many logins that came to nothing', answer };
  }
  const answered = await provider.answer(login, new URL(`${originOf(exchange)}${exchange.http.target}`));
  if (answered.is !== 'claims') return answered.is === 'away' ? away(exchange, answered.why) : refused('credentials-wrong', answered.why);
  memory.attempts.forgive(network, false);
  const admission = admit(answered.claims, options);
  if (admission.is === 'admitted') return signIn(exchange, admission, login.to, place);
  const page = noticePage(exchange, 403, {
    title: say(exchange, 'account.title'),
    detail: say(exchange, 'account.detail'),
    fields: [endLoginCookie],
  });
  return { is: 'challenge', code: 'credentials-wrong', why: admission.why, answer: page };
}

/** A new session with a new token, whatever cookie the browser came with (fixation); the old one ends. */
async function signIn(
  exchange: Exchange,
  { who }: Extract<Admission, { is: 'admitted' }>,
  to: string,
  { tools, service, options }: Place,
): Promise<FormAnswer> {
  const { sessions, limits } = tools;
  try {
    const before = readSessionCookie(exchange);
    const old = before.is === 'one' ? sessions.find(before.token, service, exchange.host, exchange.from.ip) : null;
    if (old !== null) await sessions.revoke(old.id);
    const { token } = await sessions.open({
      ...who,
      service,
      audience: exchange.host,
      guard: 'oidc',
      revision: rulesRevision(options),
      expires: tools.now() + limits.sessionMs,
      source: exchange.from.ip,
    });
    return onward(to, [writeSessionCookie(token, Math.floor(limits.sessionMs / 1000)), endLoginCookie]);
  } catch (error) {
    const code = error instanceof SallyportError ? error.code : 'store-unavailable';
    return { is: 'challenge', code, why: 'the session could not be opened', answer: errorReply(exchange, code) };
  }
}

/** OpenID Connect Back-Channel Logout 1.0, 2.6: the provider says that an account has signed out. */
async function signOutFromThere(fields: URLSearchParams, { tools, plan, options, memory }: Place): Promise<FormAnswer> {
  const [token, ...others] = fields.getAll('logout_token');
  if (token === undefined || others.length > 0) return refused('credentials-missing', 'a logout without a token');
  const rules = { audiences: [options.client], types: ['logout+jwt', 'jwt', ''], required: ['iat', 'jti', 'events'] };
  const found = await tools.issuers.verify(token, plan, rules);
  if (found.is === 'away') return refused('issuer-unreachable', found.why);
  if (found.is !== 'good') return refused('credentials-wrong', found.why);
  const { events, jti, nonce, sub } = found.claims;
  // An ID token has a nonce and no event: it must not be taken for a logout, nor a logout for a login.
  const isLogout = typeof events === 'object' && events !== null && 'http://schemas.openid.net/event/backchannel-logout' in events;
  const subject = subjectOf(options.issuer, sub);
  if (!isLogout || nonce !== undefined || typeof jti !== 'string' || jti.length > 256 || subject === null)
    return refused('credentials-wrong', 'a token that is no logout of anybody');
  if (memory.logouts.get(jti, tools.now()) === true) return refused('credentials-wrong', 'a logout token that was shown before');
  try {
    await tools.sessions.revokeSubject(subject);
  } catch {
    return refused('store-unavailable', 'the sessions could not be ended');
  }
  memory.logouts.set(jti, true, tools.now());
  return { status: 200, fields: ownFields('text/plain; charset=utf-8'), body: 'Signed out.\n' };
}

function onward(to: string, cookies: readonly (readonly [string, string])[]): FormAnswer {
  return { status: 303, fields: [['Location', to], ...cookies, ...ownFields('text/plain; charset=utf-8')], body: 'This way.\n' };
}

function away(exchange: Exchange, why: string): FormAnswer {
  return { is: 'challenge', code: 'issuer-unreachable', why, answer: errorReply(exchange, 'issuer-unreachable') };
}

function refused(code: Code, why: string): FormAnswer {
  return { is: 'challenge', code, why, answer: null };
}

function same(one: string, other: string): boolean {
  const [left, right] = [Buffer.from(one), Buffer.from(other)];
  return left.length === right.length && timingSafeEqual(left, right);
}
