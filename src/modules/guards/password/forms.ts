/** The forms of the guard `password`: sign in, sign out, and the page to do it on. */

import type { Form, FormAnswer } from '../../../contracts/guard.ts';
import type { Tools } from '../../../contracts/tools.ts';
import { errorReply } from '../../../core/pages/error.ts';
import { loginPage } from '../../../core/pages/face.ts';
import { say, sayTime } from '../../../core/pages/say.ts';
import { isNavigation } from '../../../core/pages/wants.ts';
import type { Exchange } from '../../../core/policy/exchange.ts';
import type { LoginPlace } from '../../../core/policy/login-steps.ts';
import { foreignOrigin, originOf } from '../../../core/policy/origin.ts';
import { returnTarget } from '../../../core/policy/return-target.ts';
import { signOut } from '../../../core/pages/sign-out.ts';
import type { Door, Proof } from './door.ts';

/** `opens` false: right words are answered as wrong ones (see `Decoy`). */
type Place = Readonly<{ door: Door; tools: Tools; place: LoginPlace; opens: boolean }>;

export function passwordForms(at: Place): readonly Form[] {
  const { tools, place } = at;
  return [
    // The page itself is the uniform face: who asks for it directly learns nothing of the service either.
    {
      method: 'GET',
      path: '/.sallyport/login',
      handle: () => ({ is: 'challenge', code: 'credentials-missing', why: 'the login page was asked for', answer: null }),
    },
    { method: 'POST', path: '/.sallyport/login', handle: (exchange, { fields }) => signIn(exchange, fields, at) },
    { method: 'POST', path: '/.sallyport/logout', handle: (exchange) => signOut(exchange, tools.sessions, place.service) },
  ];
}

async function signIn(exchange: Exchange, fields: URLSearchParams, { door, tools, place, opens }: Place): Promise<FormAnswer> {
  // A cookie never travels in the clear; there the answer is Basic, as everywhere.
  if (exchange.listener.scheme !== 'https')
    return { is: 'challenge', code: 'credentials-missing', why: 'a login over plain HTTP', answer: null };
  // Without this somebody else's page could sign the visitor in as somebody else (login CSRF).
  const forged = foreignOrigin(exchange);
  if (forged !== null) return { is: 'challenge', ...forged, answer: errorReply(exchange, forged.code) };
  const to = returnTarget(only(fields, 'to') ?? '/', originOf(exchange)) ?? '/';
  const user = only(fields, 'user')?.trim() ?? null;
  const password = only(fields, 'password');
  if (user === null || password === null)
    return again(exchange, to, { is: 'wrong', why: 'the form was sent without a name or a password' });
  // The key stands beside those of Basic, and can equal none: no base64 has a NUL.
  const proof = await door.prove(exchange, { user, password }, door.keyOf(`form\0${user}\0${password}`));
  if (proof.is !== 'right') return again(exchange, to, proof);
  if (!opens) return again(exchange, to, { is: 'wrong', why: 'right credentials, and nothing to open with them' });
  // The first factor of its way: what was begun before is forgotten.
  const { sessionMs } = tools.limits;
  return tools.logins.steps.proved(exchange, { place, factor: 'password', user: proof.user, begun: null, to, sessionMs });
}

/** The form once more, with one sentence that is the same whoever was named. */
function again(exchange: Exchange, to: string, proof: Exclude<Proof, { is: 'right' }>): FormAnswer {
  const { why } = proof;
  if (proof.is === 'wrong')
    return {
      is: 'challenge',
      code: 'credentials-wrong',
      why,
      answer: loginPage(exchange, { to, said: say(exchange, 'login.wrong') }),
    };
  const fields: readonly (readonly [string, string])[] = [['Retry-After', String(proof.seconds)]];
  const said = proof.seconds < 5 ? say(exchange, 'login.busy') : say(exchange, 'login.wait', { time: sayTime(exchange, proof.seconds) });
  const answer = isBrowser(exchange)
    ? loginPage(exchange, { to, said, status: 429, fields })
    : errorReply(exchange, 'credentials-throttled', { retryAfterSeconds: proof.seconds });
  return { is: 'challenge', code: 'credentials-throttled', why, answer };
}

/** The form comes by POST, which no page is asked for with; a browser still says what it reads. */
function isBrowser(exchange: Exchange): boolean {
  return exchange.http !== null && isNavigation({ ...exchange, http: { ...exchange.http, method: 'GET' } });
}

/** The value of a field that stands once; two of one name are no answer. */
function only(fields: URLSearchParams, name: string): string | null {
  const [value, ...rest] = fields.getAll(name);
  return value === undefined || rest.length > 0 ? null : value;
}
