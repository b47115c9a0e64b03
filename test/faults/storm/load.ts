/** The visitors of the storm: each with an address and a kept connection of its own, one work after the other, until all are told to leave. */

import { Agent } from 'node:https';
import { setTimeout as pause } from 'node:timers/promises';
import { Chance } from '../../fuzz/chance.ts';
import { echoVisit } from './echo-visit.ts';
import { works, type Tally, type Work } from './tally.ts';
import { visit, type Door } from './visit.ts';

/** How often each is chosen, in a hundred. */
const shares: readonly (readonly [Work, number])[] = [
  ['nonce', 37],
  ['post', 20],
  ['upload', 9],
  ['download', 12],
  ['chunked', 5],
  ['drip', 12],
  ['websocket', 5],
];
/** A read is tried so often; what changes something is sent once. */
const triesMax = 5;

export type LoadOptions = Readonly<{
  doors: readonly Door[];
  visitors: number;
  tally: Tally;
  chance: Chance;
  /** A WebSocket stays for at most so many messages, of a tenth of a second each. */
  messagesMax: number;
}>;

export type Load = Readonly<{ stop: () => Promise<void> }>;

/** Systems other than Linux have one loopback address only. */
function visitorAddress(number: number): string | undefined {
  return process.platform === 'linux' ? `127.64.${number >> 8}.${number & 0xff || 255}` : undefined;
}

let nextId = 0;
/** Of one request in the whole process; a run's own part keeps two storms apart. */
export function newId(): string {
  return `${process.pid.toString(36)}-${(nextId += 1).toString(36)}`;
}

export function startLoad(options: LoadOptions): Load {
  const stopping = new AbortController();
  const agents: Agent[] = [];
  const all = Array.from({ length: options.visitors }, async (_, number) => {
    const door = options.doors[number % options.doors.length];
    if (door === undefined) return;
    const agent = new Agent({ keepAlive: true, maxSockets: 2 });
    agents.push(agent);
    const visitor = new Visitor(options, number, door, agent, new Chance(options.chance.number(2 ** 32)));
    while (!stopping.signal.aborted) await visitor.next(stopping.signal);
  });
  const stop = async (): Promise<void> => {
    stopping.abort();
    const patience = setTimeout(() => agents.forEach((agent) => agent.destroy()), 4_000);
    await Promise.all(all);
    clearTimeout(patience);
    for (const agent of agents) agent.destroy();
  };
  return { stop };
}

class Visitor {
  readonly #options: LoadOptions;
  readonly #door: Door;
  readonly #agent: Agent;
  readonly #from: string | undefined;
  readonly #chance: Chance;
  /** Visitors begin with different ones: each kind is tried, however short the run. */
  #first: Work | undefined;

  constructor(options: LoadOptions, number: number, door: Door, agent: Agent, chance: Chance) {
    this.#options = options;
    this.#first = works[number % works.length];
    this.#door = door;
    this.#agent = agent;
    this.#from = visitorAddress(number);
    this.#chance = chance;
  }

  async next(signal: AbortSignal): Promise<void> {
    const work = this.#choose();
    for (let tries = 1; tries <= triesMax && !signal.aborted; tries += 1) {
      const id = newId();
      const outcome = work === 'websocket' ? await this.#echo(id, signal) : await this.#visit(work, id);
      this.#options.tally.note(work, id, outcome, tries > 1);
      if (outcome.is === 'whole' || outcome.is === 'wrong' || work === 'post' || work === 'upload') break;
      await pause(50 * 2 ** tries, undefined, { signal }).catch(() => undefined);
    }
    await pause(this.#chance.number(400), undefined, { signal }).catch(() => undefined);
  }

  #choose(): Work {
    const first = this.#first;
    this.#first = undefined;
    if (first !== undefined) return first;
    let left = this.#chance.number(100);
    for (const [work, share] of shares) {
      if (left < share) return work;
      left -= share;
    }
    return 'nonce';
  }

  async #visit(work: Exclude<Work, 'websocket'>, id: string) {
    const bytes = this.#bytesOf(work);
    const outcome = await visit(this.#door, { work, id, bytes, agent: this.#agent, from: this.#from });
    if (outcome.is === 'whole') this.#options.tally.bytes += bytes;
    return outcome;
  }

  #echo(id: string, signal: AbortSignal) {
    const messages = 5 + this.#chance.number(this.#options.messagesMax);
    const onMessage = (bytes: number): void => {
      this.#options.tally.messages += 1;
      this.#options.tally.bytes += bytes;
    };
    return echoVisit(this.#door, { id, messages, pauseMs: 100, from: this.#from, onMessage, signal });
  }

  /** Mostly small, some of 2 MB. */
  #bytesOf(work: Work): number {
    switch (work) {
      case 'nonce':
        return 0;
      case 'post':
        return this.#chance.number(20_000);
      case 'drip':
        return 10_000 + this.#chance.number(100_000);
      case 'upload':
      case 'download':
      case 'chunked':
        return this.#chance.once(8) ? 500_000 + this.#chance.number(1_500_000) : 1 + this.#chance.number(200_000);
      case 'websocket':
        return 0;
      default:
        return work satisfies never;
    }
  }
}
