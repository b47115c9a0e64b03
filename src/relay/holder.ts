/** Holds the listening sockets of a relay and starts who listens on them: one relay, and at an upgrade the next before the old one goes. */

import { setTimeout as wait } from 'node:timers/promises';
import { becomeUser } from '../controlplane/service-user.ts';
import type { Limits } from '../core/limits.ts';
import type { HandedSocket } from '../dataplane/bound-handles.ts';
import { HeldProcess } from './held-process.ts';
import { HeldSockets } from './held-sockets.ts';
import type { Failed, Role } from './messages.ts';

export type HolderOptions = Readonly<{
  /** Everything behind the runtime: its flags, the program, the words. */
  words: readonly string[];
  env: NodeJS.ProcessEnv;
  /** Handed over by whoever started us. */
  handed?: readonly HandedSocket[];
  limits: Pick<Limits, 'successorMs' | 'relaysLeavingMax' | 'heldSocketsMax'>;
}>;

/** A relay that died and stood for less is one that dies at once. */
const stoodMs = 10_000;
/** Deaths in a row until it is left to whoever supervises the holder. systemd's default: 5 starts in 10 s. */
const deathsMax = 5;
/** After a relay has died its ports wait for its successor, and for their gateways to come to that. */
const graceMs = 60_000;
/** Between being asked to end at once and being killed. */
const killMs = 2_000;

/** Between two upgrades: gateways that are sent on again and again take a relay for one that hangs up, and come ever later. */
const betweenUpgradesMs = 5_000;

/**
 * Says nothing itself: its relays have the words and the output. It is kept so small and without parsing anything,
 * because it is the one part that an upgrade does not replace.
 */
export class Holder {
  readonly #options: HolderOptions;
  readonly #sockets: HeldSockets;
  readonly #ended = Promise.withResolvers<number>();
  #serving: HeldProcess | null = null;
  /** Started, and not serving yet. */
  #coming: HeldProcess | null = null;
  #leaving: readonly HeldProcess[] = [];
  #upgrading: Promise<void> | null = null;
  #stopping = false;
  #upgradedAt = Number.NEGATIVE_INFINITY;
  #since = 0;
  #deaths = 0;
  /** Of those who ended while all were to end. */
  #worstCode = 0;
  /** The last one that did not come to listen. */
  #stillborn: Readonly<{ code: number; why: Failed }> | null = null;

  constructor(options: HolderOptions) {
    this.#options = options;
    this.#sockets = new HeldSockets(options.limits.heldSocketsMax, options.handed);
  }

  /** Resolves with the exit code when the last relay has ended. */
  async run(): Promise<number> {
    const first = await this.#bring('first', Number.POSITIVE_INFINITY);
    if (first === null) return this.#stopping ? 0 : (this.#stillborn?.code ?? 70);
    return this.#ended.promise;
  }

  /** Once: what runs may end, for a while. Twice: at once. */
  end(): void {
    const all = this.#all();
    if (this.#stopping) {
      for (const one of all) one.tell({ is: 'end' });
      setTimeout(() => all.forEach((one) => one.kill()), killMs).unref();
      return;
    }
    this.#stopping = true;
    // Nobody has come to it yet.
    this.#coming?.kill();
    for (const one of all) one.tell({ is: 'leave', why: 'stop', successor: null });
    // Whoever comes from now on is refused at once, and not kept waiting in a socket that nobody listens on.
    this.#sockets.close();
    this.#look(0);
  }

  /** Starts the code that is on the disk now; if it comes to listen the relay of now leaves, otherwise nothing has happened. */
  upgrade(): Promise<void> {
    if (this.#serving === null || this.#stopping) return Promise.resolve();
    return (this.#upgrading ??= this.#upgradeOnce().finally(() => (this.#upgrading = null)));
  }

  #all(): readonly HeldProcess[] {
    return this.#serving === null ? this.#leaving : [...this.#leaving, this.#serving];
  }

  async #upgradeOnce(): Promise<void> {
    await wait(Math.max(0, this.#upgradedAt + betweenUpgradesMs - performance.now()));
    if (this.#stopping) return;
    const old = this.#serving;
    const next = await this.#bring('successor', this.#options.limits.successorMs);
    if (this.#stopping) return this.#look(0);
    // It may have died meanwhile, and then its place is free.
    if (next === null && old?.code === null && this.#stillborn !== null) return old.tell({ is: 'stay', why: this.#stillborn.why });
    if (next === null) return void this.#again(old?.code ?? 70);
    if (old === null || old.code !== null) return;
    this.#leaving = [...this.#leaving, old];
    this.#upgradedAt = performance.now();
    old.tell({ is: 'leave', why: 'upgrade', successor: next.pid });
    for (const one of this.#leaving.slice(0, -this.#options.limits.relaysLeavingMax)) one.tell({ is: 'end' });
  }

  /** A relay that listens, or null when it did not come to that. */
  async #bring(role: Role, ms: number): Promise<HeldProcess | null> {
    const { words, env } = this.#options;
    const one: HeldProcess = new HeldProcess({
      role,
      words,
      env,
      bind: (host, port) => this.#sockets.bind(host, port, one),
      release: (host, port) => this.#sockets.release(host, port, one),
      upgrade: () => void this.upgrade(),
      stop: () => (this.#stopping ? undefined : this.end()),
      // Only root can; where it fails we end here, and with us who asked.
      become: (user) => (process.getuid?.() === 0 ? becomeUser(user, env) : undefined),
    });
    this.#coming = one;
    const limit = Math.min(ms, 2_147_483_647);
    const listens = await one.says('listening', limit);
    this.#coming = null;
    if (listens === null || this.#stopping) {
      one.kill();
      this.#stillborn = { code: await one.exited, why: one.failed };
      return null;
    }
    this.#serving = one;
    this.#since = performance.now();
    void one.exited.then((code) => this.#fell(one, code));
    return one;
  }

  #fell(one: HeldProcess, code: number): void {
    this.#leaving = this.#leaving.filter((each) => each !== one);
    const served = this.#serving === one;
    if (served) this.#serving = null;
    if (this.#stopping) return this.#look(code);
    // What only it needed goes: at once, or when its successor has had the time to ask for the same.
    if (served) setTimeout(() => this.#sockets.left(one), graceMs).unref();
    else this.#sockets.left(one);
    // At an upgrade its successor is on its way already.
    if (served && this.#upgrading === null) void this.#again(code);
  }

  /** A relay has died. Whoever comes meanwhile waits in the socket's own queue. */
  async #again(code: number): Promise<void> {
    this.#deaths = performance.now() - this.#since < stoodMs ? this.#deaths + 1 : 1;
    if (this.#deaths > deathsMax) return this.#giveUp(code);
    await wait(100 * 2 ** (this.#deaths - 1));
    if (this.#stopping) return this.#look(code);
    const next = await this.#bring('first', this.#options.limits.successorMs);
    if (next === null) this.#giveUp(this.#stillborn?.code ?? 70);
  }

  #giveUp(code: number): void {
    this.#stopping = true;
    for (const one of this.#leaving) one.tell({ is: 'leave', why: 'stop', successor: null });
    this.#sockets.close();
    this.#look(code === 0 ? 70 : code);
  }

  /** Ends when nobody is left; the worst exit code of those who ended by themselves is ours. */
  #look(code: number): void {
    this.#worstCode = Math.max(this.#worstCode, code);
    if (this.#all().length === 0 && this.#coming === null) this.#ended.resolve(this.#worstCode);
  }
}
