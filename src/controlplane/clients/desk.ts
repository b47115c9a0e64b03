/** Clients of a running gateway: who they are, what they have used, and what is written of it. */

import type { Clients } from '../../contracts/clients.ts';
import type { Store } from '../../contracts/store.ts';
import type { Closable } from '../../contracts/stream.ts';
import type { AuditEvent } from '../../core/audit/event.ts';
import { Calendar, type CalendarDay } from '../../core/calendar.ts';
import type { Limits } from '../../core/limits.ts';
import type { KeyTable } from '../identities/keys.ts';
import { SallyportError } from '../../core/errors.ts';
import { ByteCounters } from './byte-counters.ts';
import { openClients } from './table.ts';
import { Uptime } from './uptime.ts';
import { addUsage, connectPercentile, noUsage } from './usage-record.ts';
import { Usage, usageOf } from './usage.ts';

export type ClientDesk = Clients & Closable & Readonly<{ account: (event: AuditEvent) => void; flush: () => Promise<void> }>;

export type DeskTools = Readonly<{
  store: Store;
  now: () => number;
  limits: Limits;
  /** Left out where nobody changes keys. */
  apiKeys?: Pick<KeyTable, 'rotate'>;
}>;

/** What is shown of what was measured. */
const measuredDays = 30;

/** Reads all clients and their counts into memory. Rejects with `store-unavailable` when the store is away. */
export async function openClientDesk({ store: { records }, now, limits, apiKeys }: DeskTools): Promise<ClientDesk> {
  const table = await openClients({ records, now, limits });
  const bytes = await ByteCounters.open(records);
  const usage = new Usage(records);
  let calendar = new Calendar('UTC');
  const today = (): CalendarDay => calendar.at(now());
  const uptime = new Uptime(records);
  let isProxy = false;
  let turn: Promise<void> = Promise.resolve();
  const flush = (): Promise<void> =>
    (turn = turn
      .then(() => bytes.flush(today()))
      .then(() => usage.flush())
      .then(() => (isProxy ? uptime.mark(now()) : undefined)));
  // What is lost when the process dies is what came since the last time. A fault of the store is told by who needs it.
  const timer = setInterval(() => void flush().catch(() => undefined), limits.clientUseMs);
  timer.unref();
  return {
    of: (who) => table.of(who),
    byName: (name) => table.byName(name),
    list: () => table.list(),
    keepDaysOf: (zone) => {
      isProxy = true;
      if (zone !== calendar.zone) calendar = new Calendar(zone);
    },
    used: (name) => {
      const day = today();
      const { dayBytes, monthBytes } = bytes.used(name, day);
      return { dayBytes, monthBytes, dayEnds: day.dayEnds, monthEnds: day.monthEnds };
    },
    spend: (name, count) => bytes.spend(name, count, today()),
    connected: (name, destination, ms) => usage.connected(name, today().day, destination, ms),
    measured: async (name) => {
      const since = calendar.at(now() - measuredDays * 86_400_000).day;
      const days = await usageOf(records, name, since, '9999-12-31');
      const { total, connects, refused } = days.reduce((sum, [, each]) => addUsage(sum, each), noUsage);
      const errors = total.requests === 0 ? null : total.ours / total.requests;
      return { uptime: await uptime.share(now(), measuredDays), connectMs: connectPercentile(connects, 95), errors, refused };
    },
    accept: (name, acceptance) => table.accept(name, acceptance),
    rotate: async (key, overlapMs) => {
      if (apiKeys === undefined) throw new SallyportError('key-missing', `There is no key ${key}.`);
      return (await apiKeys.rotate(key, overlapMs)).secret;
    },
    account: (event) => {
      const { who: subject, certificate } = event;
      const client = subject === null ? null : table.of({ subject, ...(certificate === undefined ? {} : { certificate }) });
      if (client !== null) usage.account(client.name, today().day, event);
    },
    flush,
    close: async () => {
      clearInterval(timer);
      await flush().catch(() => undefined);
      bytes.close();
      table.close();
    },
  };
}
