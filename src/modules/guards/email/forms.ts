/** The forms of the guard `email`: ask for a code by mail, and show it. Whether an address gets one, no answer tells. */

import type { Form, FormAnswer } from '../../../contracts/guard.ts';
import type { Mail } from '../../../contracts/mail.ts';
import type { Tools } from '../../../contracts/tools.ts';
import { SallyportError } from '../../../core/errors.ts';
import { mailedPage, mailPage, type CodePage } from '../../../core/pages/code-forms.ts';
import { errorReply } from '../../../core/pages/error.ts';
import { ownFields } from '../../../core/pages/page.ts';
import { say, sayTime } from '../../../core/pages/say.ts';
import { signIn } from '../../../core/pages/sign-in.ts';
import { signOut } from '../../../core/pages/sign-out.ts';
import type { Exchange } from '../../../core/policy/exchange.ts';
import { mailAddress } from '../../../core/policy/mail-address.ts';
import { originOf } from '../../../core/policy/origin.ts';
import { returnTarget } from '../../../core/policy/return-target.ts';
import { askedBy, endBrowserCookie, makeCode, readBrowser, spacedCode, takeCode, typedCode } from './codes.ts';
import type { Sendings } from './sendings.ts';

export type Place = Readonly<{
  tools: Tools;
  mail: Mail;
  sendings: Sendings;
  service: string;
  admits: (address: string) => boolean;
  roles: readonly string[];
}>;

type Refusal = Extract<FormAnswer, { is: 'challenge' }>;

const codePath = '/.sallyport/mailcode';

export function emailForms(place: Place): readonly Form[] {
  const { tools, service } = place;
  return [
    { method: 'GET', path: '/.sallyport/email', handle: (exchange, { fields }) => shown(exchange, fields, mailPage) },
    { method: 'POST', path: '/.sallyport/email', handle: (exchange, { fields }) => ask(exchange, fields, place) },
    {
      method: 'GET',
      path: codePath,
      handle: (exchange, { fields }) => shown(exchange, fields, (each, more) => mailedPage(each, tools.limits.mailCodeMs, more)),
    },
    { method: 'POST', path: codePath, handle: (exchange, { fields }) => take(exchange, fields, place) },
    { method: 'POST', path: '/.sallyport/logout', handle: (exchange) => signOut(exchange, tools.sessions, service) },
  ];
}

type PageOf = (exchange: Exchange, more: CodePage) => ReturnType<typeof mailPage>;

function shown(exchange: Exchange, fields: URLSearchParams, pageOf: PageOf): FormAnswer {
  if (exchange.listener.scheme !== 'https') return plain;
  const answer = pageOf(exchange, { to: targetOf(exchange, fields), said: null });
  return { is: 'challenge', code: 'credentials-missing', why: 'a page of the login by mail was asked for', answer };
}

/** The same work for every address, but for the letter, which is put into a queue. */
async function ask(exchange: Exchange, fields: URLSearchParams, place: Place): Promise<FormAnswer> {
  const { tools, mail, sendings, service, admits } = place;
  if (exchange.listener.scheme !== 'https') return plain;
  const to = targetOf(exchange, fields);
  const [typed, ...others] = fields.getAll('email');
  const address = typed === undefined || others.length > 0 ? null : mailAddress(typed);
  if (address === null) {
    const answer = mailPage(exchange, { to, said: say(exchange, 'mail.malformed') });
    return { is: 'challenge', code: 'credentials-wrong', why: 'what was typed is no e-mail address', answer };
  }
  // Each asking counts as a guess from that network, and is never forgiven.
  const guess = await tools.logins.guesses.take(exchange, guesserOf(address));
  const waitMs = typeof guess === 'number' ? guess : sendings.take(address, guess.known, tools.now());
  if (waitMs > 0) return wait(exchange, waitMs, 'too many codes were asked for', (more) => mailPage(exchange, { to, ...more }));
  try {
    const isListed = admits(address);
    const { code, cookie } = await makeCode(address, isListed, { service, host: exchange.host }, tools);
    const time = sayTime(exchange, tools.limits.mailCodeMs / 1000);
    const letter = {
      to: address,
      subject: say(exchange, 'mail.subject', { service }),
      text: say(exchange, 'mail.text', { service, code: spacedCode(code), time }),
    };
    if (isListed) mail.send(letter);
    const location = `${codePath}?to=${encodeURIComponent(to)}`;
    return { status: 303, fields: [['Location', location], cookie, ...ownFields('text/plain; charset=utf-8')], body: 'This way.\n' };
  } catch (error) {
    return failed(exchange, error);
  }
}

async function take(exchange: Exchange, fields: URLSearchParams, place: Place): Promise<FormAnswer> {
  const { tools, service, admits, roles } = place;
  if (exchange.listener.scheme !== 'https') return plain;
  const to = targetOf(exchange, fields);
  const pageOf: PageOf = (each, more) => mailedPage(each, tools.limits.mailCodeMs, more);
  const browser = readBrowser(exchange);
  const [typed, ...others] = fields.getAll('code');
  const code = typed === undefined || others.length > 0 ? null : typedCode(typed);
  const at = { service, host: exchange.host };
  try {
    const asker = browser === null ? null : await askedBy(browser, at, tools);
    const guess = await tools.logins.guesses.take(exchange, guesserOf(asker ?? '?'));
    if (typeof guess === 'number') return wait(exchange, guess, 'too many wrong codes', (more) => pageOf(exchange, { to, ...more }));
    const email = browser === null || code === null ? null : await takeCode(browser, code, at, tools);
    // The list may be another by now.
    if (email === null || !admits(email)) {
      const answer = pageOf(exchange, { to, said: say(exchange, 'mail.code.wrong') });
      return { is: 'challenge', code: 'credentials-wrong', why: 'the code is wrong, or there is none for this browser', answer };
    }
    guess.right();
    const mark = await tools.logins.guesses.mark(exchange, guesserOf(email));
    const now = tools.now();
    const expires = now + tools.limits.sessionMs;
    const entrant = { service, guard: 'email', subject: `email:${email}`, name: email, roles, revision: 0, expires };
    const cookies = mark === null ? [endBrowserCookie] : [endBrowserCookie, mark];
    return await signIn(exchange, { sessions: tools.sessions, entrant, now, to, cookies });
  } catch (error) {
    return failed(exchange, error);
  }
}

function guesserOf(address: string) {
  return { name: `email:${address}`, revision: 0 };
}

function wait(exchange: Exchange, ms: number, why: string, pageOf: (more: Omit<CodePage, 'to'>) => ReturnType<typeof mailPage>): Refusal {
  const seconds = Math.ceil(ms / 1000);
  const said = say(exchange, 'mail.wait', { time: sayTime(exchange, seconds) });
  const answer = pageOf({ said, status: 429, fields: [['Retry-After', String(seconds)]] });
  return { is: 'challenge', code: 'credentials-throttled', why, answer };
}

function failed(exchange: Exchange, error: unknown): Refusal {
  const code = error instanceof SallyportError ? error.code : 'store-unavailable';
  return { is: 'challenge', code, why: 'the code could not be kept or looked up', answer: errorReply(exchange, code) };
}

/** A code and a cookie never travel in the clear. */
const plain: Refusal = { is: 'challenge', code: 'credentials-missing', why: 'a login by mail over plain HTTP', answer: null };

function targetOf(exchange: Exchange, fields: URLSearchParams): string {
  return returnTarget(fields.get('to') ?? '/', originOf(exchange)) ?? '/';
}
