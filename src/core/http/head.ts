/** What a head says, once it has been read: one reading, or none. */

import type { Field, Fields } from './fields.ts';

/** How long a body is. `close` is for responses only: it ends with the connection. */
export type Framing =
  | Readonly<{ is: 'none' }>
  | Readonly<{ is: 'length'; length: number }>
  | Readonly<{ is: 'chunked' }>
  | Readonly<{ is: 'close' }>;

/** A canonical host and a port, from Host or an absolute-form target (which must agree). */
export type Authority = Readonly<{ host: string; port: number | null }>;

export type RequestHead = Readonly<{
  method: string;
  /** Origin form as sent (`/a//b?c`), or `*`; an absolute form is cut to its origin form; `host:port` for CONNECT. Forwarded byte for byte. */
  target: string;
  /** It came in absolute form to a forward proxy: `authority` is what the target names, whatever Host says. */
  absolute?: true;
  /** The canonical path for every decision and log: see canonicalPath(). Null for `*` and CONNECT. */
  path: CanonicalPath | null;
  minor: 0 | 1;
  fields: Fields;
  /** Empty host when HTTP/1.0 sent none. */
  authority: Authority;
  framing: Framing;
  /** Whether the connection may carry another request after this one. */
  persistent: boolean;
  expectsContinue: boolean;
  /** The protocol that it wants to change to, of those that we know. */
  upgrade: 'websocket' | 'sallyport-tcp' | null;
}>;

/** `clear` is false when two parsers could read the raw path differently: a rule that depends on it must refuse. */
export type CanonicalPath = Readonly<{
  text: string;
  clear: boolean;
  /** With `clear` false: all readings where they can be listed (a rule that says the same of each may decide), else none. See decidePath(). */
  readings?: readonly string[];
}>;

export type ResponseHead = Readonly<{
  status: number;
  reason: string;
  minor: 0 | 1;
  fields: Fields;
  framing: Framing;
  persistent: boolean;
  upgrade: 'websocket' | null;
  /** A field in our own name, which no service may send. */
  own?: Field;
}>;
