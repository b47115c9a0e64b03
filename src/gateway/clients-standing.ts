/** Ends what a client of a proxy runs when it is suspended or removed: at once, whichever way it came. */

import type { Client } from '../contracts/clients.ts';
import type { Change, Records } from '../contracts/store.ts';
import type { Closable } from '../contracts/stream.ts';
import type { Engine } from '../dataplane/engine.ts';

export type StandingClients = Readonly<{
  records: Pick<Records, 'watch'>;
  clients: Readonly<{ byName: (name: string) => Client | null; list: () => readonly Client[] }>;
}>;

export function cutWithClients({ records, clients }: StandingClients, engine: Pick<Engine, 'cut'>): Closable {
  /** Of those that are removed nothing is left to be read. */
  const members = new Map(clients.list().map((client) => [client.name, client.members]));
  const changed = ({ key, entry }: Change): void => {
    const name = key.slice('clients/'.length);
    // The table has followed the same change before, or follows it in this turn.
    queueMicrotask(() => {
      const client = entry === null ? null : clients.byName(name);
      const subjects = new Set([...(members.get(name) ?? []), ...(client?.members ?? [])]);
      if (client === null) members.delete(name);
      else members.set(name, client.members);
      if (client?.state === 'active') return;
      engine.cut((_service, who) => who !== null && subjects.has(who.subject), 'client-suspended');
    });
  };
  const watch = records.watch('clients/', changed);
  return { close: async () => watch.close() };
}
