/**
 * Ends what somebody has open when their credential is taken away: a session that was signed out of or revoked, a revoked link
 * or key, a removed user, a new password; and when their roles change, so that what they do next is judged by the new ones.
 */

import type { Change, Json, Records } from '../contracts/store.ts';
import type { Closable } from '../contracts/stream.ts';
import type { Keys } from '../contracts/keys.ts';
import type { Tools, Users } from '../contracts/tools.ts';
import type { Identity } from '../core/policy/exchange.ts';
import type { Engine } from '../dataplane/engine.ts';
import { cutWithClients } from './clients-standing.ts';
import { cutWithHours } from './hours-standing.ts';
import { closeDoorsOf, cutWithDoors } from './doors-standing.ts';

export type StandingOptions = Readonly<{
  records: Pick<Records, 'watch'>;
  users: Pick<Users, 'list'>;
  keys: Pick<Keys, 'list'>;
  /** The subject (`link:3f9a0c11d2`, `user:ana`) has no standing any more, or must show itself again. */
  ended: (subject: string) => void;
  /** The session of that public id is over, by its time or before. */
  endedSession: (id: string) => void;
}>;

/**
 * Wires it to the engine: what runs is cut at once, whichever way it came. What ends together, a thousand sessions of one user
 * or all that expire in one moment, is looked for once: each look goes over everything that runs.
 */
export function cutWithStanding(
  { store, users, keys, clients, doors, now }: Pick<Tools, 'store' | 'users' | 'keys' | 'clients' | 'doors' | 'now'>,
  engine: Pick<Engine, 'cut'>,
): Closable {
  // Subjects and ids of sessions: the one has a colon, the other has none.
  let over = new Set<string>();
  const end = (mark: string): void => {
    if (over.size === 0) queueMicrotask(cut);
    over.add(mark);
  };
  const cut = (): void => {
    const marks = over;
    over = new Set();
    const isOver = ({ subject, session }: Identity): boolean => marks.has(subject) || (session !== undefined && marks.has(session));
    engine.cut((_service, who) => who !== null && isOver(who), 'credentials-expired');
  };
  const ended = (subject: string): void => (end(subject), closeDoorsOf(doors, subject));
  const standing = watchStanding({ records: store.records, users, keys, ended, endedSession: end });
  const ends = [cutWithDoors(doors, engine), cutWithHours({ tools: { users, keys, now }, engine })];
  const suspended = clients === undefined ? null : cutWithClients({ records: store.records, clients }, engine);
  return { close: async () => void (await Promise.all([standing.close(), suspended?.close(), ...ends.map((each) => each.close())])) };
}

/** What expires is told by the store as a deletion. Keys end with the user that stands behind them. */
export function watchStanding({ records, users, keys, ended, endedSession }: StandingOptions): Closable {
  const known = new Map(users.list().map((user) => [user.name, markOf(user.revision, user.roles, user.hours ?? null)]));
  const user = ({ key, entry }: Change): void => {
    const name = key.slice('users/'.length);
    const mark = readMark(entry?.value);
    const before = known.get(name);
    if (mark === null) known.delete(name);
    else known.set(name, mark);
    // The same password under a stronger hash is no change.
    if (before !== undefined && before !== mark) ended(`user:${name}`);
    if (mark !== null) return;
    for (const key of keys.list()) if (key.owner === name) ended(`key:${key.name}`);
  };
  const link = ({ key, entry }: Change): void => {
    if (entry === null) ended(`link:${key.slice('links/'.length)}`);
  };
  /** A key that was given a new text without an overlap: who has the old one must go, and who has the new one comes again. */
  const key = (change: Change): void => {
    if (change.entry === null || hasNoOverlap(change.entry.value)) ended(`key:${change.key.slice('keys/'.length)}`);
  };
  const session = ({ key, entry }: Change): void => {
    if (entry === null) endedSession(key.slice('sessions/'.length));
  };
  const watches = [
    records.watch('users/', user),
    records.watch('links/', link),
    records.watch('keys/', key),
    records.watch('sessions/', session),
  ];
  return { close: async () => watches.forEach((watch) => watch.close()) };
}

/** What may not change of a user while something of theirs runs. */
function markOf(revision: unknown, roles: unknown, hours: unknown): string {
  return JSON.stringify([revision, roles, hours]);
}

function readMark(value: Json | undefined): string | null {
  if (typeof value !== 'object' || value === null || !('revision' in value) || typeof value['revision'] !== 'number') return null;
  return markOf(value['revision'], 'roles' in value ? value['roles'] : [], 'hours' in value ? value['hours'] : null);
}

function hasNoOverlap(value: Json): boolean {
  return typeof value === 'object' && value !== null && 'before' in value && value['before'] === null;
}
