/** Tools for guards: real people, sessions and links over a store in memory, cheap hashes, and a clock that a test turns. */

import { randomBytes } from 'node:crypto';
import type { Store } from '../../src/contracts/store.ts';
import type { Tools } from '../../src/contracts/tools.ts';
import { createClientDesk, type ClientDesk } from '../../src/controlplane/certificates/clients/desk.ts';
import { openClientDesk } from '../../src/controlplane/clients/desk.ts';
import { openClientRegister } from '../../src/controlplane/certificates/clients/register.ts';
import { openIdentities, type Identities } from '../../src/controlplane/identities/identities.ts';
import { SallyportError } from '../../src/core/errors.ts';
import { limitsWith, type Limits } from '../../src/core/limits.ts';
import type { Letter } from '../../src/contracts/mail.ts';
import type { Outgoing } from '../../src/contracts/outgoing.ts';
import { createIssuers } from '../../src/controlplane/issuers/issuers.ts';
import { createMemoryStore } from '../../src/modules/stores/memory.ts';

export const goodPassword = 'lamp orbit velvet acre';

export type TestTools = Tools &
  Readonly<{
    people: Identities;
    clock: { now: number };
    hashes: { count: number };
    secrets: Map<string, Uint8Array>;
    store: Store;
    /** What lies behind `outgoing`: nothing, until a test says otherwise. */
    outside: { ask: Outgoing['ask'] };
    /** What was sent by mail. */
    letters: Letter[];
  }>;

/** With a user for each name, all with `goodPassword`. */
export async function testTools(names: readonly string[] = ['ana'], changes: Partial<Limits> = {}): Promise<TestTools> {
  const clock = { now: 1_800_000_000_000 };
  const hashes = { count: 0 };
  const secrets = new Map<string, Uint8Array>();
  const limits = limitsWith(changes);
  const now = (): number => clock.now;
  const store = createMemoryStore({ now });
  const people = await openIdentities({ store, now, randomBytes, limits, cost: { memoryKib: 8, passes: 1, lanes: 1 } });
  for (const name of names) await people.users.add(name, goodPassword);
  const { users, sessions, links, keys, pins, doors, logins } = people;
  const outside: TestTools['outside'] = {
    ask: (): ReturnType<Outgoing['ask']> => Promise.reject(new SallyportError('issuer-unreachable', 'Nobody is there.')),
  };
  const letters: Letter[] = [];
  const outgoing: Outgoing = { ask: (request) => outside.ask(request) };
  const passwords: Tools['passwords'] = {
    verify: (password, hash, known) => {
      hashes.count += 1;
      return people.passwords.verify(password, hash, known);
    },
  };
  return {
    now,
    randomBytes,
    store,
    users,
    sessions,
    links,
    keys,
    pins,
    doors,
    passwords,
    logins,
    limits,
    secret: (name) => secrets.get(name) ?? null,
    outgoing,
    mail: { send: (letter) => letters.push(letter) > 0 },
    letters,
    certificates: await certificatesOver(store, now, limits),
    clients: await openClientDesk({ store, now, limits }),
    assertions: people.assertions,
    issuers: createIssuers({ outgoing, now, limits }),
    outside,
    people,
    clock,
    hashes,
    secrets,
  };
}

async function certificatesOver({ records }: Store, now: () => number, limits: Limits): Promise<ClientDesk> {
  return createClientDesk({ register: await openClientRegister({ records, now, limits }), now, limits, failed: () => undefined });
}
