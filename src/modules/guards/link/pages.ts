/** The pages of a link that is counted, or belongs to one browser. */

import type { Link } from '../../../contracts/tools.ts';
import type { Reply } from '../../../core/http/reply.ts';
import { noticePage } from '../../../core/pages/error.ts';
import { markup } from '../../../core/pages/markup.ts';
import { page } from '../../../core/pages/page.ts';
import { say } from '../../../core/pages/say.ts';
import type { Exchange } from '../../../core/policy/exchange.ts';

/**
 * Asks whoever came by such a link to open it. The form goes to the page's own address, so that the secret stands in no
 * page; what chats and scanners fetch beforehand sends no form.
 */
export function askPage(
  exchange: Exchange,
  { uses, browser }: Link,
  to: string,
  fields: readonly (readonly [string, string])[] = [],
): Reply {
  const words = [
    say(exchange, 'link.ask.lead', { host: exchange.host === '' ? say(exchange, 'login.here') : exchange.host }),
    ...(uses === undefined
      ? []
      : [uses.left === 1 ? say(exchange, 'link.ask.once') : say(exchange, 'link.ask.left', { count: uses.left })]),
    ...(browser === 'free' ? [say(exchange, 'link.ask.browser')] : []),
  ];
  const content = markup`<p>${words.join(' ')}</p>
<form method="post">
<input type="hidden" name="to" value="${to}">
<button autofocus>${say(exchange, 'link.ask.button')}</button>
</form>`;
  return page(exchange, { status: 200, title: say(exchange, 'link.ask.title'), content, form: 'secret', fields });
}

/** Said to whoever has the secret, and to nobody else: that it is used up is news that its owner must hear of. */
export function spentPage(exchange: Exchange): Reply {
  return noticePage(exchange, 403, { title: say(exchange, 'link.spent.title'), detail: say(exchange, 'link.spent.detail') });
}

export function insecurePage(exchange: Exchange): Reply {
  return noticePage(exchange, 403, { title: say(exchange, 'link.secure.title'), detail: say(exchange, 'link.secure.detail') });
}
