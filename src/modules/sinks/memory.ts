/** The last events, in memory: for tests and for a live list. */

import type { AuditEvent } from '../../core/audit/event.ts';
import type { AuditLog } from '../../contracts/sink.ts';

export type MemorySink = AuditLog & {
  /** The oldest first. */
  readonly last: () => readonly AuditEvent[];
};

export function createMemorySink({ eventsMax }: { readonly eventsMax: number }): MemorySink {
  let events: AuditEvent[] = [];
  return {
    record: (event) => {
      events.push(event);
      // Cut in halves, so that no event pays for the shift of all others.
      if (events.length >= eventsMax * 2) events = events.slice(-eventsMax);
    },
    last: () => events.slice(-eventsMax),
    flush: async () => {},
    close: async () => {},
  };
}
