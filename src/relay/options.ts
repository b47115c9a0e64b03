/** What a relay is told when it starts. */

import type { Address } from '../core/address.ts';
import type { Fault } from '../core/errors.ts';
import type { Limits } from '../core/limits.ts';
import type { PageSettings } from '../core/pages/settings.ts';
import type { AuditLog } from '../contracts/sink.ts';
import type { Store } from '../contracts/store.ts';
import type { MachineIdentity } from '../contracts/tunnel.ts';
import type { TxtResolver } from '../controlplane/enrolment/txt-proof.ts';
import type { BoundSocket } from '../dataplane/listener.ts';
import type { OwnCertificate } from '../dataplane/websocket-door.ts';
import type { EdgeEntry } from './edge.ts';
import type { At } from './listeners.ts';
import type { Pressure } from './overload.ts';

export type RelayOptions = Readonly<{
  identity: MachineIdentity;
  store: Store;
  listen: readonly At[];
  /** Plain HTTP beside it: sends visitors to HTTPS, says why a name is not there, and serves nothing else. */
  plain?: readonly At[];
  /** Names are granted below it: `example.org`. */
  domain: string;
  /** For carriers in WebSockets: the relay's own names, and what is shown for them. Left out, there is no such door. */
  own?: Readonly<{ names: readonly string[]; certificate: OwnCertificate }> | undefined;
  /** Names whose TLS ends here, where their gateways have agreed; and whether what scanners ask for is refused here already. */
  edge?: Readonly<{ entries: readonly EdgeEntry[]; firewall: boolean }> | undefined;
  /** Names outside of the domain: how many one key may have, and who is asked for their proofs. Left out: none. */
  ownDomains?: Readonly<{ perGateway: number; resolvers: readonly TxtResolver[] }> | undefined;
  /** How its own pages look and read; left out: as usual. */
  pages?: PageSettings | undefined;
  limits: Limits;
  audit: AuditLog;
  /** Milliseconds since 1970. */
  now: () => number;
  /** A key that owns every name and gets visitors who name nobody: the embedded relay's own gateway. Null on a public relay. */
  owner: string | null;
  /** Where the listening sockets come from: a holder's, which outlives this process. Otherwise they are made here. */
  bind?: (at: At) => Promise<BoundSocket>;
  /** Told of the socket of a port that nobody holds any more. */
  release?: (at: At) => void;
  /** Stands in for the process's own lag and memory: a test says how much there is to do. */
  pressure?: () => Pressure;
  /** Told of our own faults. */
  onFault: (error: unknown) => void;
  /** Told of carriers that came to nothing or ended, for the operator's log. */
  onCarrierEnd?: (from: Address, fingerprint: string | null, why: Fault) => void;
}>;
