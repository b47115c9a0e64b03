/** What a configuration would decide: compiled over people who stand in for the real ones, without a home, a socket or a relay. */

import { randomBytes } from 'node:crypto';
import type { Authority, ClientCertificates } from '../contracts/client-certificates.ts';
import type { Key } from '../contracts/keys.ts';
import type { Outgoing } from '../contracts/outgoing.ts';
import type { Tools, User } from '../contracts/tools.ts';
import { compile, type Compiled } from '../controlplane/config/compile.ts';
import type { Config } from '../controlplane/config/plan.ts';
import { namesOf, type RelayPlace } from '../controlplane/places.ts';
import { createIssuers } from '../controlplane/issuers/issuers.ts';
import { openIdentities } from '../controlplane/identities/identities.ts';
import { SallyportError } from '../core/errors.ts';
import { defaults } from '../core/limits.ts';
import { createMemoryStore } from '../modules/stores/memory.ts';
import { guards, upstreams } from '../registry.ts';

/** Names with their roles; `relay` is the name that one would have granted, or null. */
export type Cast = Readonly<{
  people: ReadonlyMap<string, readonly string[]>;
  keys: ReadonlyMap<string, readonly string[]>;
  relay: string | null;
  now: () => number;
}>;

/** Errors: those of the configuration; `user-missing` and `key-missing` where it names somebody who is not in the cast. */
export async function rehearse(config: Config, cast: Cast): Promise<Pick<Compiled, 'answer' | 'close'>> {
  const { now } = cast;
  const store = createMemoryStore({ now });
  const identities = await openIdentities({ store, now, randomBytes, limits: defaults });
  const { sessions, links, doors, passwords, logins, assertions } = identities;
  const secret = randomBytes(32);
  const outgoing: Outgoing = { ask: () => Promise.reject(new SallyportError('issuer-unreachable', 'Nobody is asked here.')) };
  const tools: Tools = {
    now,
    randomBytes,
    store,
    users: usersOf(cast),
    sessions,
    links,
    keys: keysOf(cast),
    // Whichever service asks for a code has one.
    pins: { find: (service) => ({ service, hash: '', revision: 1, createdAt: now() }) },
    doors,
    passwords,
    // Whoever is in the cast has what the configuration asks for.
    logins: { ...logins, codes: { has: () => true, take: async () => 'wrong' }, passkeys: { ...logins.passkeys, has: () => true } },
    limits: defaults,
    secret: () => secret,
    outgoing,
    mail: null,
    certificates: certificatesOf(cast),
    assertions,
    issuers: createIssuers({ outgoing, now, limits: defaults }),
  };
  const relays = cast.relay === null && config.listen.length > 0 ? [] : [placeOf(cast.relay)];
  try {
    const compiled = compile(config, {
      guards,
      upstreams,
      tools,
      post: { by: () => ({ send: () => true }) },
      ways: { relay: relays[0]?.reach ?? null, machine: [] },
      namesOf: (plan, hasDoors) => namesOf(plan, relays, hasDoors),
      isOpen: () => true,
      openedAt: () => now(),
      version: 1,
      checkNonce: '',
      platform: process.platform,
    });
    const close = async (): Promise<void> => {
      await compiled.close();
      identities.close();
      await store.close();
    };
    return { answer: compiled.answer, close };
  } catch (error) {
    identities.close();
    await store.close();
    throw toldOfTheCast(error);
  }
}

function toldOfTheCast(error: unknown): unknown {
  if (!(error instanceof SallyportError) || (error.code !== 'user-missing' && error.code !== 'key-missing')) return error;
  const where = error.code === 'user-missing' ? 'people: { ana: [editor] }' : 'keys: { ci: [] }';
  return new SallyportError(error.code, error.message, { hint: `Name them in the file of the tests: ${where}`, cause: error });
}

function usersOf({ people, now }: Cast): Tools['users'] {
  const all = [...people].map(([name, roles]): User => ({ name, hash: '', roles, revision: 0, createdAt: now() }));
  const byName = new Map(all.map((user) => [user.name, user]));
  return { find: (name) => byName.get(name) ?? null, list: () => all };
}

function keysOf({ keys, now }: Cast): Tools['keys'] {
  const all = [...keys].map(([name, roles]): Key => ({ name, roles, owner: null, createdAt: now(), expires: null, networks: [] }));
  const byName = new Map(all.map((key) => [key.name, key]));
  return { digest: () => null, find: () => null, byName: (name) => byName.get(name) ?? null, list: () => all, used: () => undefined };
}

/** Whoever is in the cast has a certificate: by which authority is a matter of files, which are not opened. */
function certificatesOf({ people, now }: Cast): ClientCertificates {
  const all = [...people].map(([name, roles]) => ({ fingerprint: '', name, roles, createdAt: now(), expires: Infinity, revokedAt: null }));
  const authority: Authority = { roots: () => [], judge: () => ({ is: 'wrong', why: 'nobody shows one here' }) };
  return { own: { ...authority, find: () => null, list: () => all }, authority: () => authority, letIn: () => undefined };
}

function placeOf(root: string | null): RelayPlace {
  const reach = root === null ? 'machine' : 'internet';
  return {
    address: 'relay:443',
    host: 'relay',
    port: 443,
    root: root ?? 'localhost',
    domain: root ?? 'localhost',
    embedded: root === null,
    reach,
  };
}
