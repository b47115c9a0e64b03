/** Proves a name and a password: remembers what was right, slows down who guesses, hashes the rest. */

import { hash } from 'node:crypto';
import type { Tools, User } from '../../../contracts/tools.ts';
import { userName, type Basic } from '../../../core/policy/credentials.ts';
import type { Exchange } from '../../../core/policy/exchange.ts';
import { Memo } from '../../../core/policy/memo.ts';
import { ShownToken } from '../../../core/policy/shown-token.ts';
import { storedUsers, type UserSource } from './source.ts';

export type Proof =
  | Readonly<{ is: 'right'; user: User }>
  | Readonly<{ is: 'wrong'; why: string }>
  | Readonly<{ is: 'wait'; seconds: number; why: string }>;

type Known = Readonly<{ name: string; revision: number }>;

/** What all services and configurations of one gateway share, so that neither a second service nor a reload gives new guesses. */
type Memory = Readonly<{ key: string; known: Memo<Known>; running: Map<string, Promise<Proof>> }>;

const memories = new WeakMap<Tools['users'], Memory>();

export class Door {
  readonly #tools: Tools;
  readonly #service: string;
  readonly #admits: (name: string) => boolean;
  readonly #source: UserSource;
  readonly #memory: Memory;
  readonly #keys = new ShownToken((token) => this.keyOf(token));

  constructor(tools: Tools, service: string, admits: (name: string) => boolean, source = storedUsers(tools)) {
    this.#tools = tools;
    this.#service = service;
    this.#admits = admits;
    this.#source = source;
    this.#memory = memoryOf(tools);
  }

  /** The user by that name, as long as this service admits them. */
  find(name: string): User | null {
    return this.#admits(name) ? this.#source.find(name) : null;
  }

  /**
   * The key under which credentials are remembered: a hash with a key of this process, so that
   * neither memory nor the time of a look-up tells anything of a password.
   */
  keyOf(token: string): string {
    return hash('sha256', `${this.#memory.key}\0${this.#service}\0${token}`, 'base64');
  }

  /** The same, hashed once a connection for who sends the same token with every request. */
  keyFor(exchange: Exchange, token: string): string {
    return this.#keys.of(exchange, token);
  }

  /** The user whose credentials were right a moment ago, and still stand. */
  remembered(key: string): User | null {
    const known = this.#memory.known.get(key, this.#tools.now());
    if (known === undefined) return null;
    const user = this.find(known.name);
    if (user !== null && user.revision === known.revision) return user;
    this.#memory.known.delete(key);
    return null;
  }

  /** Checks for real. The same credentials asked about many times at once are one guess and one hash. */
  prove(exchange: Exchange, basic: Basic, key: string): Promise<Proof> {
    const { running } = this.#memory;
    const before = running.get(key);
    if (before !== undefined) return before;
    const proof = this.#prove(exchange, basic, key).finally(() => running.delete(key));
    running.set(key, proof);
    return proof;
  }

  async #prove(exchange: Exchange, { user: shown, password }: Basic, key: string): Promise<Proof> {
    const { known } = this.#memory;
    const { guesses } = this.#tools.logins;
    const name = userName(shown);
    const user = name === null ? null : this.find(name);
    // Asked for whoever it is, so that the question takes no longer for who is unknown.
    const standIn = this.#source.standIn(name ?? '?');
    const guess = await guesses.take(exchange, { name: name ?? '?', revision: user?.revision ?? 0 });
    if (typeof guess === 'number') return { is: 'wait', seconds: Math.ceil(guess / 1000), why: 'too many wrong guesses' };
    const right = await this.#tools.passwords.verify(password, user?.hash ?? standIn, guess.known);
    if (right === 'busy') {
      guess.unmade();
      return { is: 'wait', seconds: 1, why: 'too many passwords are being checked' };
    }
    if (!right || user === null) return { is: 'wrong', why: 'the name or the password is wrong' };
    guess.right();
    // The password may have changed while it was hashed.
    const still = this.find(user.name);
    if (still === null || still.revision !== user.revision) return { is: 'wrong', why: 'the user changed meanwhile' };
    known.set(key, { name: still.name, revision: still.revision }, this.#tools.now());
    return { is: 'right', user: still };
  }
}

function memoryOf(tools: Tools): Memory {
  const before = memories.get(tools.users);
  if (before !== undefined) return before;
  const { limits } = tools;
  const memory: Memory = {
    key: Buffer.from(tools.randomBytes(32)).toString('base64'),
    known: new Memo(limits.credentialCacheMax, limits.credentialCacheMs),
    running: new Map(),
  };
  memories.set(tools.users, memory);
  return memory;
}
