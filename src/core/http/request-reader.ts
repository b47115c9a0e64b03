/** Reads the heads of requests from the bytes of one connection: one reading, or a refusal. */

import type { Latin1 } from '../bytes.ts';
import { type Fault, fault } from '../errors.ts';
import type { Limits } from '../limits.ts';
import { type ConnectionOptions, readConnection } from './connection.ts';
import { fieldName, type Role } from './field-names.ts';
import { type Field, lineOf } from './fields.ts';
import { readFraming } from './framing.ts';
import type { Authority, Framing, RequestHead } from './head.ts';
import { HeadScanner } from './head-scanner.ts';
import { parseAuthority } from './host.ts';
import { carriageReturn, lineFeed } from './octets.ts';
import { readTarget, type Target } from './target.ts';

/** What the bytes so far have come to. After `head` the same reader reads the next one, from `chunk[next]`. */
export type HeadStep<Head> =
  | Readonly<{ is: 'more' }>
  | Readonly<{ is: 'head'; head: Head; next: number }>
  | Readonly<{ is: 'refused'; fault: Fault }>;

export type RequestReaderOptions = Readonly<{
  limits: Limits;
  latin1: Latin1;
  /** Takes CONNECT and targets of any scheme. */
  forwardProxy?: boolean;
}>;

/** The values of the fields that mean something here; joined with commas for Connection, which is a list. */
type Meaning = { -readonly [role in Role]: string | null };

/**
 * A reader for one connection. Keeps at most `headBytesMax` of an unfinished head. The bytes between heads (bodies)
 * are not its business: it is handed what follows them.
 *
 * Faults: `head-too-large`, `head-malformed`, `field-malformed`, `fields-too-many`, `target-malformed`, `target-too-long`,
 * `method-refused`, `version-refused`, `host-malformed`, `host-mismatched`, `framing-ambiguous`, `expectation-refused`,
 * `upgrade-refused`. After a fault nothing more is read.
 *
 * Example: `new RequestReader({ limits, latin1 }).push(bytes, 0)`.
 */
export class RequestReader {
  readonly #latin1: Latin1;
  readonly #forwardProxy: boolean;
  readonly #scanner: HeadScanner;
  /** Octets of the empty line that was seen before the request line: RFC 9112, 2.2 asks to ignore one; more are refused. */
  #blank = 0;
  #fault: Fault | null = null;
  /** A connection names the same host again and again. */
  #hostRead: Readonly<{ raw: string; authority: Authority }> | null = null;

  constructor(options: RequestReaderOptions) {
    const { headBytesMax, headFieldsMax, targetBytesMax } = options.limits;
    this.#latin1 = options.latin1;
    this.#forwardProxy = options.forwardProxy ?? false;
    this.#scanner = new HeadScanner('request', { bytesMax: headBytesMax, fieldsMax: headFieldsMax, targetBytesMax });
  }

  /** Whether a byte of an unfinished head was seen: then its deadline runs. */
  get started(): boolean {
    return this.#scanner.started;
  }

  push(chunk: Uint8Array, at: number): HeadStep<RequestHead> {
    if (this.#fault !== null) return { is: 'refused', fault: this.#fault };
    let from = at;
    if (!this.#scanner.started) {
      while (from < chunk.length && this.#blank < 2) {
        if (chunk[from] !== (this.#blank === 0 ? carriageReturn : lineFeed)) break;
        this.#blank += 1;
        from += 1;
      }
      if (from === chunk.length) return more;
      if (this.#blank === 1) return this.#refuse(fault('head-malformed', 'a bare CR before the request line'));
    }
    const next = this.#scanner.take(chunk, from);
    if (next === null) return more;
    if (typeof next !== 'number') return this.#refuse(next);
    this.#blank = 0;
    const head = this.#read();
    this.#scanner.release();
    return 'code' in head ? this.#refuse(head) : { is: 'head', head, next };
  }

  /** The stream has ended: null between messages, a fault within a head. */
  end(): Fault | null {
    if (this.#fault !== null) return this.#fault;
    return this.started || this.#blank === 1 ? fault('message-incomplete', 'the stream ended within a head') : null;
  }

  #refuse(refused: Fault): HeadStep<RequestHead> {
    this.#fault = refused;
    return { is: 'refused', fault: refused };
  }

  /** Gives meaning to what the scanner found. */
  #read(): RequestHead | Fault {
    const { bytes, base, length, marks, count, minor, methodEnd, targetStart, targetEnd } = this.#scanner;
    const text = this.#latin1(bytes, base, base + length);
    const method = text.slice(0, methodEnd);
    if (!isMethod(method)) return fault('method-refused', 'a method that is not in capitals');
    const fields: Field[] = [];
    const said: Meaning = nothingSaid();
    for (let mark = 0; mark < count * 4; mark += 4) {
      // Marks of `count` fields were written.
      const field = fieldName(bytes, base + (marks[mark] as number), base + (marks[mark + 1] as number), this.#latin1);
      const start = marks[mark + 2] as number;
      const end = marks[mark + 3] as number;
      const value = text.slice(start, end);
      const line = lineOf(text, field.name, marks[mark + 1] as number, start, end);
      fields.push({ name: field.name, lower: field.lower, value, line });
      if (field.role !== null) {
        const refused = note(said, field.role, value);
        if (refused !== null) return refused;
      }
    }
    const authority = this.#authority(said.host, minor);
    if (authority !== null && 'code' in authority) return authority;
    const target = readTarget(method, text.slice(targetStart, targetEnd), authority, this.#forwardProxy);
    if ('code' in target) return target;
    const framing = readFraming({ minor, contentLength: said['content-length'], transferEncoding: said['transfer-encoding'] });
    if ('code' in framing) return framing;
    return this.#head({ method, minor, fields, framing }, target, said);
  }

  #authority(raw: string | null, minor: 0 | 1): Authority | Fault | null {
    if (raw === null) return minor === 0 ? null : fault('host-malformed', 'HTTP/1.1 without Host');
    if (this.#hostRead?.raw === raw) return this.#hostRead.authority;
    const authority = parseAuthority(raw);
    if (authority === null) return fault('host-malformed', 'a Host that names no host');
    this.#hostRead = { raw, authority };
    return authority;
  }

  #head({ method, minor, fields, framing }: Read, { target, absolute, path, authority }: Target, said: Meaning): RequestHead | Fault {
    const hasBody = framing.is === 'chunked' || (framing.is === 'length' && framing.length > 0);
    if (framing.is !== 'none' && (method === 'CONNECT' || (method === 'TRACE' && hasBody))) {
      return fault('framing-ambiguous', `a body on ${method}`);
    }
    const connection = readConnection(said.connection);
    const upgrade = readUpgrade(method, minor, framing, connection, said);
    if (typeof upgrade === 'object' && upgrade !== null) return upgrade;
    const expect = said.expect?.toLowerCase() ?? null;
    // An expectation that is not understood may be answered 417 (RFC 9110, 10.1.1); obscured ones have split proxies from servers.
    if (expect !== null && expect !== '100-continue') return fault('expectation-refused', 'an expectation other than 100-continue');
    // HTTP/1.0 keeps alive only when asked, and never through a proxy (RFC 9112, 9.3).
    const persistent = !connection.close && (minor === 1 || (connection.keepAlive && !this.#forwardProxy));
    const expectsContinue = expect !== null && minor === 1 && hasBody;
    // Written out: a spread among other keys is looked up by name each time.
    const head = { method, minor, fields, target, path, authority, framing, persistent, expectsContinue, upgrade };
    return absolute === true ? { ...head, absolute } : head;
  }
}

type Read = Pick<RequestHead, 'method' | 'minor' | 'fields' | 'framing'>;

const more: HeadStep<never> = { is: 'more' };

function nothingSaid(): Meaning {
  return {
    host: null,
    'content-length': null,
    'transfer-encoding': null,
    connection: null,
    expect: null,
    upgrade: null,
    'sec-websocket-key': null,
    'sec-websocket-version': null,
  };
}

/** Keeps a meaningful value. Of most there can be one only: a second one is another reader's first. */
function note(said: Meaning, role: Role, value: string): Fault | null {
  const before = said[role];
  if (before === null) said[role] = value;
  else if (role === 'connection' || role === 'upgrade') said[role] = `${before},${value}`;
  else return fault(role === 'host' ? 'host-malformed' : repeatable(role), `more than one ${role}`);
  return null;
}

function repeatable(role: Role): 'framing-ambiguous' | 'field-malformed' {
  return role === 'content-length' || role === 'transfer-encoding' ? 'framing-ambiguous' : 'field-malformed';
}

/**
 * Capitals, digits and signs. Methods are case-sensitive (RFC 9110, 9.1); some servers take `get` for GET all the same,
 * so that a rule about GET would not hold for them.
 */
function isMethod(method: string): boolean {
  for (let at = 0; at < method.length; at += 1) {
    const character = method.charCodeAt(at);
    if (character >= 97 && character <= 122) return false;
  }
  return true;
}

/**
 * Only websocket, as RFC 6455, 4.1 says, and our own `sallyport-tcp` (docs/wire-protocol.md), which is answered here. Every
 * other protocol (h2c!) is ignored and never forwarded.
 */
function readUpgrade(
  method: string,
  minor: 0 | 1,
  framing: Framing,
  connection: ConnectionOptions,
  said: Meaning,
): RequestHead['upgrade'] | Fault {
  // HTTP/1.0 cannot upgrade: MUST be ignored (RFC 9110, 7.8).
  if (said.upgrade === null || minor === 0 || !connection.upgrade) return null;
  const wanted = said.upgrade.toLowerCase();
  if (wanted !== 'websocket' && wanted !== 'sallyport-tcp') return null;
  if (method !== 'GET') return fault('upgrade-refused', 'a change of protocol that does not begin with GET');
  // What follows the head belongs to the new protocol: a body there has two readings.
  if (framing.is === 'chunked' || (framing.is === 'length' && framing.length > 0))
    return fault('upgrade-refused', 'a change of protocol with a body');
  if (wanted === 'sallyport-tcp') return wanted;
  if (said['sec-websocket-version'] !== '13') return fault('upgrade-refused', 'a WebSocket version other than 13');
  if (said['sec-websocket-key'] === null || !isKey(said['sec-websocket-key']))
    return fault('upgrade-refused', 'no Sec-WebSocket-Key of 16 octets');
  return 'websocket';
}

/** 16 octets in base64: 22 characters and `==`. */
function isKey(key: string): boolean {
  return key.length === 24 && /^[A-Za-z0-9+/]{22}==$/.test(key);
}
