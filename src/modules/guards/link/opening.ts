/** Opening a link: `GET` where nothing is spent, and a page whose `POST` spends it where something is. */

import type { Form, FormAnswer } from '../../../contracts/guard.ts';
import type { Link, Tools } from '../../../contracts/tools.ts';
import { SallyportError } from '../../../core/errors.ts';
import { errorReply } from '../../../core/pages/error.ts';
import { ownFields } from '../../../core/pages/page.ts';
import type { Exchange } from '../../../core/policy/exchange.ts';
import { originOf } from '../../../core/policy/origin.ts';
import { returnTarget } from '../../../core/policy/return-target.ts';
import { readSessionCookie, writeSessionCookie } from '../../../core/policy/session-cookie.ts';
import { isSpent, opensFrom, opensPath, readMark, writeMark } from './bounds.ts';
import { askPage, insecurePage, spentPage } from './pages.ts';

type Refusal = Extract<FormAnswer, { is: 'challenge' }>;
type Cookie = readonly [string, string];

/** A link whose secret was shown, and where its visitor wants to go. */
type Opening = Readonly<{ exchange: Exchange; link: Link; target: string; tools: Tools }>;

const path = '/.sallyport/link/*';
const markBytes = 32;

export function linkForms(tools: Tools, service: string): readonly Form[] {
  const formOf = (method: 'GET' | 'POST'): Form => ({
    method,
    path,
    handle: async (exchange, { fields, rest }) => {
      // HEAD is no GET: it spends nothing and opens nothing.
      if (exchange.http?.method !== method) return refused(`a link is opened with ${method}`, 'credentials-missing');
      const link = findBySecret(rest, tools, service);
      if (link === null) return refused('no link of this service has that secret', 'credentials-wrong');
      if (!opensFrom(link, exchange)) return refused('the link does not open from this address', 'credentials-wrong');
      if (exchange.listener.scheme !== 'https') return insecurePage(exchange);
      const opening = { exchange, link, target: targetOf(exchange, link, fields.get('to')), tools };
      return isSpent(link) ? spend(opening, method === 'POST') : enter(opening, []);
    },
  });
  return [formOf('GET'), formOf('POST')];
}

/** At least 128 bits in base64url; anything else is not looked up. */
export function findBySecret(secret: string, tools: Tools, service: string): Link | null {
  return /^[A-Za-z0-9_-]{22,64}$/.test(secret) ? tools.links.find(secret, service) : null;
}

/** Where it leads: what was asked for, as far as the link opens it. */
function targetOf(exchange: Exchange, { path: bound }: Link, to: string | null): string {
  const home = bound ?? '/';
  const target = to === null ? null : returnTarget(to, originOf(exchange));
  if (target === null || bound === undefined) return target ?? home;
  const [plain = ''] = target.split('?', 1);
  return plain === bound || plain.startsWith(`${bound}/`) ? target : home;
}

async function spend(opening: Opening, isMeant: boolean): Promise<FormAnswer> {
  const { exchange, link, target, tools } = opening;
  const before = sessionBefore(opening);
  // Who is in already, by this link or by more than a link, spends nothing: not with a second click either.
  if (before !== null && (before.guard !== 'link' || before.subject === subjectOf(link))) return redirect(target, []);
  const mark = readMark(exchange, link.id);
  if (isMeant) return press(opening, mark);
  const isOwn = mark !== null && tools.links.isOwn(link.id, mark);
  if (link.uses?.left === 0 || (link.browser === 'taken' && !isOwn))
    return {
      is: 'challenge',
      code: 'credentials-wrong',
      why: 'the link is used up or belongs to another browser',
      answer: spentPage(exchange),
    };
  if (link.uses === undefined && isOwn) return enter(opening, []);
  // By this mark the button is known when it is pressed twice, and the browser when it was the first.
  const fresh = mark === null ? Buffer.from(tools.randomBytes(markBytes)).toString('base64url') : null;
  return askPage(exchange, link, target, fresh === null ? [] : [writeMark(link, fresh, tools.now())]);
}

/** The button was pressed. */
async function press(opening: Opening, mark: string | null): Promise<FormAnswer> {
  const { exchange, link, tools } = opening;
  try {
    const spent = await tools.links.spend(link.id, mark);
    if (spent === null)
      return {
        is: 'challenge',
        code: 'credentials-wrong',
        why: 'the link is used up or belongs to another browser',
        answer: spentPage(exchange),
      };
    return await enter(opening, spent.mark === null ? [] : [writeMark(link, spent.mark, tools.now())]);
  } catch (error) {
    return failed(exchange, error, 'the link could not be counted');
  }
}

/** A session, and on to the clean path. The secret is in no Referer, no cache and no log. */
async function enter(opening: Opening, cookies: readonly Cookie[]): Promise<FormAnswer> {
  const { exchange, link, target, tools } = opening;
  const now = tools.now();
  try {
    const before = sessionBefore(opening);
    // Who signed in with a password stays who they are: a link, which anybody may hand them, makes them nobody else.
    if (before !== null && before.guard !== 'link') return redirect(target, cookies);
    if (before !== null) await tools.sessions.revoke(before.id);
    const expires = Math.min(now + tools.limits.sessionMs, link.expires ?? Number.MAX_SAFE_INTEGER);
    const { token } = await tools.sessions.open({
      service: link.service,
      audience: exchange.host,
      guard: 'link',
      subject: subjectOf(link),
      name: nameOf(link),
      roles: [],
      revision: 0,
      expires,
      source: exchange.from.ip,
    });
    return redirect(target, [writeSessionCookie(token, Math.max(1, Math.floor((expires - now) / 1000))), ...cookies]);
  } catch (error) {
    return failed(exchange, error, 'the session could not be opened');
  }
}

export function subjectOf({ id }: Link): string {
  return `link:${id}`;
}

export function nameOf({ id, label }: Link): string {
  return label ?? `link ${id}`;
}

/** Why a link does not let in here, or null: it may be bound to a path, or to addresses. */
export function boundFault(link: Link, exchange: Exchange): string | null {
  if (!opensFrom(link, exchange)) return 'the link does not open from this address';
  return opensPath(link, exchange) ? null : 'the link does not open this path';
}

function sessionBefore({ exchange, link, tools }: Opening) {
  const cookie = readSessionCookie(exchange);
  return cookie.is === 'one' ? tools.sessions.find(cookie.token, link.service, exchange.host, exchange.from.ip) : null;
}

function redirect(target: string, cookies: readonly Cookie[]): FormAnswer {
  return { status: 303, fields: [['Location', target], ...cookies, ...ownFields('text/plain; charset=utf-8')], body: 'This way.\n' };
}

function refused(why: string, code: 'credentials-missing' | 'credentials-wrong'): Refusal {
  return { is: 'challenge', code, why, answer: null };
}

function failed(exchange: Exchange, error: unknown, why: string): Refusal {
  const code = error instanceof SallyportError ? error.code : 'store-unavailable';
  return { is: 'challenge', code, why, answer: errorReply(exchange, code) };
}
