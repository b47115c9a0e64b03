/** The clients of a proxy: added, changed, suspended and removed in the store, found in memory. */

import { z } from 'zod';
import type { Acceptance, Client, ClientLimits, Shown } from '../../contracts/clients.ts';
import type { Json, Records } from '../../contracts/store.ts';
import { SallyportError } from '../../core/errors.ts';
import type { Limits } from '../../core/limits.ts';
import { clientMarks } from '../../core/policy/certificate-subject.ts';
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

/** `members`: those that come to it, `without` those that leave it. */
export type ClientChanges = Readonly<{
  contact?: string;
  limits?: Partial<ClientLimits>;
  members?: readonly string[];
  without?: readonly string[];
}>;

/**
 * Errors: `name-malformed`, `client-taken` (a name, or a member that is another client's), `client-missing`, `usage-wrong` (a
 * contact that is too long, too many), `record-conflicted`, `store-unavailable`.
 */
export interface ClientTable {
  of(who: Shown | null): Client | null;
  byName(name: string): Client | null;
  /** By name. */
  list(): readonly Client[];
  add(client: NewClient): Promise<Client>;
  change(name: string, changes: ClientChanges): Promise<Client>;
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
  limits,
}: Readonly<{ records: Records; now: () => number; limits: Limits }>): Promise<ClientTable> {
  const byMark = new Map<string, string>();
  const mirror = await Mirror.open<Client>({
    records,
    prefix: 'clients/',
    read: (value) => record.safeParse(value).data ?? null,
    changed: (before, after) => {
      for (const member of before?.members ?? []) if (byMark.get(member) === before?.name) byMark.delete(member);
      for (const member of after?.members ?? []) if (after !== null) byMark.set(member, after.name);
    },
  });
  return new Table({ mirror, byMark, now, limits });
}

/** `byMark`: the name of the client that a member is. */
type Kept = Readonly<{ mirror: Mirror<Client>; byMark: ReadonlyMap<string, string>; now: () => number; limits: Limits }>;

class Table implements ClientTable {
  readonly #mirror: Mirror<Client>;
  readonly #byMark: ReadonlyMap<string, string>;
  readonly #now: () => number;
  readonly #limits: Limits;

  constructor({ mirror, byMark, now, limits }: Kept) {
    this.#mirror = mirror;
    this.#byMark = byMark;
    this.#now = now;
    this.#limits = limits;
  }

  of(who: Shown | null): Client | null {
    // Most show none, and are looked for with each request.
    if (who?.certificate === undefined) return this.byName(this.#byMark.get(who?.subject ?? '') ?? '');
    for (const mark of clientMarks(who)) {
      const name = this.#byMark.get(mark);
      if (name !== undefined) return this.byName(name);
    }
    return null;
  }

  byName(name: string): Client | null {
    return this.#mirror.get(name);
  }

  list(): readonly Client[] {
    return this.#mirror.values().toSorted((one, other) => (one.name < other.name ? -1 : 1));
  }

  async add({ name: text, contact = '', members, limits = noLimits }: NewClient): Promise<Client> {
    const name = userName(text);
    if (name === null)
      throw new SallyportError('name-malformed', `${JSON.stringify(text.slice(0, 64))} is no name for a client.`, {
        hint: 'Use up to 64 letters, digits and . _ - (a letter, a digit or _ first).',
      });
    if (this.byName(name) !== null) throw taken(`There is a client ${name} already.`);
    this.#free(members);
    const { clientsMax } = this.#limits;
    if (this.#mirror.size >= clientsMax)
      throw new SallyportError('usage-wrong', `There are ${clientsMax} clients already, which is the most.`);
    const client: Client = {
      name,
      contact: checkedWords(contact),
      members: this.#counted(members),
      state: 'active',
      why: null,
      limits,
      accepted: null,
      createdAt: this.#now(),
    };
    await this.#mirror.put(name, json(client), { ifVersion: 0 }).catch((error: unknown) => {
      throw error instanceof SallyportError && error.code === 'record-conflicted' ? taken(`There is a client ${name} already.`) : error;
    });
    return client;
  }

  async change(name: string, { contact, limits = {}, members = [], without = [] }: ClientChanges): Promise<Client> {
    const client = this.#existing(name);
    const words = contact === undefined ? client.contact : checkedWords(contact);
    const more = members.filter((each) => !client.members.includes(each));
    this.#free(more);
    const all = this.#counted([...client.members.filter((each) => !without.includes(each)), ...more]);
    return this.#replace({ ...client, contact: words, limits: { ...client.limits, ...limits }, members: all });
  }

  async suspend(name: string, why: string | null): Promise<Client> {
    return this.#replace({ ...this.#existing(name), state: 'suspended', why: why === null ? null : checkedWords(why) });
  }

  async resume(name: string): Promise<Client> {
    return this.#replace({ ...this.#existing(name), state: 'active', why: null });
  }

  async accept(name: string, accepted: Acceptance): Promise<Client> {
    return this.#replace({ ...this.#existing(name), accepted });
  }

  async remove(name: string): Promise<Client> {
    const client = this.#existing(name);
    await this.#mirror.delete(client.name);
    return client;
  }

  close(): void {
    this.#mirror.close();
  }

  #existing(name: string): Client {
    const client = this.byName(name.toLowerCase());
    if (client !== null) return client;
    throw new SallyportError('client-missing', `There is no client ${JSON.stringify(name.slice(0, 64))}.`, {
      hint: 'See who there is: sallyport clients list',
    });
  }

  async #replace(client: Client): Promise<Client> {
    await this.#mirror.replace(client.name, json(client));
    return client;
  }

  #free(members: readonly string[]): void {
    const theirs = members.find((each) => this.#byMark.has(each));
    if (theirs !== undefined) throw taken(`${theirs} is the client ${this.#byMark.get(theirs)} already.`);
  }

  #counted(members: readonly string[]): readonly string[] {
    const all = [...new Set(members)];
    const { clientMembersMax } = this.#limits;
    if (all.length === 0)
      throw new SallyportError('usage-wrong', 'Nobody would be this client any more.', {
        hint: 'Give it another key, user or certificate in the same command, or remove the client.',
      });
    if (all.length <= clientMembersMax) return all;
    throw new SallyportError('usage-wrong', `A client is ${clientMembersMax} keys, users and certificates at most.`, {
      hint: 'Make another client for the others.',
    });
  }
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
