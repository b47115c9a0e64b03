/** Ends what a client of a proxy runs when it is suspended or removed, and what one runs who is it no more: at once, whichever way it came. */

import type { Clients } from '../contracts/clients.ts';
import type { Change, Records } from '../contracts/store.ts';
import type { Closable } from '../contracts/stream.ts';
import { clientMarks } from '../core/policy/certificate-subject.ts';
import type { Identity } from '../core/policy/exchange.ts';
import type { Engine } from '../dataplane/engine.ts';

export type StandingClients = Readonly<{
  records: Pick<Records, 'watch'>;
  clients: Pick<Clients, 'of' | 'byName' | 'list'>;
}>;

export function cutWithClients({ records, clients }: StandingClients, engine: Pick<Engine, 'cut'>): Closable {
  /** Of those that are removed nothing is left to be read. */
  const members = new Map(clients.list().map((client) => [client.name, client.members]));
  const changed = ({ key, entry }: Change): void => {
    const name = key.slice('clients/'.length);
    // The table has followed the same change before, or follows it in this turn.
    queueMicrotask(() => {
      const client = entry === null ? null : clients.byName(name);
      const gone = new Set((members.get(name) ?? []).filter((each) => client?.members.includes(each) !== true));
      if (client === null) members.delete(name);
      else members.set(name, client.members);
      const isSuspended = client !== null && client.state !== 'active';
      if (!isSuspended && gone.size === 0) return;
      const ends = (who: Identity): boolean =>
        clientMarks(who).some((mark) => gone.has(mark)) || (isSuspended && clients.of(who)?.name === name);
      engine.cut((_service, who) => who !== null && ends(who), 'client-suspended');
    });
  };
  const watch = records.watch('clients/', changed);
  return { close: async () => watch.close() };
}
