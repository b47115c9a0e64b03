/** The page of doors: which services let this address in, until when, and a button for each. */

import { durationWords } from '../duration.ts';
import type { Reply } from '../http/reply.ts';
import type { Exchange } from '../policy/exchange.ts';
import { markup, type Markup } from './markup.ts';
import { page } from './page.ts';
import { say } from './say.ts';

/** `expires` in milliseconds since 1970. */
export type ShownDoor = Readonly<{ id: string; network: string; expires: number }>;

export type DoorRow = Readonly<{
  service: string;
  forMs: number;
  /** For the address of this visitor; null while it is closed. */
  open: ShownDoor | null;
  /** Of the same person, for other addresses. */
  others: readonly ShownDoor[];
}>;

export type DoorPage = Readonly<{
  /** As it is shown to people. */
  name: string;
  address: string;
  /** What is let in where that is more than the address. */
  network: string | null;
  relayed: boolean;
  rows: readonly DoorRow[];
  /** Whether there is a session to sign out of. */
  session: boolean;
  now: number;
  /** What went wrong, with the status of the page. */
  fault?: Readonly<{ text: string; status: number }>;
}>;

/** Where the page is, and where its forms go. */
export const doorPath = '/.sallyport/door';

export function doorPage(exchange: Exchange, facts: DoorPage): Reply {
  const { name, address, network, relayed, rows, session, now, fault } = facts;
  const about = [
    ...(relayed ? [say(exchange, 'door.relay')] : []),
    ...(network === null ? [] : [say(exchange, 'door.network', { network })]),
  ];
  const content = markup`<p>${say(exchange, 'door.who', { name, address })}</p>${about.length === 0 ? null : markup`<p class="soft">${about.join(' ')}</p>`}
${fault === undefined ? null : markup`<p class="fault" role="alert">${fault.text}</p>\n`}${
    rows.length === 0 ? markup`<p>${say(exchange, 'door.nothing')}</p>\n` : null
  }${rows.map((row) => rowOf(exchange, row, now))}<p class="soft">${say(exchange, 'door.neighbours')}</p>
${session ? signOutForm(exchange) : null}`;
  return page(exchange, { status: fault?.status ?? 200, title: say(exchange, 'door.title'), content, form: true });
}

function rowOf(exchange: Exchange, { service, forMs, open, others }: DoorRow, now: number): Markup {
  const span = durationWords(forMs);
  const state =
    open === null
      ? say(exchange, 'door.closed', { service })
      : say(exchange, 'door.open', { service, time: timeOf(open.expires), left: durationWords(open.expires - now) });
  const deed = say(exchange, open === null ? 'door.deed.open' : 'door.deed.longer', { service, span });
  const opening = form({ field: 'service', value: service, deed: 'open', quiet: open !== null }, deed);
  const closing =
    open === null ? null : form({ field: 'id', value: open.id, deed: 'close', quiet: true }, say(exchange, 'door.deed.close', { service }));
  const also = others.map(
    ({ id, network, expires }) => markup`<p>${say(exchange, 'door.also', { service, network, time: timeOf(expires) })}</p>
${form({ field: 'id', value: id, deed: 'close', quiet: true }, say(exchange, 'door.deed.also', { service, network }))}`,
  );
  return markup`<p><strong>${state}</strong></p>
${closing}${opening}${also}`;
}

type Deed = Readonly<{ field: 'service' | 'id'; value: string; deed: 'open' | 'close'; quiet: boolean }>;

/** No script: a button sends the form, to our own origin alone. What is quiet is not what most people came for. */
function form({ field, value, deed, quiet }: Deed, words: string): Markup {
  return markup`<form method="post" action="${doorPath}">
<input type="hidden" name="${field}" value="${value}">
<button name="do" value="${deed}"${quiet ? markup` class="quiet"` : null}>${words}</button>
</form>
`;
}

function signOutForm(exchange: Exchange): Markup {
  return markup`<form method="post" action="/.sallyport/logout">
<button class="quiet">${say(exchange, 'door.signout.deed')}</button>
</form>
<p class="soft">${say(exchange, 'door.signout')}</p>`;
}

/** `2026-11-21 20:15`: without a script nobody knows the visitor's clock. */
function timeOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 16).replace('T', ' ');
}
