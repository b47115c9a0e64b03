/** What relay and gateway know of each other: keys, grants and streams that a tunnel opens. */

import type { Address } from '../core/address.ts';
import type { Stream } from './stream.ts';
import type { Caller } from './upstream.ts';

/** The long-lived key of a relay or a gateway, and the self-made certificate that shows it. Both PEM. */
export type MachineIdentity = Readonly<{
  privateKey: string;
  certificate: string;
  /** SHA-256 of the public key (SPKI, DER), 64 lower-case hex digits: what the other side pins. */
  fingerprint: string;
}>;

/** Somebody who came to a relay and asked for a name. `from` is the relay's word to the gateway. */
export type Visitor = Readonly<{
  /** The exchange's id, so that both logs tell one story. */
  id: string;
  from: Address;
  /** The port of the relay's listener. */
  port: number;
  /** The canonical name of the TLS hello, or null. */
  sni: string | null;
  alpn: readonly string[];
}>;

/** A visitor's stream as it arrives at the gateway. Still TLS: only the gateway can end it. */
export type TunnelArrival = Visitor & Readonly<{ stream: Stream }>;

/** Opens a stream to the gateway that holds the visitor's name now, or will in a moment; null when nobody does, or may. */
export type OpenTunnel = (visitor: Visitor, caller: Caller) => Stream | Promise<Stream | null> | null;

/** Whose name is it: asked at every registration and at every open, answered from memory. */
export interface Grants {
  /** Whether this key may hold this canonical name (or `*.` and a canonical name). */
  owns(fingerprint: string, name: string): boolean;
  /** The canonical names that this key may hold, wildcards included; empty for a stranger. */
  of(fingerprint: string): readonly string[];
}

/** How a name fared at the relay. */
export type NameAnswer =
  | Readonly<{ name: string; is: 'held' }>
  | Readonly<{ name: string; is: 'refused'; code: 'name-taken' | 'name-refused' | 'name-malformed' }>;

/** What an invitation says, once its code has been read. The secret is good for one use. */
export type Invite = Readonly<{
  /** Where the relay listens: HOST:PORT. */
  relayAddress: string;
  /** The relay's key, to be pinned. */
  fingerprint: string;
  /** The name it grants: `blog.example.org`. */
  name: string;
  secret: string;
}>;

/** What a relay's carriers ask of its memory. */
export interface Enrolment extends Grants {
  /**
   * Gives the invitation's name to this key, once. Errors: `invite-refused` whether it is wrong, used or
   * expired (a stranger learns nothing), `name-taken`, `store-unavailable`.
   */
  redeem(secret: string, fingerprint: string): Promise<void>;
}
