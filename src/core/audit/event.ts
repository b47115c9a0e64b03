/** The one event that every exchange leaves behind. */

import type { Code } from '../errors.ts';

export type AuditEvent = Readonly<{
  /** RFC 3339, UTC, milliseconds. */
  time: string;
  id: string;
  /** Null where no service was found. */
  service: string | null;
  listener: string;
  /** The visitor's address; `viaRelay` says that it is the relay's word. */
  visitor: string;
  viaRelay: boolean;
  /** The identity's subject, or null. */
  who: string | null;
  /** The client certificate that it was shown by, SHA-256 of its DER in hex; left out where there was none. */
  certificate?: string | undefined;
  method: string | null;
  host: string | null;
  /** The path without its query; below `/.sallyport/` without what follows the form's name. */
  path: string | null;
  verdict: 'pass' | 'refuse' | 'fail';
  code: Code | null;
  why: string | null;
  status: number | null;
  bytesIn: number;
  bytesOut: number;
  /** Milliseconds, from the head that was read to the last byte. */
  durationMs: number;
}>;
