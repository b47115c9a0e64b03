/** What relay and gateway know of each other: keys, grants and streams that a tunnel opens. */

import type { Address } from '../core/address.ts';
import type { PortRefusal } from './ports.ts';
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
  /** The canonical name of the TLS hello, or null; on a port of its own the port's: `tcp/2222`. */
  sni: string | null;
  alpn: readonly string[];
  /** The relay has ended their TLS: the stream is what was inside. */
  terminated?: true;
}>;

/** A visitor's stream as it arrives at the gateway: still TLS, which only the gateway can end; on a port of its own whatever is spoken there. */
export type TunnelArrival = Visitor & Readonly<{ stream: Stream }>;

/** Opens a stream to the gateway that holds the visitor's name now, or will in a moment; null when nobody does, or may. */
export type OpenTunnel = (visitor: Visitor, caller: Caller) => Stream | Promise<Stream | null> | null;

/** Ports of a relay, both ends included. */
export type PortRange = Readonly<{ from: number; to: number }>;

/** Room for one stream under a grant, until `leave` is called; twice is once. Null: without bounds. */
export type Lease = Readonly<{ pace: Pace | null; leave: (() => void) | null }>;

/** What all streams of one grant may carry together. */
export interface Pace {
  /** Books so many bytes; returns how many milliseconds to wait before they are passed on. */
  spend(bytes: number): number;
}

/**
 * How a name is shared by the gateways that may hold it: `alone` (one at a time), `standby` (one serves, the others wait for
 * its end) or `spread` (all serve). `rank` orders those who stand by: the lowest comes first.
 */
export type Sharing = Readonly<{ how: 'alone' | 'standby' | 'spread'; rank: number }>;

/** Who may what at a relay: asked at every registration and at every open, answered from memory. */
export interface Grants {
  /** Whether this key may hold this canonical name (or `*.` and a canonical name) at this moment. */
  owns(fingerprint: string, name: string): boolean;
  /** Whether anybody may hold this canonical name at this moment, by a grant of the name or one above it. */
  isGranted(name: string): boolean;
  /** Whether this key may have this port of the relay at this moment. */
  ownsPort(fingerprint: string, port: number): boolean;
  /** The canonical names that this key may hold, wildcards included; empty for a stranger. Globs beside the name are not told. */
  of(fingerprint: string): readonly string[];
  /** The ports that this key may have. */
  portsOf(fingerprint: string): readonly PortRange[];
  /**
   * Makes a name outside of the relay's domain this key's, if its DNS says so. Null where nothing is to be said against it: then
   * `owns` has the word. Never rejects.
   */
  claim(fingerprint: string, name: string): Promise<Unproved | null> | Unproved | null;
  /**
   * Takes the room of one stream from this address to a name or port that this key owns; null when its grant has no more.
   * The address is null where it may be forged: then it is not counted among the grant's visitors.
   */
  enter(fingerprint: string, at: string | number, ip: string | null): Lease | null;
  /** Whether a visitor was turned away today because as many others came to the name as its grant allows. */
  isCrowded(fingerprint: string, name: string): boolean;
  /** What must stand in the DNS of this key's name outside of the domain, and was not found of late; null where all is well. */
  failing(fingerprint: string, name: string): string | null;
  /** How this key, which owns the name, shares it with others. */
  sharing(fingerprint: string, name: string): Sharing;
  /** Why the operator blocked this key, every name of it, or the address that it comes from; null when nothing is blocked. */
  barred(fingerprint: string, ip: string): string | null;
  /** Why the operator blocked this name, as its owner is told; null for everybody else. */
  blockedName(fingerprint: string, name: string): string | null;
}

/** How a name fared at the relay. */
export type NameAnswer =
  /** `standby`: another gateway of the group serves it. `crowded`: it has had as many visitors today as it may. `failing`: what its DNS must say, and does not any more: the name will be lost. */
  | Readonly<{ name: string; is: 'held'; as?: 'standby' | undefined; crowded?: true | undefined; failing?: string | undefined }>
  | Readonly<{ name: string; is: 'refused'; code: 'name-taken' | 'name-refused' | 'name-malformed' | 'store-unshared' }>
  /** A port that the relay cannot listen on. */
  | Readonly<{ name: string; is: 'refused'; code: PortRefusal }>
  /**
   * Outside of the relay's domain: `txt` is what must stand in a TXT record at `_sallyport.NAME`. `absent`: it does not; `dns`: that
   * could not be found out; `kept`: another key proved it, or did lately; `count`: this key has as many as it may.
   */
  | Unproved
  /** By the relay's operator; `why` is their text, 200 characters at most. */
  | Readonly<{ name: string; is: 'refused'; code: 'relay-blocked'; why: string }>;

export type Unproved = Readonly<{
  name: string;
  is: 'refused';
  code: 'name-unproved';
  because: 'absent' | 'dns' | 'kept' | 'count';
  txt: string;
}>;

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
  /** All that one key was granted is another's from now on. Errors: `store-unavailable`, `record-conflicted`. */
  renew(from: string, to: string): Promise<void>;
}
