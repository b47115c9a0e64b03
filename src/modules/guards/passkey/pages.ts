/** The pages on which passkeys are used and made. */

import type { Reply } from '../../../core/http/reply.ts';
import { faultLine } from '../../../core/pages/fault.ts';
import { markup, type Markup } from '../../../core/pages/markup.ts';
import { page } from '../../../core/pages/page.ts';
import { say } from '../../../core/pages/say.ts';
import type { Exchange } from '../../../core/policy/exchange.ts';
import { passkeyScript } from './script.ts';

export type UsePage = Readonly<{
  /** What the browser is asked to sign. */
  options: object;
  /** Whether a code would do instead. */
  code: boolean;
  /** What went wrong the last time. */
  said?: string;
  status?: number;
  fields?: readonly (readonly [string, string])[];
}>;

const challenge: readonly [string, string] = ['WWW-Authenticate', 'Sallyport realm="Sallyport"'];

/** Status 401 unless another is given: nobody is signed in yet. */
export function usePage(exchange: Exchange, { options, code, said, status = 401, fields = [] }: UsePage): Reply {
  const fault = faultLine(said ?? null);
  const other = code ? markup`\n<p><a href="/.sallyport/totp">${say(exchange, 'passkey.code')}</a></p>` : null;
  const content = markup`<p>${say(exchange, 'passkey.lead', { host: exchange.host })}</p>
${fault}${ceremony(exchange, '/.sallyport/passkey', options, say(exchange, 'passkey.button'))}${other}`;
  return page(exchange, {
    status,
    title: say(exchange, 'passkey.title'),
    content,
    form: true,
    fields: status === 401 ? [challenge, ...fields] : fields,
    script: passkeyScript,
  });
}

/** The same for everybody: what invites stands behind the # of the address, and is not sent before the button is pressed. */
export function startPage(exchange: Exchange): Reply {
  const content = markup`<p>${say(exchange, 'enrol.start', { host: exchange.host })}</p>
${noScript(exchange)}<form method="post" action="/.sallyport/enrol" data-passkey="">
<input type="hidden" name="invitation" value="">
<button>${say(exchange, 'enrol.go')}</button>
</form>`;
  return page(exchange, { status: 200, title: say(exchange, 'enrol.title'), content, form: true, script: passkeyScript });
}

export type MakePage = Readonly<{ name: string; options: object; cookie: readonly [string, string] }>;

export function makePage(exchange: Exchange, { name, options, cookie }: MakePage): Reply {
  const content = markup`<p>${say(exchange, 'enrol.lead', { name, host: exchange.host })}</p>
${ceremony(exchange, '/.sallyport/enrol', options, say(exchange, 'enrol.button'))}`;
  return page(exchange, {
    status: 200,
    title: say(exchange, 'enrol.title'),
    content,
    form: true,
    fields: [cookie],
    script: passkeyScript,
  });
}

/** It was made, or the link opens nothing (any more). */
export function endPage(exchange: Exchange, made: boolean, fields: readonly (readonly [string, string])[]): Reply {
  const content = made
    ? markup`<p>${say(exchange, 'enrol.done')}</p>
<p><a href="/">${say(exchange, 'enrol.open', { host: exchange.host })}</a></p>`
    : markup`<p>${say(exchange, 'enrol.over')}</p>`;
  return page(exchange, { status: made ? 200 : 403, title: say(exchange, 'enrol.title'), content, fields });
}

function ceremony(exchange: Exchange, path: string, options: object, button: string): Markup {
  return markup`${noScript(exchange)}<p class="fault" role="alert" id="failed" hidden>${say(exchange, 'passkey.failed')}</p>
<form method="post" action="${path}" data-passkey="${JSON.stringify(options)}">
<input type="hidden" name="credential" value="">
<button>${button}</button>
</form>`;
}

function noScript(exchange: Exchange): Markup {
  return markup`<noscript><p class="fault">${say(exchange, 'passkey.script')}</p></noscript>\n`;
}
