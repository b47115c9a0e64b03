/** A gateway that runs, as the command line and the control socket see it. */

import type { Reach } from '../../core/address.ts';
import type { AuditEvent } from '../../core/audit/event.ts';
import type { Code } from '../../core/errors.ts';
import type { Config } from './plan.ts';
import type { Answer, Question } from './question.ts';

/** Times are RFC 3339, UTC. No event holds a secret. */
export type GatewayEvent =
  /** Not there yet, or not reached by ourselves; it is tried again. `hint` where somebody can do something about it. */
  | Readonly<{ event: 'waiting'; service: string; code: Code; why: string; hint: string | null }>
  /** We reached the address ourselves, saw our own certificate and our own refusal. `ca` is a path, `fingerprint` the leaf's SHA-256 in hex. */
  | Readonly<{
      event: 'ready';
      service: string;
      url: string;
      reach: Reach;
      ca: string | null;
      fingerprint: string | null;
      expires: string | null;
    }>
  /** It was ready, and is not reached any more; `waiting` or `ready` follow. */
  | Readonly<{ event: 'lost'; service: string; code: Code; why: string }>
  | Readonly<{ event: 'opened'; service: string }>
  | Readonly<{ event: 'closed'; service: string; why: 'switched' | 'expired' | 'removed' }>
  /** What the owner should know, once for each cause. */
  | Readonly<{ event: 'warning'; code: string; message: string; hint: string | null }>
  | Readonly<{ event: 'error'; code: Code; message: string; hint: string | null }>
  /** For the live list: one exchange that ended. */
  | Readonly<{ event: 'exchange'; record: AuditEvent }>;

export type ServiceStatus = Readonly<{
  name: string;
  /** Null until it is known. */
  url: string | null;
  reach: Reach | null;
  state: 'ready' | 'waiting' | 'closed' | 'expired';
  /** Its upstream in words: `http://127.0.0.1:3000`. */
  upstream: string;
  /** Who may come in, in words, without secrets. */
  access: string;
  expires: string | null;
  /** Exchanges that run this moment. */
  live: number;
  /** What the owner should know: `source-local`, `source-shared`, `source-refused`. */
  risks: readonly string[];
}>;

export type GatewayStatus = Readonly<{ pid: number; since: string; services: readonly ServiceStatus[] }>;

export interface RunningGateway {
  /** The whole of it, or nothing: throws and keeps the old. */
  reconfigure(config: Config): Promise<void>;
  status(): GatewayStatus;
  /** Throws `service-missing`. */
  open(name: string): Promise<void>;
  /** Unreachable at once, live streams included. Throws `service-missing`. */
  close(name: string): Promise<void>;
  /** Which rule would decide about a request. Errors: `usage-wrong`. */
  explain(question: Question): Promise<Answer>;
  /** Safe to call twice; resolves when nothing of it is left. */
  stop(): Promise<void>;
}
