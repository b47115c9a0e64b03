/** Reads the head of a request of HTTP/2, as its field lines came out of HPACK: one reading, or a refusal (RFC 9113, 8). */

import { type Fault, fault } from '../errors.ts';
import type { Limits } from '../limits.ts';
import { connectionNames } from './connection.ts';
import { type Field, fieldOf, type Fields } from './fields.ts';
import { none, readFraming } from './framing.ts';
import type { Authority, Framing, RequestHead } from './head.ts';
import { parseAuthority } from './host.ts';
import { consistsOf, pathOctet, queryOctet, tokenOctet, valueOctet } from './octets.ts';
import { canonicalPath } from './path.ts';
import { isTrailer } from './removed-fields.ts';

/** Names and values, one after the other, as they came. */
export type RawFields = readonly string[];

export type StreamRequestOptions = Readonly<{
  limits: Pick<Limits, 'headBytesMax' | 'headFieldsMax' | 'targetBytesMax'>;
  /** Whether nothing follows the head. */
  ended: boolean;
  /** Sec-WebSocket-Key for a service that is asked in HTTP/1.1: RFC 8441 has none. Asked for only where one is needed. */
  newKey: () => string;
  /** CONNECT leads elsewhere, and so does a request with the scheme http. */
  forwardProxy?: boolean;
}>;

/** What pseudo-header fields said; undefined where one was not sent. */
type Pseudo = { method?: string; scheme?: string; authority?: string; path?: string; protocol?: string };

/** What the other fields said that mean something here. */
type Said = { fields: Field[]; host: string | null; contentLength: string | null; expect: string | null; cookies: string | null };

/**
 * Faults: `head-malformed` (pseudo-header fields), `field-malformed`, `framing-ambiguous`: malformed messages, to be answered
 * by a reset (RFC 9113, 8.1.1). `head-too-large`, `fields-too-many`, `target-malformed`, `target-too-long`, `method-refused`,
 * `host-malformed`, `host-mismatched`, `expectation-refused`, `upgrade-refused`: to be answered in words.
 *
 * What is read is what HTTP/1.1 would have said: a WebSocket by extended CONNECT (RFC 8441) is a GET with an upgrade.
 */
export function readStreamRequest(raw: RawFields, options: StreamRequestOptions): RequestHead | Fault {
  const { limits } = options;
  const pseudo: Pseudo = {};
  const regular = readPseudo(raw, pseudo);
  if (typeof regular !== 'number') return regular;
  if (raw.length - regular > limits.headFieldsMax * 2) return fault('fields-too-many', 'more fields than allowed');
  const said = readRegular(raw, regular, limits.headBytesMax);
  if ('code' in said) return said;
  const { method, scheme, path } = pseudo;
  if (method === undefined || !consistsOf(method, tokenOctet) || method === '') return fault('head-malformed', 'a request without :method');
  if (options.forwardProxy === true && pseudo.protocol !== undefined) return fault('upgrade-refused', 'an extended CONNECT to a proxy');
  if (method === 'CONNECT' && pseudo.protocol === undefined)
    return options.forwardProxy === true ? tunnelHead(pseudo, said) : fault('method-refused', 'CONNECT without a forward proxy');
  if (scheme === undefined || path === undefined) return fault('head-malformed', 'a request without :scheme or :path');
  if (scheme !== 'https' && scheme !== 'http') return fault('target-malformed', 'a scheme other than http and https');
  if (path.length > limits.targetBytesMax) return fault('target-too-long', 'a target longer than allowed');
  const target = readPath(method, path);
  if (target !== null) return target;
  const authority = readAuthority(pseudo.authority ?? null, said.host);
  if ('code' in authority) return authority;
  const place = { target: path, path: path === '*' ? null : canonicalPath(path), authority, minor: 1, persistent: true } as const;
  if (pseudo.protocol !== undefined) return extendedConnect({ ...place, pseudo, said }, options);
  if (!isMethod(method)) return fault('method-refused', 'a method that is not in capitals');
  const framing = framingOf(said.contentLength, options.ended);
  if ('code' in framing) return framing;
  const hasBody = framing.is === 'chunked' || (framing.is === 'length' && framing.length > 0);
  if (hasBody && method === 'TRACE') return fault('framing-ambiguous', 'a body on TRACE');
  if (said.expect !== null && said.expect !== '100-continue') return fault('expectation-refused', 'an expectation other than 100-continue');
  // There is no absolute form here: the scheme says whether somewhere else is meant (RFC 9113, 8.3.1).
  const elsewhere = options.forwardProxy === true && scheme === 'http' ? { absolute: true as const } : {};
  return { ...place, ...elsewhere, method, fields: said.fields, framing, expectsContinue: said.expect !== null && hasBody, upgrade: null };
}

/** RFC 9113, 8.5: host and port in `:authority`, no scheme, no path; what follows on the stream is the tunnel's, and has no length. */
function tunnelHead({ authority: asked, scheme, path }: Pseudo, { fields, host, contentLength }: Said): RequestHead | Fault {
  if (scheme !== undefined || path !== undefined) return fault('head-malformed', 'CONNECT with :scheme or :path');
  if (contentLength !== null) return fault('framing-ambiguous', 'CONNECT with a length');
  const authority = asked === undefined ? null : authorityOf(asked);
  if (asked === undefined || authority === null || authority.port === null || authority.port === 0)
    return fault('target-malformed', 'CONNECT without host and port');
  const other = host === null ? authority : authorityOf(host);
  if (other === null || other.host !== authority.host || (other.port ?? authority.port) !== authority.port)
    return fault('host-mismatched', 'CONNECT to another place than host says');
  const place = { method: 'CONNECT', target: asked, path: null, authority, minor: 1, persistent: true } as const;
  return { ...place, fields, framing: none, expectsContinue: false, upgrade: null };
}

/**
 * Trailers (RFC 9113, 8.1): no pseudo-header fields; of the rest those that may be sent on. Faults: `field-malformed`,
 * `head-too-large`.
 */
export function readStreamTrailers(raw: RawFields, limits: Pick<Limits, 'trailerBytesMax'>): Fields | Fault {
  const trailers: Field[] = [];
  let bytes = 0;
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const [name = '', value = ''] = [raw[at], raw[at + 1]];
    bytes += name.length + value.length + 4;
    if (bytes > limits.trailerBytesMax) return fault('head-too-large', 'trailers longer than allowed');
    const wrong = wrongIn(name, value);
    if (wrong !== null) return fault('field-malformed', wrong);
    if (isTrailer(name)) trailers.push(fieldOf(name, value));
  }
  return trailers;
}

/** They come first, each once, and there are five (RFC 9113, 8.3; RFC 8441, 4). The index of the first other field. */
function readPseudo(raw: RawFields, pseudo: Pseudo): number | Fault {
  let at = 0;
  for (; at + 1 < raw.length; at += 2) {
    const name = raw[at] as string;
    if (name.charCodeAt(0) !== 58) break;
    const key = name.slice(1);
    if (key !== 'method' && key !== 'scheme' && key !== 'authority' && key !== 'path' && key !== 'protocol')
      return fault('head-malformed', 'a pseudo-header field that requests do not have');
    if (pseudo[key] !== undefined) return fault('head-malformed', `more than one :${key}`);
    pseudo[key] = raw[at + 1] as string;
  }
  return at;
}

function readRegular(raw: RawFields, from: number, bytesMax: number): Said | Fault {
  const said: Said = { fields: [], host: null, contentLength: null, expect: null, cookies: null };
  let bytes = 0;
  for (let at = 0; at < from; at += 2) bytes += (raw[at + 1] as string).length + 8;
  let cookieAt = -1;
  for (let at = from; at + 1 < raw.length; at += 2) {
    const [name, value] = [raw[at] as string, raw[at + 1] as string];
    bytes += name.length + value.length + 4;
    if (bytes > bytesMax) return fault('head-too-large', 'a head longer than allowed');
    const wrong = wrongIn(name, value);
    if (wrong !== null) return fault('field-malformed', wrong);
    switch (name) {
      case 'cookie':
        // RFC 9113, 8.2.3: cut into pieces for HPACK, put together for everybody else.
        said.cookies = said.cookies === null ? value : `${said.cookies}; ${value}`;
        if (cookieAt === -1) cookieAt = said.fields.push(fieldOf(name, value)) - 1;
        else said.fields[cookieAt] = fieldOf(name, said.cookies);
        continue;
      case 'host':
        if (said.host !== null) return fault('host-malformed', 'more than one host');
        said.host = value;
        break;
      case 'content-length':
        if (said.contentLength !== null) return fault('framing-ambiguous', 'more than one content-length');
        said.contentLength = value;
        break;
      case 'expect':
        if (said.expect !== null) return fault('field-malformed', 'more than one expect');
        said.expect = value.toLowerCase();
        break;
      default:
    }
    said.fields.push({ name, lower: name, value, line: `${name}: ${value}\r\n` });
  }
  return said;
}

/** RFC 9113, 8.2.2: what speaks of a connection makes a message malformed. */
const ofConnections: ReadonlySet<string> = new Set(['connection', 'proxy-connection', 'keep-alive', 'transfer-encoding', 'upgrade']);

/** What is wrong with a field by RFC 9113, 8.2 (names in lower case; nothing that HTTP/1.1 would read otherwise); null for nothing. */
function wrongIn(name: string, value: string): string | null {
  if (!isName(name)) return name.startsWith(':') ? 'a pseudo-header field behind others' : 'a field name that is no token in lower case';
  if (!isValue(value)) return 'a field value with a control character, or a space at its end';
  if (ofConnections.has(name)) return `${name} in HTTP/2`;
  if (name === 'te' && value.toLowerCase() !== 'trailers') return 'te with more than trailers';
  return null;
}

/** The same few names come again and again: remembered, within a measure. */
const goodNames = new Set<string>();
const goodNamesMax = 512;
const goodNameCharactersMax = 64;

function isName(name: string): boolean {
  if (goodNames.has(name)) return true;
  if (name === '' || !consistsOf(name, tokenOctet) || name !== name.toLowerCase()) return false;
  if (goodNames.size < goodNamesMax && name.length <= goodNameCharactersMax) goodNames.add(name);
  return true;
}

function isValue(value: string): boolean {
  const last = value.charCodeAt(value.length - 1);
  const first = value.charCodeAt(0);
  return first !== 32 && first !== 9 && last !== 32 && last !== 9 && consistsOf(value, valueOctet);
}

/** The same characters as in HTTP/1.1: there a space would end the target. Null when all is well. */
function readPath(method: string, path: string): Fault | null {
  if (path === '*' && method === 'OPTIONS') return null;
  if (path.charCodeAt(0) !== 47) return path === '' ? fault('head-malformed', 'an empty :path') : notAPath;
  const question = path.indexOf('?');
  const end = question === -1 ? path.length : question;
  for (let at = 0; at < end; at += 1) if (pathOctet[path.charCodeAt(at)] !== 1) return notAPath;
  for (let at = end; at < path.length; at += 1) if (queryOctet[path.charCodeAt(at)] !== 1) return notAPath;
  return null;
}

const notAPath = fault('target-malformed', 'a :path that is none');

/** RFC 9113, 8.3.1: `:authority` stands for Host, so that two that differ have two readings. */
function readAuthority(said: string | null, host: string | null): Authority | Fault {
  const first = said ?? host;
  const authority = first === null ? null : authorityOf(first);
  if (authority === null)
    return fault('host-malformed', first === null ? 'neither :authority nor host' : 'an authority that names no host');
  if (said === null || host === null || host === said) return authority;
  const other = authorityOf(host);
  if (other === null) return fault('host-malformed', 'a host that names no host');
  return other.host === authority.host && other.port === authority.port
    ? authority
    : fault('host-mismatched', ':authority and host differ');
}

/** Visitors name the same host again and again. */
let lastRaw = '';
let lastRead: Authority | null = null;

function authorityOf(raw: string): Authority | null {
  if (raw === lastRaw) return lastRead;
  const read = parseAuthority(raw);
  [lastRaw, lastRead] = [raw, read];
  return read;
}

function framingOf(contentLength: string | null, ended: boolean): Framing | Fault {
  if (contentLength === null) return ended ? none : { is: 'chunked' };
  const framing = readFraming({ minor: 1, contentLength, transferEncoding: null });
  if ('code' in framing || framing.is !== 'length') return framing;
  return ended && framing.length > 0 ? fault('framing-ambiguous', 'content-length without content') : framing;
}

function isMethod(method: string): boolean {
  return method === method.toUpperCase();
}

type Asked = Pick<RequestHead, 'target' | 'path' | 'authority' | 'minor' | 'persistent'> & Readonly<{ pseudo: Pseudo; said: Said }>;

/** RFC 8441, 4 and 5: the stream is the WebSocket's, once it was answered 200. */
function extendedConnect({ pseudo, said, ...place }: Asked, { ended, newKey }: StreamRequestOptions): RequestHead | Fault {
  if (pseudo.method !== 'CONNECT') return fault('head-malformed', ':protocol without CONNECT');
  if (pseudo.protocol !== 'websocket') return fault('upgrade-refused', 'a protocol other than websocket');
  if (ended || said.contentLength !== null) return fault('upgrade-refused', 'a WebSocket with an end, or a length');
  const fields = said.fields.filter(({ lower }) => lower !== 'sec-websocket-key');
  const version = fields.filter(({ lower }) => lower === 'sec-websocket-version');
  if (version.length !== 1 || !connectionNames(version[0]?.value ?? '').includes('13'))
    return fault('upgrade-refused', 'a WebSocket version other than 13');
  fields.push(fieldOf('Sec-WebSocket-Key', newKey()));
  return { ...place, method: 'GET', fields, framing: none, expectsContinue: false, upgrade: 'websocket' };
}
