/** A gateway that runs, as the command line and the control socket see it. */

import type { Reach } from '../../core/address.ts';
import type { AuditEvent } from '../../core/audit/event.ts';
import type { Code } from '../../core/errors.ts';
import type { Config } from './plan.ts';
import type { Answering } from './destination-question.ts';

/** Times are RFC 3339, UTC. No event holds a secret. */
export type GatewayEvent =
  /** Not there yet, or not reached by ourselves; it is tried again. `hint` where somebody can do something about it. */
  | Readonly<{
      event: 'waiting';
      service: string;
      code: Code;
      why: string;
      hint: string | null;
      /** Which relay is awaited, HOST:PORT, where there are several. */
      relay?: string;
    }>
  /**
   * We reached the address ourselves, saw our own certificate and our own refusal. `ca` is a path, `fingerprint` the leaf's
   * SHA-256 in hex. Of several relays one was reached at least; it is said anew when another is, or is not any more.
   */
  | Readonly<{
      event: 'ready';
      service: string;
      url: string;
      /** All addresses that were reached, `url` the first of them, where there are several. */
      urls?: readonly string[];
      reach: Reach;
      ca: string | null;
      fingerprint: string | null;
      expires: string | null;
      /** The relays that were not reached. Left out where there are none. */
      waiting?: readonly AwaitedRelay[];
    }>
  /** It was ready, and is not reached any more; `waiting` or `ready` follow. */
  | Readonly<{ event: 'lost'; service: string; code: Code; why: string }>
  /** One of several backends of a service is away (`code` and `why` say so), or back. */
  | Readonly<{ event: 'backend'; service: string; backend: string; state: 'up' | 'down'; code: Code | null; why: string | null }>
  | Readonly<{ event: 'opened'; service: string }>
  | Readonly<{ event: 'closed'; service: string; why: 'switched' | 'maintenance' | 'expired' | 'removed' }>
  /** A certificate of a public authority was ordered, or renewed. */
  | Readonly<{ event: 'certificate'; name: string; change: 'ordered' | 'renewed'; expires: string; authority: string }>
  /** What the owner should know, once for each cause. */
  | Readonly<{ event: 'warning'; code: string; message: string; hint: string | null }>
  | Readonly<{ event: 'error'; code: Code; message: string; hint: string | null }>
  /** For the live list: one exchange that ended. */
  | Readonly<{ event: 'exchange'; record: AuditEvent }>;

/** A relay that a service is not reached by yet, or not any more, while it is by another. `relay` is HOST:PORT. */
export type AwaitedRelay = Readonly<{ relay: string; code: Code; why: string; hint: string | null }>;

export type ServiceStatus = Readonly<{
  name: string;
  /** Null until it is known. */
  url: string | null;
  /** All its addresses: of several relays one each. */
  urls: readonly string[];
  reach: Reach | null;
  state: 'ready' | 'waiting' | 'closed' | 'expired';
  /** Its upstream in words: `http://127.0.0.1:3000`. */
  upstream: string;
  /** Who may come in, in words, without secrets. */
  access: string;
  expires: string | null;
  /** Exchanges that run this moment. */
  live: number;
  /** What the owner should know: `source-local`, `source-shared`, `source-refused`, `certificate-failed`. */
  risks: readonly string[];
  /** Where it has several, or says `balance`. */
  backends?: readonly BackendStatus[];
}>;

/** One of several backends. */
export type BackendStatus = Readonly<{
  backend: string;
  state: 'up' | 'down';
  /** Since when it is so. */
  since: string;
  /** Why it is away; null while it is not. */
  code: string | null;
  why: string | null;
  weight: number;
  emergency: boolean;
  /** Exchanges that it carries this moment. */
  live: number;
}>;

/** A relay that was joined, as this gateway sees it. */
export type RelayStatus = Readonly<{
  /** HOST:PORT. */
  relay: string;
  state: 'ready' | 'waiting';
  /** Why it waits, or which of the names it refused; null when all is well, or nothing is known yet. */
  code: string | null;
  why: string | null;
  /** That take new streams. */
  carriers: number;
  /** The shortest of them; null while none was measured. */
  roundTripMs: number | null;
  /** The names that it holds for us. */
  names: readonly string[];
}>;

/** `relays`: those that were joined. */
export type GatewayStatus = Readonly<{
  pid: number;
  since: string;
  services: readonly ServiceStatus[];
  relays: readonly RelayStatus[];
}>;

export interface RunningGateway {
  /** The whole of it, or nothing: throws and keeps the old. */
  reconfigure(config: Config): Promise<void>;
  status(): GatewayStatus;
  /** Throws `service-missing`. */
  open(name: string): Promise<void>;
  /** Unreachable at once, live streams included. Throws `service-missing`. */
  /** With `pause` visitors are told this text instead of finding nothing. */
  close(name: string, pause?: string | null): Promise<void>;
  /** Which rule would decide about a request. Errors: `usage-wrong`. */
  readonly explain: Answering;
  /** Safe to call twice; resolves when nothing of it is left. With `grace` what runs may end first, for `ms` or until `hurry`. */
  stop(grace?: Readonly<{ ms: number; hurry: AbortSignal }>): Promise<void>;
}
