/** Logins that are on their way: kept in the browser, sealed, until all factors of a way were shown; then a session. */

import { z } from 'zod';
import type { Codes, Guesses, LoginSteps, ProvedStep } from '../../../contracts/logins.ts';
import type { Passkeys } from '../../../contracts/passkeys.ts';
import type { Sessions } from '../../../contracts/tools.ts';
import { SallyportError } from '../../../core/errors.ts';
import type { Limits } from '../../../core/limits.ts';
import { errorReply } from '../../../core/pages/error.ts';
import { ownFields } from '../../../core/pages/page.ts';
import type { Exchange } from '../../../core/policy/exchange.ts';
import { factorPath, factors, nextFactors, type BegunLogin, type Factor } from '../../../core/policy/login-steps.ts';
import { Memo } from '../../../core/policy/memo.ts';
import { originOf } from '../../../core/policy/origin.ts';
import { cookieValues, readSessionCookie, writeSessionCookie } from '../../../core/policy/session-cookie.ts';

/** `__Host-`: no sibling can plant it; what is ours by its name never reaches a service. */
const stepCookie = '__Host-sallyport-step';

/** The longest target, twice encoded, and a name fit into it; browsers take 4,096 (RFC 6265, 6.1). */
const cookieCharsMax = 3_800;
const idBytes = 16;

const sealedLogin = z.strictObject({
  /** It goes on at the place where it was begun, and nowhere else. */
  place: z.string(),
  id: z.string(),
  user: z.string(),
  revision: z.number(),
  shown: z.array(z.enum(factors)),
  to: z.string(),
  exp: z.number(),
});

const algorithms = { keyManagementAlgorithms: ['dir'], contentEncryptionAlgorithms: ['A256GCM'] };

export type StepTools = Readonly<{
  now: () => number;
  randomBytes: (count: number) => Uint8Array;
  limits: Limits;
  sessions: Sessions;
  guesses: Guesses;
  codes: Pick<Codes, 'has'>;
  passkeys: Pick<Passkeys, 'of'>;
}>;

/** The key is new at each start: who is in the middle of a login begins again. */
export function createSteps(tools: StepTools): LoginSteps {
  const { now, randomBytes, limits } = tools;
  const key = randomBytes(32);
  const over = new Memo<true>(limits.guessKeysMax, limits.loginMs);

  const begun = async (exchange: Exchange, service: string): Promise<BegunLogin | null> => {
    if (exchange.http === null || exchange.listener.scheme !== 'https') return null;
    const [text, ...others] = cookieValues(exchange.http.fields, stepCookie);
    if (text === undefined || others.length > 0 || text.length > cookieCharsMax) return null;
    try {
      const { jwtDecrypt } = await jose();
      const { payload } = await jwtDecrypt(text, key, { ...algorithms, currentDate: new Date(now()), requiredClaims: ['exp'] });
      const { place, exp: _exp, ...login } = sealedLogin.parse(payload);
      return place === placeOf(exchange, service) && over.get(login.id, now()) !== true ? login : null;
    } catch {
      return null;
    }
  };

  const sealed = async (exchange: Exchange, service: string, login: BegunLogin): Promise<readonly [string, string] | null> => {
    const { EncryptJWT } = await jose();
    const text = await new EncryptJWT({ ...login, shown: [...login.shown], place: placeOf(exchange, service) })
      .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
      .setExpirationTime(Math.floor((now() + limits.loginMs) / 1000))
      .encrypt(key);
    return text.length > cookieCharsMax ? null : stepField(text, Math.floor(limits.loginMs / 1000));
  };

  const onward = async (exchange: Exchange, step: ProvedStep, shown: readonly Factor[], next: Factor) => {
    const { place, user, to } = step;
    const id = Buffer.from(randomBytes(idBytes)).toString('base64url');
    const login: BegunLogin = { id, user: user.name, revision: user.revision, shown, to };
    const cookie = (await sealed(exchange, place.service, login)) ?? (await sealed(exchange, place.service, { ...login, to: '/' }));
    return seeOther(factorPath[next], cookie === null ? [] : [cookie], 'This way.\n');
  };

  return {
    begun,
    proved: async (exchange, step) => {
      const { place, factor, user, begun: before } = step;
      // Whatever comes of it, that one does not go on twice. Nothing is awaited between the question and this.
      if (before !== null && over.get(before.id, now()) === true)
        return { is: 'challenge', code: 'credentials-wrong', why: 'a login that has gone on already', answer: null };
      if (before !== null) over.set(before.id, true, now());
      const shown = [...(before?.shown ?? []), factor];
      try {
        if (shown.length === place.way.length) return await opened(exchange, step, shown, tools);
        const possible = nextFactors(shown, place.ways);
        const next = possible.find((each) => hasFactor(user.name, each, exchange, tools)) ?? place.way[shown.length];
        if (next === undefined) throw new TypeError('a way that ends before its factors');
        return await onward(exchange, step, shown, next);
      } catch (error) {
        const code = error instanceof SallyportError ? error.code : 'store-unavailable';
        return { is: 'challenge', code, why: 'the session could not be opened', answer: errorReply(exchange, code) };
      }
    },
  };
}

/** Read when the first login goes on: commands that open the store have none. */
function jose(): Promise<typeof import('jose')> {
  return import('jose');
}

/** The service, at this name and port. */
function placeOf(exchange: Exchange, service: string): string {
  return JSON.stringify([service, originOf(exchange)]);
}

function hasFactor(user: string, factor: Factor, { host }: Exchange, { codes, passkeys }: StepTools): boolean {
  if (factor === 'totp') return codes.has(user);
  return factor === 'passkey' && passkeys.of(user, host).length > 0;
}

/** A new session with a new token, whatever cookie the browser came with (fixation); the old one ends. */
async function opened(exchange: Exchange, step: ProvedStep, shown: readonly Factor[], { sessions, guesses, now }: StepTools) {
  const { place, user, to, sessionMs } = step;
  const { service } = place;
  const before = readSessionCookie(exchange);
  const old = before.is === 'one' ? sessions.find(before.token, service, exchange.host, exchange.from.ip) : null;
  if (old !== null) await sessions.revoke(old.id);
  const { name, roles, revision } = user;
  const { token } = await sessions.open({
    service,
    audience: exchange.host,
    guard: place.way[0] ?? step.factor,
    ...(shown.length === 1 ? {} : { shown }),
    subject: `user:${name}`,
    name,
    roles,
    revision,
    expires: now() + sessionMs,
    source: exchange.from.ip,
  });
  const mark = await guesses.mark(exchange, user);
  const cookies = [writeSessionCookie(token, Math.floor(sessionMs / 1000)), ...(mark === null ? [] : [mark])];
  return seeOther(to, step.begun === null ? cookies : [...cookies, stepField('', 0)], 'Signed in.\n');
}

function stepField(value: string, seconds: number): readonly [string, string] {
  return ['Set-Cookie', `${stepCookie}=${value}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=${seconds}`];
}

function seeOther(to: string, cookies: readonly (readonly [string, string])[], body: string) {
  return { status: 303, fields: [['Location', to], ...cookies, ...ownFields('text/plain; charset=utf-8')] as const, body };
}
