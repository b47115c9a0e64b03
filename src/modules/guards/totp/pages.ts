/** The page that asks for a code. */

import type { Reply } from '../../../core/http/reply.ts';
import { faultLine, faultyField } from '../../../core/pages/fault.ts';
import { markup } from '../../../core/pages/markup.ts';
import { page } from '../../../core/pages/page.ts';
import { say } from '../../../core/pages/say.ts';
import type { Exchange } from '../../../core/policy/exchange.ts';

export type CodePage = Readonly<{
  /** Where nothing was shown before: then it asks who it is, too. */
  asksName: boolean;
  to: string;
  /** Whether a passkey would do instead. */
  passkey: boolean;
  /** What went wrong the last time. */
  said?: string;
  status?: number;
  fields?: readonly (readonly [string, string])[];
}>;

/** Status 401 unless another is given: nobody is signed in yet. */
export function codePage(exchange: Exchange, { asksName, to, passkey, said, status = 401, fields = [] }: CodePage): Reply {
  const fault = said ?? null;
  const hidden = markup`<input type="hidden" name="to" value="${to}">\n`;
  const name = asksName
    ? markup`${hidden}<label for="user">${say(exchange, 'login.name')}</label>
<input id="user" name="user" autocomplete="username" autocapitalize="none" spellcheck="false" maxlength="64" required autofocus${faultyField(fault)}>\n`
    : null;
  const focus = asksName ? null : markup` autofocus${faultyField(fault)}`;
  const other = passkey ? markup`<p><a href="/.sallyport/passkey">${say(exchange, 'code.passkey')}</a></p>\n` : null;
  // One field for both kinds, so it has no number pad: people have either at hand, and few pages know which.
  const content = markup`<p>${say(exchange, 'code.lead')}</p>
${faultLine(fault)}<form method="post" action="/.sallyport/totp">
${name}<label for="code">${say(exchange, 'code.code')}</label>
<input id="code" name="code" autocomplete="one-time-code" autocapitalize="none" spellcheck="false" maxlength="64" required${focus}>
<button>${say(exchange, 'login.button')}</button>
</form>
${other}<p class="soft">${say(exchange, 'code.hint')}</p>`;
  const challenge: readonly (readonly [string, string])[] = status === 401 ? [['WWW-Authenticate', 'Sallyport realm="Sallyport"']] : [];
  return page(exchange, { status, title: say(exchange, 'code.title'), content, form: true, fields: [...challenge, ...fields] });
}
