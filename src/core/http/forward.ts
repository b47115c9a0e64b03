/** Heads as they are sent on: to the service, and back to the visitor. Latin-1 text, ready to write. */

import { onePiece } from '../one-piece.ts';
import { connectionNames } from './connection.ts';
import { type Fields, fieldValue } from './fields.ts';
import type { Framing, RequestHead, ResponseHead } from './head.ts';
import { authorityText } from './host.ts';
import { setsOwnCookie, withoutOwnCookies } from './own-cookies.ts';
import { isProtected, isRemovedFromRequest, isRemovedFromResponse } from './removed-fields.ts';
import { phraseOf } from './phrases.ts';
import type { Reply } from './reply.ts';
import { writableField, writableValue } from './writable.ts';

/** What the connection is for after this message. */
export type Persistence = 'keep-alive' | 'close' | 'upgrade';

/** The name we sign Via with: a pseudonym (RFC 9110, 7.6.3). */
export const pseudonym = 'sallyport';

/** The visitor's address, canonical and without brackets; what they spoke to us, and the port they dialled. */
export type VisitorFacts = Readonly<{ from: string; scheme: 'http' | 'https'; port: number; version?: '2.0' }>;

/**
 * X-Forwarded-*, Forwarded (RFC 7239), X-Real-IP and Via, as ours alone: what a service is told of one visitor.
 * The same for every request of a connection as long as the host is, so the text is kept.
 */
export class VisitorLines {
  readonly #facts: VisitorFacts;
  /** What the text was made for: one object as long as a connection asks for the same host, or another that is equal. */
  #authority: RequestHead['authority'] | null = null;
  #minor: 0 | 1 = 1;
  #text = '';

  constructor(facts: VisitorFacts) {
    this.#facts = facts;
  }

  get scheme(): VisitorFacts['scheme'] {
    return this.#facts.scheme;
  }
  get version(): VisitorFacts['version'] {
    return this.#facts.version;
  }

  /** The same of another visitor, who came by the same connection. */
  from(ip: string): VisitorLines {
    return ip === this.#facts.from ? this : new VisitorLines({ ...this.#facts, from: ip });
  }

  of({ authority, minor }: RequestHead): string {
    const before = this.#authority;
    const same = authority === before || (authority.host === before?.host && authority.port === before.port);
    if (!same || minor !== this.#minor) {
      this.#authority = authority;
      this.#minor = minor;
      this.#text = visitorText(this.#facts, authority.host === '' ? '' : authorityText(authority), minor);
    }
    return this.#text;
  }
}

function visitorText({ from, scheme, port, version }: VisitorFacts, host: string, minor: 0 | 1): string {
  const node = from.includes(':') ? `"[${from}]"` : from;
  return onePiece(
    `X-Forwarded-For: ${from}\r\nX-Forwarded-Proto: ${scheme}\r\nX-Forwarded-Port: ${port}\r\n`,
    host === '' ? '' : `X-Forwarded-Host: ${host}\r\n`,
    // Quoted always: a host with a port or brackets is no token, and quoting is legal for one that is.
    `Forwarded: for=${node};proto=${scheme}${host === '' ? '' : `;host="${host}"`}\r\n`,
    `X-Real-IP: ${from}\r\nVia: ${version ?? `1.${minor}`} ${pseudonym}\r\n`,
  );
}

export type RequestPlan = Readonly<{
  /** What is told of the visitor: made once a connection. */
  visitor: VisitorLines;
  /** As contracts/upstream.ts: Host replaced when set; Host for who sent none; names used up; whether anything is said of the visitor. */
  forwarding: Readonly<{
    host: string | null;
    hostless: string;
    spent: readonly string[];
    forwarded: boolean;
    transparent?: true;
    told?: string;
  }>;
  connection: Persistence;
  /** How the body is really sent: what was read, or chunked where it was read so. */
  framing: Framing;
  /** False when we answered 100 ourselves: the service is then not asked again. */
  expectContinue: boolean;
}>;

export type ResponsePlan = Readonly<{
  /** The visitor's version: 1.0 hears of keep-alive in words, and gets no chunks. */
  minor: 0 | 1;
  connection: Persistence;
  /** How the body is really sent; `none` for HEAD, 1xx, 204 and 304. */
  framing: Framing;
  /** IMF-fixdate of now, for a service that sent no Date (RFC 9110, 6.6.1). */
  date: string;
  /** The answer is one of our own gateways': what it says in our name is passed on. */
  transparent?: true | undefined;
}>;

export type ReplyPlan = Readonly<{
  minor: 0 | 1;
  connection: 'keep-alive' | 'close';
  /** `none` for 204 and 304 only: an answer to HEAD says the length that GET would have had. */
  framing: Framing;
  date: string;
}>;

/**
 * The head of a request as the service gets it: always HTTP/1.1, the target byte for byte, one Host, one framing, the
 * visitor's fields in their order less those that are not theirs to send, then ours.
 */
export function requestHeadText(head: RequestHead, plan: RequestPlan): string {
  const { forwarding } = plan;
  const asked = head.authority.host === '' ? writableValue(forwarding.hostless) : authorityText(head.authority);
  let text = `${head.method} ${head.target} HTTP/1.1\r\nHost: ${forwarding.host === null ? asked : writableValue(forwarding.host)}\r\n`;
  const named = namedByConnection(head.fields);
  for (const { name, lower, value, line } of head.fields) {
    if (
      (isRemovedFromRequest(lower) && !isPassedOn(lower, forwarding.transparent)) ||
      forwarding.spent.includes(lower) ||
      named?.has(lower) === true
    )
      continue;
    if (lower === 'cookie') {
      const cookies = forwarding.transparent === true ? value : withoutOwnCookies(value);
      if (cookies !== null) text += `${name}: ${cookies}\r\n`;
    } else if (lower === 'max-forwards') text += `${name}: ${lessForward(head.method, value)}\r\n`;
    else if (plan.connection === 'upgrade' || !lower.startsWith('sec-websocket-')) text += line;
  }
  if (forwarding.told !== undefined) text += forwarding.told;
  if (forwarding.forwarded) text += plan.visitor.of(head);
  if (head.expectsContinue && plan.expectContinue) text += 'Expect: 100-continue\r\n';
  // Of TE only `trailers` can be kept for the next hop; the sender names TE in Connection (RFC 9110, 10.1.4).
  const trailers = plan.connection !== 'upgrade' && asksForTrailers(head.fields);
  const connection = trailers
    ? `TE: trailers\r\nConnection: ${plan.connection === 'close' ? 'close, TE' : 'TE'}\r\n`
    : connectionText(plan.connection, 1);
  return `${text}${framingText(plan.framing)}${connection}\r\n`;
}

/** The head of an answer as the visitor gets it: always HTTP/1.1, one framing, Via, nothing in our name. */
export function responseHeadText(head: ResponseHead, plan: ResponsePlan): string {
  let text = `HTTP/1.1 ${head.status} ${head.reason}\r\n`;
  const named = namedByConnection(head.fields);
  const interim = head.status < 200;
  let dated = interim;
  for (const { lower, value, line } of head.fields) {
    if (lower === 'content-length' && plan.framing.is === 'none' && !interim && head.status !== 204) {
      // For HEAD and 304: the length that GET would have had; the reader has checked it.
      text += `Content-Length: ${value}\r\n`;
    }
    if ((isRemovedFromResponse(lower) && !isPassedOn(lower, plan.transparent)) || named?.has(lower) === true) continue;
    if (lower === 'set-cookie' && plan.transparent !== true && setsOwnCookie(value)) continue;
    if (lower === 'date') dated = true;
    text += line;
  }
  if (!dated) text += `Date: ${plan.date}\r\n`;
  if (head.own !== undefined) text += head.own.line;
  if (!interim) text += `Via: 1.${head.minor} ${pseudonym}\r\n`;
  const connection = interim && plan.connection !== 'upgrade' ? '' : connectionText(plan.connection, plan.minor);
  return `${text}${interim ? '' : framingText(plan.framing)}${connection}\r\n`;
}

/** Between a relay's edge and a gateway the fields in our own name go through; what services believe of proxies never does. */
function isPassedOn(lower: string, transparent: true | undefined): boolean {
  return transparent === true && lower.startsWith('sallyport-');
}

/**
 * The head of one of our own answers. Throws when a name is no token or a value holds CR, LF, NUL, another control or a
 * character beyond Latin-1 (written as one octet, U+010A would be a line feed): that is our fault, not a visitor's.
 */
export function replyHeadText(reply: Reply, plan: ReplyPlan): string {
  let text = `HTTP/1.1 ${reply.status} ${phraseOf(reply.status)}\r\n`;
  for (const [name, value] of reply.fields) text += `${writableField(name, value)}\r\n`;
  return `${text}Date: ${writableValue(plan.date)}\r\n${framingText(plan.framing)}${connectionText(plan.connection, plan.minor)}\r\n`;
}

/** The end of a chunked body, with the trailers that the reader let through. */
export function lastChunkText(trailers: Fields): string {
  let text = '0\r\n';
  for (const { line } of trailers) text += line;
  return `${text}\r\n`;
}

/** Whether TRACE or OPTIONS has gone as far as it may: then it is ours to answer (RFC 9110, 7.6.2). */
export function isAtItsEnd(head: RequestHead): boolean {
  return (head.method === 'TRACE' || head.method === 'OPTIONS') && fieldValue(head.fields, 'max-forwards') === '0';
}

/** The names that Connection takes with it, but for those that are nobody's to take. Null in the common case. */
export function namedByConnection(fields: Fields): ReadonlySet<string> | null {
  let named: Set<string> | null = null;
  for (const { lower, value } of fields) {
    if (lower !== 'connection' || usual.has(value)) continue;
    named ??= new Set();
    for (const name of connectionNames(value)) {
      if (!isProtected(name)) named.add(name);
    }
  }
  return named;
}

const usual: ReadonlySet<string> = new Set(['keep-alive', 'Keep-Alive', 'close', 'Upgrade', 'upgrade', 'keep-alive, Upgrade']);

/** Whether `TE: trailers` was sent (RFC 9110, 10.1.4). */
export function asksForTrailers(fields: Fields): boolean {
  const wish = fieldValue(fields, 'te');
  return wish !== undefined && connectionNames(wish).includes('trailers');
}

/** Counted down for TRACE and OPTIONS (RFC 9110, 7.6.2), left alone for the rest. */
function lessForward(method: string, value: string): string {
  if ((method !== 'TRACE' && method !== 'OPTIONS') || !/^\d{1,9}$/.test(value)) return value;
  return String(Math.max(0, Number(value) - 1));
}

function framingText(framing: Framing): string {
  switch (framing.is) {
    case 'length':
      return `Content-Length: ${framing.length}\r\n`;
    case 'chunked':
      return 'Transfer-Encoding: chunked\r\n';
    case 'none':
    case 'close':
      return '';
    default:
      return framing satisfies never;
  }
}

function connectionText(connection: Persistence, minor: 0 | 1): string {
  switch (connection) {
    case 'keep-alive':
      return minor === 0 ? 'Connection: keep-alive\r\n' : '';
    case 'close':
      return 'Connection: close\r\n';
    case 'upgrade':
      return 'Connection: Upgrade\r\nUpgrade: websocket\r\n';
    default:
      return connection satisfies never;
  }
}
