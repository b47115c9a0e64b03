/** Where the one event of each exchange goes: the file, what clients are held to have used, and whoever looks on. */

import type { AuditLog } from '../contracts/sink.ts';
import type { AuditEvent } from '../core/audit/event.ts';
import type { SallyportError } from '../core/errors.ts';
import type { Limits } from '../core/limits.ts';
import type { GatewayEvent } from '../controlplane/config/running.ts';
import { openFileSink } from '../modules/sinks/file.ts';

export type AuditPlaces = Readonly<{
  path: string;
  now: () => number;
  limits: Limits;
  trouble: (error: SallyportError | null) => void;
  /** Counts it for its client, if it is one's. */
  account: (record: AuditEvent) => void;
  onEvent: (event: GatewayEvent) => void;
}>;

/** Errors: `disk-full`, `home-*`. */
export async function openAudit({ path, now, limits, trouble, account, onEvent }: AuditPlaces): Promise<AuditLog> {
  const file = await openFileSink({ path, now, limits, trouble });
  return {
    record: (record) => {
      file.record(record);
      account(record);
      onEvent({ event: 'exchange', record });
    },
    flush: () => file.flush(),
    close: () => file.close(),
  };
}
