/**
 * What a holder and the relays that it starts say to each other, over the channel of their processes. The two may be of
 * different versions: words are added, none is changed, and an unknown one is passed over.
 */

import type { ServiceUser } from '../controlplane/service-user.ts';

/** Which relay of a holder a process is. A successor that cannot start leaves the word to the relay before it. */
export type Role = 'first' | 'successor';

/** The variable that tells a process its role; absent where nobody holds its sockets. */
export const roleVariable = 'SALLYPORT_HELD';

export type LeaveReason = 'stop' | 'upgrade';

/** Why a successor did not come to listen, in words for its operator. */
export type Failed = Readonly<{ is: 'failed'; code: string; message: string; hint: string | null }>;

export type ToHolder =
  /** The socket of this address is asked for. It comes with `bound`, and is made when there is none. */
  | Readonly<{ is: 'bind'; ask: number; host: string; port: number }>
  /** The socket of this address is not needed any more: it is closed, unless another relay has asked for it. */
  | Readonly<{ is: 'release'; host: string; port: number }>
  | Readonly<{ is: 'listening' }>
  | Readonly<{ is: 'upgrade' }>
  /** All relays of this holder are to leave, and then the holder. */
  | Readonly<{ is: 'stop' }>
  /** Every socket that needs the rights of root was asked for: the holder is to leave them, as the relay does behind this word. */
  | Readonly<{ is: 'become'; user: ServiceUser }>
  | Failed;

export type ToRelay =
  /** `error` is the system's name of it (`EADDRINUSE`); without one the socket comes along. */
  | Readonly<{ is: 'bound'; ask: number; error: string | null }>
  /** `successor` is the number of the process that serves now. */
  | Readonly<{ is: 'leave'; why: LeaveReason; successor: number | null }>
  /** End at once. */
  | Readonly<{ is: 'end' }>
  /** The upgrade came to nothing: go on. */
  | Readonly<{ is: 'stay'; why: Failed }>;

const kinds = {
  holder: new Set(['bind', 'release', 'listening', 'upgrade', 'stop', 'become', 'failed']),
  relay: new Set(['bound', 'leave', 'end', 'stay']),
} as const;

/** What a relay says; null for a word that this holder does not know. */
export function readToHolder(message: unknown): ToHolder | null {
  // Both processes are of one program and one user: the kind says enough.
  return kindOf(message, kinds.holder) ? (message as ToHolder) : null;
}

/** What the holder says; null for a word that this relay does not know. */
export function readToRelay(message: unknown): ToRelay | null {
  return kindOf(message, kinds.relay) ? (message as ToRelay) : null;
}

function kindOf(message: unknown, known: ReadonlySet<string>): boolean {
  return typeof message === 'object' && message !== null && 'is' in message && typeof message.is === 'string' && known.has(message.is);
}
