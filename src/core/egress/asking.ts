/** How another proxy is asked to lead somewhere, and what it answers: CONNECT (RFC 9110, 9.3.6) and SOCKS 5 (RFC 1928), as their client. */

import { parseIp } from '../address.ts';
import { latin1 } from '../bytes.ts';
import { fieldValue, type Fields } from '../http/fields.ts';
import { namedByConnection } from '../http/forward.ts';
import type { RequestHead } from '../http/head.ts';
import { authorityText } from '../http/host.ts';
import { KeptBytes } from '../http/kept-bytes.ts';
import { ResponseReader } from '../http/response-reader.ts';
import type { Limits } from '../limits.ts';

/** What is shown to it; null for nothing. */
export type Shown = Readonly<{ user: string; password: string }> | null;

/** `host` canonical, an IPv6 address in brackets. */
export type Target = Readonly<{ host: string; port: number }>;

/** Why it does not lead there, as far as its words can be told apart. `unsupported`: it never does so. `malformed`: it speaks something else. */
export type AskedWhy =
  | 'credentials'
  | 'denied'
  | 'unresolved'
  | 'refused'
  | 'timed-out'
  | 'unreachable'
  | 'busy'
  | 'unsupported'
  | 'malformed';

export type AskStep =
  | Readonly<{ is: 'more' }>
  /** To be said now; more is read after it. */
  | Readonly<{ is: 'say'; bytes: Uint8Array }>
  /** The destination's own bytes begin at `next` of what was pushed last. */
  | Readonly<{ is: 'open'; next: number }>
  /** `why` and nothing else of what it said is to be trusted; `words` are ours. */
  | Readonly<{ is: 'refused'; why: AskedWhy; words: string }>;

/** Asks once. `opening` is said first; after anything but `more` and `say` nothing is pushed. */
export interface Asking {
  readonly opening: Uint8Array;
  push(bytes: Uint8Array): AskStep;
}

const more: AskStep = { is: 'more' };

function ended(why: AskedWhy, words: string): AskStep {
  return { is: 'refused', why, words };
}

/** `Proxy-Authorization: Basic …`, a whole line; nothing where nothing is shown. */
export function authorizationLine(shown: Shown): string {
  if (shown === null) return '';
  const bytes = new TextEncoder().encode(`${shown.user}:${shown.password}`);
  return `Proxy-Authorization: Basic ${btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))}\r\n`;
}

/** @param lines whole lines that are said besides */
export function askByHttp(target: Target, shown: Shown, limits: Limits, lines = ''): Asking {
  const where = `${target.host}:${target.port}`;
  const reader = new ResponseReader({ limits, latin1 });
  reader.expect('CONNECT');
  return {
    opening: new TextEncoder().encode(`CONNECT ${where} HTTP/1.1\r\nHost: ${where}\r\n${authorizationLine(shown)}${lines}\r\n`),
    push: (bytes) => {
      for (let at = 0; at < bytes.length;) {
        const step = reader.push(bytes, at);
        if (step.is === 'refused') return ended('malformed', `its answer cannot be read (${step.fault.why})`);
        if (step.is === 'more') return more;
        at = step.next;
        const { status, fields } = step.head;
        if (status === 101) return ended('malformed', 'it changed its protocol unasked');
        if (status >= 200) return status < 300 ? { is: 'open', next: at } : ended(whyOf(status, fields), `it says ${status}`);
      }
      return more;
    },
  };
}

/** RFC 9209, 2.3: what a proxy says of its errors, where it says it; else its status. */
const errors: Readonly<Record<string, AskedWhy>> = {
  destination_ip_prohibited: 'denied',
  dns_error: 'unresolved',
  dns_timeout: 'timed-out',
  connection_refused: 'refused',
  connection_timeout: 'timed-out',
  destination_unavailable: 'unreachable',
  connection_limit_reached: 'busy',
};

/** Why a proxy answered so: by its status, and by Proxy-Status where it has that. */
export function whyOf(status: number, fields: Fields): AskedWhy {
  if (status === 407) return 'credentials';
  const said = /;\s*error=([a-z_]+)/.exec(fieldValue(fields, 'proxy-status') ?? '')?.[1];
  const known = said === undefined ? undefined : errors[said];
  if (known !== undefined) return known;
  if (status === 429) return 'busy';
  if (status === 501) return 'unsupported';
  if (status === 504) return 'timed-out';
  if (status >= 500) return 'unreachable';
  return status >= 400 ? 'denied' : 'malformed';
}

/** RFC 1928, 6. */
const replies: Readonly<Record<number, readonly [AskedWhy, string]>> = {
  1: ['unreachable', 'general failure'],
  2: ['denied', 'its rules do not allow it'],
  3: ['unreachable', 'network unreachable'],
  4: ['unreachable', 'host unreachable'],
  5: ['refused', 'connection refused'],
  6: ['timed-out', 'time to live expired'],
  7: ['denied', 'it takes no CONNECT'],
  8: ['denied', 'it takes no address of this kind'],
};

/** The longest that it can say: a reply with a name of 255. */
const replyBytesMax = 262;

/** A name and a password are 255 octets each at most (RFC 1929): `null` for what is longer. */
export function askBySocks(target: Target, shown: Shown): Asking | null {
  const text = new TextEncoder();
  const [user, password] = [text.encode(shown?.user ?? ''), text.encode(shown?.password ?? '')];
  const name = text.encode(target.host);
  if (user.length > 255 || password.length > 255 || name.length > 255) return null;
  return new SocksAsking(
    shown === null ? null : Uint8Array.from([1, user.length, ...user, password.length, ...password]),
    Uint8Array.from([5, 1, 0, ...addressOf(target.host, name), target.port >> 8, target.port & 255]),
  );
}

/** The kind of an address, and the address (RFC 1928, 5). */
function addressOf(host: string, name: Uint8Array): readonly number[] {
  const ip = parseIp(host.replace(/^\[(.*)\]$/, '$1'));
  if (ip === null) return [3, name.length, ...name];
  if (ip.version === 4) return [1, ...ip.text.split('.').map(Number)];
  return [4, ...ip.groups.flatMap((group) => [group >> 8, group & 255])];
}

class SocksAsking implements Asking {
  readonly opening: Uint8Array;
  readonly #password: Uint8Array | null;
  readonly #request: Uint8Array;
  readonly #kept = new KeptBytes(replyBytesMax);
  #state: 'method' | 'password' | 'reply' = 'method';

  constructor(password: Uint8Array | null, request: Uint8Array) {
    this.#password = password;
    this.#request = request;
    this.opening = Uint8Array.from(password === null ? [5, 1, 0] : [5, 2, 0, 2]);
  }

  push(bytes: Uint8Array): AskStep {
    const before = this.#kept.length;
    this.#kept.append(bytes, 0);
    const said = this.#kept.bytes.subarray(0, this.#kept.length);
    if (said[0] !== (this.#state === 'password' ? 1 : 5)) return ended('malformed', 'it does not speak SOCKS 5');
    const need = this.#state === 'reply' ? replyLength(said) : 2;
    if (said.length < need) return more;
    // Nobody has anything to say behind these: whoever does is not believed.
    if (this.#state !== 'reply' && said.length > need) return ended('malformed', 'it said more than it was asked');
    this.#kept.length = 0;
    if (this.#state !== 'reply') return this.#agreed(said[1] ?? 255);
    const reply = said[1] ?? 1;
    if (reply === 0) return { is: 'open', next: need - before };
    return ended(...(replies[reply] ?? (['malformed', `reply ${reply}, which has no meaning`] as const)));
  }

  #agreed(answer: number): AskStep {
    if (this.#state === 'password') return answer === 0 ? this.#ask() : ended('credentials', 'it does not take these credentials');
    if (answer === 0) return this.#ask();
    if (answer === 255) return ended('credentials', 'it asks for other credentials');
    if (answer !== 2 || this.#password === null) return ended('malformed', 'it chose a method that was not offered');
    this.#state = 'password';
    return { is: 'say', bytes: this.#password };
  }

  #ask(): AskStep {
    this.#state = 'reply';
    return { is: 'say', bytes: this.#request };
  }
}

/** How long a reply is, as far as can be told: a refusal is heard out at once. */
function replyLength([, reply = 0, , kind, length = 0]: Uint8Array): number {
  if (reply !== 0) return 2;
  if (kind === undefined) return 5;
  if (kind === 1) return 10;
  if (kind === 4) return 22;
  return 7 + length;
}

/**
 * The head of a request in absolute form, as it goes on to another proxy: once, for the connection ends with it. What speaks of
 * the client's own connection stays here, and so do its credentials for us; framing is passed on as it was read.
 */
export function absoluteHeadText(head: RequestHead, shown: Shown): string {
  const authority = authorityText(head.authority);
  const target = head.target === '*' ? '' : head.target;
  const named = namedByConnection(head.fields);
  let text = `${head.method} http://${authority}${target} HTTP/1.1\r\nHost: ${authority}\r\n`;
  for (const { lower, line } of head.fields) {
    if (!ofConnection.has(lower) && named?.has(lower) !== true) text += line;
  }
  return `${text}${authorizationLine(shown)}Connection: close\r\n\r\n`;
}

const ofConnection: ReadonlySet<string> = new Set([
  'host',
  'connection',
  'proxy-connection',
  'keep-alive',
  'upgrade',
  'proxy-authorization',
  'te',
]);
