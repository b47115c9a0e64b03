/** The pages of a proxy for its clients: what is whose is decided by who was identified, and by nothing that was sent. */

import type { Client, Clients } from '../../../contracts/clients.ts';
import type { PageAnswer, PageForm } from '../../../contracts/guard.ts';
import { clientNotice, clientPage, type ClientFacts, type ShownTerms } from '../../../core/pages/client-page.ts';
import type { ProxyPlace } from '../../../core/pages/client-setup.ts';
import { markup } from '../../../core/pages/markup.ts';
import { clientPagePath } from '../../../core/pages/proxy-answer.ts';
import { say } from '../../../core/pages/say.ts';
import type { Exchange } from '../../../core/policy/exchange.ts';

export type Agreed = ClientFacts['agreed'];

export type PageTools = Readonly<{ clients: Clients; terms: ShownTerms | null; agreed: Agreed; now: () => number }>;

/** A program has a day to be told of its new key. */
const overlapMs = 86_400_000;

export function clientPages(tools: PageTools): readonly PageForm[] {
  return [
    { method: 'GET', path: clientPagePath, handle: (exchange) => withClient(exchange, tools, (client) => shown(exchange, client, tools)) },
    {
      method: 'POST',
      path: `${clientPagePath}/accept`,
      handle: (exchange, { fields }) => withClient(exchange, tools, (client) => accept(exchange, client, fields, tools)),
    },
    {
      method: 'POST',
      path: `${clientPagePath}/rotate`,
      handle: (exchange, { fields }) => withClient(exchange, tools, (client) => rotate(exchange, client, fields, tools)),
    },
  ];
}

/** Whether a client has accepted the terms as they are now: another text under the same version is another one. */
export function hasAccepted({ accepted }: Client, terms: ShownTerms | null): boolean {
  return terms === null || (accepted !== null && accepted.version === terms.version && accepted.hash === terms.hash);
}

async function withClient(exchange: Exchange, { clients }: PageTools, work: (client: Client) => Promise<PageAnswer>): Promise<PageAnswer> {
  const client = clients.of(exchange.identity);
  return client === null ? clientNotice(exchange, say(exchange, 'proxy.title'), say(exchange, 'client.stranger')) : work(client);
}

async function shown(exchange: Exchange, client: Client, tools: PageTools, notice: string | null = null): Promise<PageAnswer> {
  const { clients, terms, agreed } = tools;
  const { refused, ...measured } = await clients.measured(client.name);
  const said = notice === null ? null : markup`<p class="fault">${notice}</p>\n`;
  const facts: ClientFacts = {
    name: client.name,
    user: exchange.identity?.name ?? client.name,
    byCertificate: exchange.identity?.by === 'certificate',
    place: placeOf(exchange),
    suspended: client.state === 'suspended',
    why: client.why,
    terms,
    accepted: hasAccepted(client, terms) ? client.accepted : null,
    limits: client.limits,
    used: clients.used(client.name),
    agreed,
    measured,
    refused,
    keys: keysOf(client),
    overlapHours: overlapMs / 3_600_000,
  };
  return clientPage(exchange, facts, said);
}

/** What is accepted is what was read: the form says which text it stood under. */
async function accept(exchange: Exchange, client: Client, fields: URLSearchParams, tools: PageTools): Promise<PageAnswer> {
  const { clients, terms, now } = tools;
  const isCurrent = terms !== null && fields.get('version') === terms.version && fields.get('hash') === terms.hash;
  if (!isCurrent) return shown(exchange, client, tools, say(exchange, 'client.terms.changed'));
  const { version, hash } = terms;
  await clients.accept(client.name, { version, hash, at: now(), by: exchange.identity?.subject ?? '' });
  return {
    is: 'done',
    answer: clientNotice(exchange, say(exchange, 'client.terms'), say(exchange, 'client.terms.thanks')),
    why: `the client ${client.name} accepted the terms ${version}, SHA-256 ${hash}`,
  };
}

async function rotate(exchange: Exchange, client: Client, fields: URLSearchParams, tools: PageTools): Promise<PageAnswer> {
  const key = keysOf(client).find((each) => each === fields.get('key'));
  // Who is suspended gets nothing new.
  if (key === undefined || client.state === 'suspended') return shown(exchange, client, tools);
  const secret = await tools.clients.rotate(key, overlapMs);
  return {
    is: 'done',
    answer: clientNotice(exchange, say(exchange, 'client.key'), say(exchange, 'client.key.new'), secret),
    why: `the client ${client.name} made a new text for the key ${key}`,
  };
}

function keysOf({ members }: Client): readonly string[] {
  return members.filter((each) => each.startsWith('key:')).map((each) => each.slice('key:'.length));
}

/** As the client itself reaches it. */
function placeOf({ listener, http, host }: Exchange): ProxyPlace {
  const scheme = listener.scheme === 'http' ? 'http' : 'https';
  return { scheme, host, port: http?.authority.port ?? (scheme === 'http' ? 80 : 443) };
}
