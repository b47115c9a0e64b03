/** Where events go. A sink never throws into the road and never makes it wait. */

import type { AuditEvent } from '../core/audit/event.ts';

export interface AuditLog {
  /** Takes the event; what cannot be kept is counted and said, never thrown. */
  record(event: AuditEvent): void;
  /** Resolves when all that was recorded so far is with the operating system. */
  flush(): Promise<void>;
  close(): Promise<void>;
}
