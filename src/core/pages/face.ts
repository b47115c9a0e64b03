/** The uniform face: what a stranger is answered, whatever was asked, so that nothing can be told from it. */

import { fieldValue } from '../http/fields.ts';
import type { Reply } from '../http/reply.ts';
import type { Exchange } from '../policy/exchange.ts';
import { originOf } from '../policy/origin.ts';
import { returnTarget } from '../policy/return-target.ts';
import { mailPage, pinPage } from './code-forms.ts';
import { faultLine, faultyField } from './fault.ts';
import { markup, type Markup } from './markup.ts';
import { page } from './page.ts';
import { plainReply } from './problem.ts';
import { say, sayPlainly } from './say.ts';
import { isFromBrowser, isNavigation } from './wants.ts';

/** What this gateway takes anywhere; not what the service asked for takes, for that would tell of it. */
export type Offers = Readonly<{
  password: boolean;
  /** Of this name alone: a provider knows the names that one may sign in at, so it cannot be offered everywhere. */
  account?: boolean;
  /** Of this name alone as well: a code is that of one service, and so is a list of addresses. */
  pin?: boolean;
  email?: boolean;
  /** And so are users without a password before it. */
  passkey?: boolean;
  totp?: boolean;
}>;

/** RFC 7617: the charset is for clients that would otherwise send Latin-1. */
const basic = 'Basic realm="Sallyport", charset="UTF-8"';

/** A scheme that no browser knows, so that none opens its own dialog over our page (RFC 9110, 11.6.1 asks for some challenge). */
const own = 'Sallyport realm="Sallyport"';

/**
 * The answer to everybody who is not identified: always 401. It depends on what the visitor sent
 * and on `offers`, and on nothing else: not on the code, the path's existence, the rule, the service.
 */
export function face(exchange: Exchange, _code: 'credentials-missing' | 'credentials-wrong', offers: Offers): Reply {
  const https = exchange.listener.scheme === 'https';
  if (https && isNavigation(exchange)) {
    const to = wantedTarget(exchange);
    return offers.password
      ? loginPage(exchange, { to, said: null, account: otherWays(exchange, to, offers) })
      : withoutPassword(exchange, to, offers);
  }
  return plainReply(exchange, {
    status: 401,
    title: 'Unauthorized',
    detail: sayPlainly('error.401.detail'),
    code: 'credentials-missing',
    // A script or a stream of a page whose session has ended: asked for Basic, the browser would hold the whole page up for it.
    fields: [['WWW-Authenticate', offers.password && !(https && isFromBrowser(exchange)) ? basic : own]],
  });
}

/**
 * The place that was asked for, as far as one can return there; `/` otherwise. What was posted is lost:
 * whose session had ended meanwhile comes back to the page with the form.
 */
function wantedTarget(exchange: Exchange): string {
  const { http } = exchange;
  if (http === null) return '/';
  const wanted = http.method === 'GET' ? http.target : (fieldValue(http.fields, 'referer') ?? '/');
  return returnTarget(wanted, originOf(exchange)) ?? '/';
}

/** The login form; `said` is what went wrong the last time. Status 401 unless another is given. */
export function loginPage(
  exchange: Exchange,
  {
    to,
    said,
    status = 401,
    fields = [],
    account = null,
  }: Readonly<{
    to: string;
    said: string | null;
    status?: number;
    fields?: readonly (readonly [string, string])[];
    /** Another way to sign in. */
    account?: Markup | null;
  }>,
): Reply {
  const content = markup`<p>${say(exchange, 'login.lead', { host: exchange.host === '' ? say(exchange, 'login.here') : exchange.host })}</p>
${faultLine(said)}<form method="post" action="/.sallyport/login">
<input type="hidden" name="to" value="${to}">
<label for="user">${say(exchange, 'login.name')}</label>
<input id="user" name="user" autocomplete="username" autocapitalize="none" spellcheck="false" maxlength="64" required autofocus${faultyField(said)}>
<label for="password">${say(exchange, 'login.password')}</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<button>${say(exchange, 'login.button')}</button>
</form>
${account}<p class="soft">${say(exchange, 'login.hint')}</p>`;
  const challenge: readonly (readonly [string, string])[] = status === 401 ? [['WWW-Authenticate', own]] : [];
  return page(exchange, { status, title: say(exchange, 'face.title'), content, form: true, fields: [...challenge, ...fields] });
}

/** What is the only way in needs no click before it. */
function withoutPassword(exchange: Exchange, to: string, offers: Offers): Reply {
  if (alone('pin', offers)) return pinPage(exchange, { to, said: null });
  if (alone('email', offers)) return mailPage(exchange, { to, said: null });
  return privatePage(exchange, otherWays(exchange, to, offers));
}

/** Whether it is the one way in. */
function alone(way: keyof Offers, offers: Offers): boolean {
  return offers[way] === true && Object.values(offers).filter((offered) => offered).length === 1;
}

function otherWays(exchange: Exchange, to: string, { account, pin, email, passkey, totp }: Offers): Markup | null {
  const query = encodeURIComponent(to);
  const ways = [
    ...(account === true ? [accountLink(exchange, to)] : []),
    ...(passkey === true ? [markup`<p><a href="/.sallyport/withpasskey?to=${query}">${say(exchange, 'login.passkey')}</a></p>\n`] : []),
    ...(totp === true ? [markup`<p><a href="/.sallyport/withcode?to=${query}">${say(exchange, 'login.code')}</a></p>\n`] : []),
    ...(email === true ? [markup`<p><a href="/.sallyport/email?to=${query}">${say(exchange, 'mail.way')}</a></p>\n`] : []),
    ...(pin === true ? [markup`<p><a href="/.sallyport/pin?to=${query}">${say(exchange, 'pin.way')}</a></p>\n`] : []),
  ];
  return ways.length === 0 ? null : markup`${ways}`;
}

/** A link and no form: under `form-action` a browser follows no redirect of a form to the provider (CSP 3, 6.4.1). */
function accountLink(exchange: Exchange, to: string): Markup {
  return markup`<p><a href="/.sallyport/oidc?to=${encodeURIComponent(to)}">${say(exchange, 'login.account')}</a></p>\n`;
}

function privatePage(exchange: Exchange, account: Markup | null): Reply {
  const content = markup`${account}<p>${say(exchange, 'face.link')}</p>`;
  return page(exchange, { status: 401, title: say(exchange, 'face.title'), content, fields: [['WWW-Authenticate', own]] });
}
