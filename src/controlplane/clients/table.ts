/** The clients of a proxy: added, changed, suspended and removed in the store, found in memory. */

import { z } from 'zod';
import type { Acceptance, Client, ClientLimits } from '../../contracts/clients.ts';
import type { Json, Records } from '../../contracts/store.ts';
import { SallyportError } from '../../core/errors.ts';
import type { Limits } from '../../core/limits.ts';
import { userName } from '../../core/policy/credentials.ts';
import { Mirror } from '../identities/mirror.ts';

export const noLimits: ClientLimits = Object.freeze({
  requestsPerSecond: null,
  connections: null,
  tunnels: null,
  bytesPerSecond: null,
  bytesPerDay: null,
  bytesPerMonth: null,
  tunnelIdleMs: null,
  tunnelLifeMs: null,
  weight: 1,
});

const count = z.number().positive().nullable();
const limits = z.strictObject({
  requestsPerSecond: count,
  connections: count,
  tunnels: count,
  bytesPerSecond: count,
  bytesPerDay: count,
  bytesPerMonth: count,
  tunnelIdleMs: count,
  tunnelLifeMs: count,
  weight: z.number().positive(),
});

const record = z.strictObject({
  name: z.string(),
  contact: z.string(),
  members: z.array(z.string()),
  state: z.enum(['active', 'suspended']),
  why: z.string().nullable(),
  limits,
  accepted: z.strictObject({ version: z.string(), hash: z.string(), at: z.number(), by: z.string() }).nullable(),
  createdAt: z.number(),
});

export type NewClient = Readonly<{ name: string; contact?: string; members: readonly string[]; limits?: ClientLimits }>;

/**
 * Errors: `name-malformed`, `client-taken` (a name, or a member that is another client's), `client-missing`, `usage-wrong` (a
 * contact that is too long, too many), `record-conflicted`, `store-unavailable`.
 */
export interface ClientTable {
  of(subject: string): Client | null;
  byName(name: string): Client | null;
  /** By name. */
  list(): readonly Client[];
  add(client: NewClient): Promise<Client>;
  change(name: string, changes: Readonly<{ contact?: string; limits?: Partial<ClientLimits> }>): Promise<Client>;
  suspend(name: string, why: string | null): Promise<Client>;
  resume(name: string): Promise<Client>;
  accept(name: string, acceptance: Acceptance): Promise<Client>;
  remove(name: string): Promise<Client>;
  close(): void;
}

const wordsCharsMax = 200;

export async function openClients({
  records,
  now,
  limits: { clientsMax },
}: Readonly<{ records: Records; now: () => number; limits: Limits }>): Promise<ClientTable> {
  const bySubject = new Map<string, string>();
  const mirror = await Mirror.open<Client>({
    records,
    prefix: 'clients/',
    read: (value) => record.safeParse(value).data ?? null,
    changed: (before, after) => {
      for (const member of before?.members ?? []) if (bySubject.get(member) === before?.name) bySubject.delete(member);
      for (const member of after?.members ?? []) if (after !== null) bySubject.set(member, after.name);
    },
  });
  const existing = (name: string): Client => {
    const client = mirror.get(name.toLowerCase());
    if (client === null)
      throw new SallyportError('client-missing', `There is no client ${JSON.stringify(name.slice(0, 64))}.`, {
        hint: 'See who there is: sallyport clients list',
      });
    return client;
  };
  const replace = async (client: Client): Promise<Client> => {
    await mirror.replace(client.name, json(client));
    return client;
  };
  return {
    of: (subject) => mirror.get(bySubject.get(subject) ?? ''),
    byName: (name) => mirror.get(name),
    list: () => mirror.values().toSorted((one, other) => (one.name < other.name ? -1 : 1)),
    add: async ({ name: text, contact = '', members, limits: own = noLimits }) => {
      const name = userName(text);
      if (name === null)
        throw new SallyportError('name-malformed', `${JSON.stringify(text.slice(0, 64))} is no name for a client.`, {
          hint: 'Use up to 64 letters, digits and . _ - (a letter, a digit or _ first).',
        });
      if (mirror.get(name) !== null) throw taken(`There is a client ${name} already.`);
      const theirs = members.find((each) => bySubject.has(each));
      if (theirs !== undefined) throw taken(`${theirs} is the client ${bySubject.get(theirs)} already.`);
      if (mirror.size >= clientsMax) throw new SallyportError('usage-wrong', `There are ${clientsMax} clients already, which is the most.`);
      const client: Client = {
        name,
        contact: checkedWords(contact),
        members: [...members],
        state: 'active',
        why: null,
        limits: own,
        accepted: null,
        createdAt: now(),
      };
      await mirror.put(name, json(client), { ifVersion: 0 }).catch((error: unknown) => {
        throw error instanceof SallyportError && error.code === 'record-conflicted' ? taken(`There is a client ${name} already.`) : error;
      });
      return client;
    },
    change: async (name, { contact, limits: own = {} }) => {
      const client = existing(name);
      const words = contact === undefined ? client.contact : checkedWords(contact);
      return replace({ ...client, contact: words, limits: { ...client.limits, ...own } });
    },
    suspend: async (name, why) => replace({ ...existing(name), state: 'suspended', why: why === null ? null : checkedWords(why) }),
    resume: async (name) => replace({ ...existing(name), state: 'active', why: null }),
    accept: async (name, accepted) => replace({ ...existing(name), accepted }),
    remove: async (name) => {
      const client = existing(name);
      await mirror.delete(client.name);
      return client;
    },
    close: () => mirror.close(),
  };
}

function checkedWords(text: string): string {
  const printable = /^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*$/u.test(text);
  if (printable && text.length <= wordsCharsMax) return text;
  throw new SallyportError('usage-wrong', `One line of ${wordsCharsMax} characters at most.`);
}

function taken(message: string): SallyportError {
  return new SallyportError('client-taken', message, { hint: 'See who there is: sallyport clients list' });
}

function json(client: Client): Json {
  return { ...client, members: [...client.members], limits: { ...client.limits }, accepted: client.accepted && { ...client.accepted } };
}
