/** Every page that a visitor can meet, as the program makes it, on one small server: for pictures, and for what can be measured. */

import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { clientNotice, clientPage } from '../../src/core/pages/client-page.ts';
import { doorPage } from '../../src/core/pages/door.ts';
import { mailedPage, mailPage, pinPage } from '../../src/core/pages/code-forms.ts';
import { errorReply, noticePage } from '../../src/core/pages/error.ts';
import { face, loginPage } from '../../src/core/pages/face.ts';
import { awayReply, blockedReply, securelyReply, unknownReply } from '../../src/core/pages/plain.ts';
import { proxyAnswer } from '../../src/core/pages/proxy-answer.ts';
import { say, sayTime } from '../../src/core/pages/say.ts';
import type { PageSettings } from '../../src/core/pages/settings.ts';
import { codes, type Code } from '../../src/core/errors.ts';
import type { Reply } from '../../src/core/http/reply.ts';
import type { Exchange } from '../../src/core/policy/exchange.ts';
import { pauseReply } from '../../src/controlplane/config/maintenance.ts';
import { pauseText } from '../../src/controlplane/config/web-schema.ts';
import { askPage, insecurePage, spentPage } from '../../src/modules/guards/link/pages.ts';
import { endPage, makePage, startPage, usePage } from '../../src/modules/guards/passkey/pages.ts';
import { codePage } from '../../src/modules/guards/totp/pages.ts';
import { upgradeNeeded as tcpPage } from '../../src/modules/upstreams/tcp.ts';
import { listingPage } from '../../src/modules/upstreams/folder/listing.ts';
import { partnerFacts as client } from '../doubles/client-facts.ts';
import { exchangeOf, navigation } from '../doubles/exchange.ts';

type Make = (exchange: Exchange) => Reply;

const to = '/photos';
const link = { id: '3f9a0c11d2', service: 'blog', createdAt: 0, expires: null, label: null } as const;
const doors = {
  name: 'ana',
  address: '2001:db8:4a7c:11f0:9c3b:52ff:fe1e:8a01',
  network: '2001:db8:4a7c:11f0::/64',
  relayed: true,
  session: true,
  now: Date.UTC(2026, 10, 21, 18, 0),
} as const;
const door = { id: 'd1', network: '2001:db8:4a7c:11f0::/64', expires: Date.UTC(2026, 10, 21, 20, 15) };

/** One code for each status that an error page has. */
function errorPages(): Readonly<Record<string, Make>> {
  const byStatus = new Map<number, Code>();
  for (const code of Object.keys(codes) as Code[]) {
    const { status } = codes[code];
    if (status !== null && !byStatus.has(status)) byStatus.set(status, code);
  }
  return Object.fromEntries(
    [...byStatus]
      .toSorted(([one], [other]) => one - other)
      .map(([status, code]) => [`error-${status}`, (each: Exchange) => errorReply(each, code)]),
  );
}

const ways = { password: true, account: true, pin: true, email: true };

export const gallery: Readonly<Record<string, Make>> = {
  login: (exchange) => face(exchange, 'credentials-missing', { password: true }),
  'login-ways': (exchange) => face(exchange, 'credentials-missing', ways),
  'login-wrong': (exchange) => loginPage(exchange, { to, said: say(exchange, 'login.wrong') }),
  'login-wait': (exchange) => loginPage(exchange, { to, said: say(exchange, 'login.wait', { time: sayTime(exchange, 600) }), status: 429 }),
  'login-long-name': (exchange) =>
    face({ ...exchange, host: `${'a-very-long-name-'.repeat(3)}of-a-blog.${'sub.'.repeat(10)}example.org` }, 'credentials-missing', ways),
  private: (exchange) => face(exchange, 'credentials-missing', { password: false }),
  account: (exchange) => face(exchange, 'credentials-missing', { password: false, account: true }),
  'account-refused': (exchange) =>
    noticePage(exchange, 403, { title: say(exchange, 'account.title'), detail: say(exchange, 'account.detail') }),
  pin: (exchange) => pinPage(exchange, { to, said: null }),
  'pin-wrong': (exchange) => pinPage(exchange, { to, said: say(exchange, 'pin.wrong') }),
  mail: (exchange) => mailPage(exchange, { to, said: null }),
  'mail-malformed': (exchange) => mailPage(exchange, { to, said: say(exchange, 'mail.malformed') }),
  'mail-code': (exchange) => mailedPage(exchange, 600_000, { to, said: null }),
  'mail-code-wrong': (exchange) => mailedPage(exchange, 600_000, { to, said: say(exchange, 'mail.code.wrong') }),
  totp: (exchange) => codePage(exchange, { asksName: false, to, passkey: true }),
  'totp-alone-wrong': (exchange) => codePage(exchange, { asksName: true, to, passkey: false, said: say(exchange, 'code.wrong') }),
  passkey: (exchange) => usePage(exchange, { options: {}, code: true }),
  'passkey-wrong': (exchange) => usePage(exchange, { options: {}, code: false, said: say(exchange, 'passkey.wrong') }),
  'enrol-start': startPage,
  enrol: (exchange) => makePage(exchange, { name: 'ana', options: {}, cookie: ['X-None', 'none'] }),
  'enrol-done': (exchange) => endPage(exchange, true, []),
  'enrol-over': (exchange) => endPage(exchange, false, []),
  'link-counted': (exchange) => askPage(exchange, { ...link, uses: { max: 3, left: 3 }, browser: 'free' }, to),
  'link-once': (exchange) => askPage(exchange, { ...link, uses: { max: 1, left: 1 } }, to),
  'link-spent': spentPage,
  'link-insecure': insecurePage,
  door: (exchange) =>
    doorPage(exchange, {
      ...doors,
      rows: [
        { service: 'minecraft', forMs: 43_200_000, open: door, others: [{ ...door, id: 'd2', network: '198.51.100.0/24' }] },
        { service: 'ssh', forMs: 3_600_000, open: null, others: [] },
      ],
    }),
  'door-exceeded': (exchange) =>
    doorPage(exchange, { ...doors, rows: [], session: false, fault: { text: say(exchange, 'door.exceeded'), status: 429 } }),
  maintenance: (exchange) => pauseReply(exchange, pauseText),
  'maintenance-own-words': (exchange) => pauseReply(exchange, 'We are moving house <this week>. Call 030 123456 if it burns.'),
  listing: (exchange) =>
    listingPage(['2026/', 'holiday in the mountains, second week.jpg', 'notes.txt', `${'long'.repeat(30)}.txt`], {
      exchange,
      title: '/photos/',
    }),
  ...errorPages(),
  tcp: tcpPage,
  'relay-away': awayReply,
  'relay-unknown': unknownReply,
  'relay-secure': securelyReply,
  'relay-blocked': (exchange) => blockedReply(exchange, 'It sent spam. Write to abuse@example.org.'),
  client: (exchange) => clientPage(exchange, client),
  'client-active': (exchange) => clientPage(exchange, { ...client, accepted: { version: '2026-11', at: 1_800_000_000_000 } }),
  'client-suspended': (exchange) =>
    clientPage(exchange, { ...client, suspended: true, why: 'The bill is open.', terms: null, refused: [] }),
  'client-notice': (exchange) =>
    clientNotice(exchange, say(exchange, 'client.terms'), say(exchange, 'client.terms.thanks'), `sp_${'Ab3'.repeat(16)}`),
  proxy: (exchange) => proxyAnswer(exchange, 'destination-missing', true, null),
  'proxy-denied': (exchange) =>
    proxyAnswer({ ...exchange, destination: { host: 'intranet.example', port: 80 } } as Exchange, 'destination-denied', true, null),
};

export type GalleryServer = Readonly<{ url: string; close: () => Promise<void> }>;

/** Serves each page below its name, with the very fields that it has; `/.sallyport/logo` where a theme wants it. */
export async function serveGallery(pages?: PageSettings, logo = ''): Promise<GalleryServer> {
  const server = createServer((request, response) => {
    const [path = ''] = (request.url ?? '').split('?');
    const make = gallery[path.slice(1)];
    if (path === '/.sallyport/logo') return response.writeHead(200, { 'Content-Type': 'image/svg+xml' }).end(logo);
    if (make === undefined) return response.writeHead(404).end();
    const { fields, body } = make(exchangeFor(request, pages));
    // 200 and no challenge: a browser keeps its console for faults.
    response.writeHead(
      200,
      fields.flatMap(([name, value]) => (name === 'WWW-Authenticate' ? [] : [name, value])),
    );
    return response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function exchangeFor(request: IncomingMessage, pages?: PageSettings): Exchange {
  const language = request.headers['accept-language'] ?? '';
  const exchange = exchangeOf({
    target: request.url ?? '/',
    host: 'blog.example.org',
    fields: [...navigation, ['Accept-Language', language]],
  });
  return pages === undefined ? exchange : { ...exchange, pages };
}
