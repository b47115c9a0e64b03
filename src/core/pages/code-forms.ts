/** Forms with one field: a code that one was told, an address for a code by mail, and that code. */

import type { Reply } from '../http/reply.ts';
import type { Exchange } from '../policy/exchange.ts';
import { faultLine, faultyField } from './fault.ts';
import { markup, type Markup } from './markup.ts';
import { page } from './page.ts';
import { say, sayTime } from './say.ts';

export type CodePage = Readonly<{
  /** Where it leads: a target on this very site. */
  to: string;
  /** What went wrong the last time. */
  said: string | null;
  /** 401 unless another is given. */
  status?: number;
  fields?: readonly (readonly [string, string])[];
}>;

/** A scheme that no browser knows, as on the face (RFC 9110, 11.6.1 asks for some challenge). */
const challenge: readonly [string, string] = ['WWW-Authenticate', 'Sallyport realm="Sallyport"'];

/** The short code of a service. */
export function pinPage(exchange: Exchange, { to, ...more }: CodePage): Reply {
  const form = markup`<form method="post" action="/.sallyport/pin">
<input type="hidden" name="to" value="${to}">
<label for="pin">${say(exchange, 'pin.label')}</label>
<input id="pin" name="pin" type="password" inputmode="numeric" autocomplete="off" maxlength="20" required autofocus${faultyField(more.said)}>
<button>${say(exchange, 'pin.button')}</button>
</form>`;
  return formPage(exchange, more, { lead: say(exchange, 'pin.lead', { host: placeOf(exchange) }), form, hint: null });
}

/** The address that a code is sent to. */
export function mailPage(exchange: Exchange, { to, ...more }: CodePage): Reply {
  const form = markup`<form method="post" action="/.sallyport/email">
<input type="hidden" name="to" value="${to}">
<label for="email">${say(exchange, 'mail.label')}</label>
<input id="email" name="email" type="email" autocomplete="email" maxlength="254" required autofocus${faultyField(more.said)}>
<button>${say(exchange, 'mail.button')}</button>
</form>`;
  return formPage(exchange, more, { lead: say(exchange, 'mail.lead', { host: placeOf(exchange) }), form, hint: null });
}

/** The code that came by mail; whether one was sent, the page does not say. */
export function mailedPage(exchange: Exchange, lifeMs: number, { to, ...more }: CodePage): Reply {
  const form = markup`<form method="post" action="/.sallyport/mailcode">
<input type="hidden" name="to" value="${to}">
<label for="code">${say(exchange, 'mail.code.label')}</label>
<input id="code" name="code" inputmode="numeric" autocomplete="one-time-code" maxlength="20" required autofocus${faultyField(more.said)}>
<button>${say(exchange, 'mail.code.button')}</button>
</form>`;
  const hint = markup`<p class="soft">${say(exchange, 'mail.code.hint')} <a href="/.sallyport/email?to=${encodeURIComponent(to)}">${say(exchange, 'mail.code.again')}</a></p>`;
  return formPage(exchange, more, { lead: say(exchange, 'mail.code.lead', { time: sayTime(exchange, lifeMs / 1000) }), form, hint });
}

type Parts = Readonly<{ lead: string; form: Markup; hint: Markup | null }>;

function formPage(exchange: Exchange, { said, status = 401, fields = [] }: Omit<CodePage, 'to'>, { lead, form, hint }: Parts): Reply {
  const content = markup`<p>${lead}</p>
${faultLine(said)}${form}
${hint}`;
  return page(exchange, {
    status,
    title: say(exchange, 'face.title'),
    content,
    form: true,
    fields: status === 401 ? [challenge, ...fields] : fields,
  });
}

function placeOf(exchange: Exchange): string {
  return exchange.host === '' ? say(exchange, 'login.here') : exchange.host;
}
