/** What listens at a relay for those who come to a port of its own. */

import type { Code } from '../core/errors.ts';

/** Why a relay cannot listen on a port. */
export type PortRefusal = Extract<Code, 'address-in-use' | 'permission-missing' | 'address-unavailable'>;

/** Names of ports are `tcp/2222` and `udp/5353`. */
export interface PortDoors {
  /** This key holds the port from now on. Null when it is listened on, else why it is not. Never rejects. */
  open(name: string, fingerprint: string): Promise<PortRefusal | null>;
  /** Nobody holds it: closed `now`, or `soon` where its gateway may be back in a moment. */
  close(name: string, when: 'now' | 'soon'): void;
}
