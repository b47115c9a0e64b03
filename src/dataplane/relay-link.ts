/** A gateway's link to one relay, as the rest of the gateway sees it. */

import type { SallyportError } from '../core/errors.ts';
import type { Limits } from '../core/limits.ts';
import type { NameAnswer, TunnelArrival } from '../contracts/tunnel.ts';
import type { ChangeWatchOptions } from './change-watch.ts';
import type { KeyOptions } from './relay-pins.ts';
import type { Way } from './reach/way.ts';

export type RelayState = 'connecting' | 'ready' | 'lost';

export type DialOptions = KeyOptions &
  Readonly<{
    /** HOST:PORT, `[v6]:PORT`. */
    address: string;
    /** Straight when left out. One for all carriers, for what the first finds out serves the others. */
    way?: Way;
    /** Canonical names (`blog.example.org`, `*.blog.example.org`) to be held at once. */
    names: readonly string[];
    limits: Limits;
    /** Whether the relay may end the TLS of this name: what our own configuration says. Nobody's when left out. */
    mayTerminate?: (name: string) => boolean;
    /** A visitor's stream: still TLS. Where it came from is the relay's word. */
    onArrival: (arrival: TunnelArrival) => void;
    /**
     * `lost` comes with the reason when no carrier stands any more, `ready` with one when some of the names are refused.
     * The link goes on trying in either case. A relay that says goodbye is not lost before its first redial has failed.
     */
    onState: (state: RelayState, error?: SallyportError) => void;
    /** How each name fared, whenever the relay has said so; before the state that follows from it. */
    onNames?: (answers: readonly NameAnswer[]) => void;
    /** Tells two gateways that read one store; a secret of theirs. Null or left out: not known. */
    storeId?: string | null | undefined;
    signal: AbortSignal;
    /** How sleep and other addresses are seen; by the system's own means when left out. */
    watching?: Omit<ChangeWatchOptions, 'changed'>;
  }>;

export interface RelayLink {
  /** Resolves when the relay first holds every name that it will hold; rejects with `interrupted` when closed before. */
  readonly ready: Promise<void>;
  /** Makes these the names of this gateway, now and after every reconnection. Says how each fared; rejects when no carrier is left. */
  register(names: readonly string[]): Promise<readonly NameAnswer[]>;
  /** What the relay said that this key may hold; empty before the first carrier. */
  grants(): readonly string[];
  /** How many carriers take new streams. */
  carriers(): number;
  /** The shortest of them, in milliseconds; null while none was measured. */
  roundTripMs(): number | null;
  /** Says goodbye, lets streams end within `goodbyeMs`, and is gone. */
  close(): Promise<void>;
}
