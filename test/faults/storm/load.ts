/** The visitors of the storm: each with an address and kept connections of its own, one work after the other, until all are told to leave. */

import { Agent } from 'node:https';
import { setTimeout as pause } from 'node:timers/promises';
import { Chance } from '../../fuzz/chance.ts';
import { echoVisit } from './echo-visit.ts';
import { works, type Outcome, type Tally, type Work } from './tally.ts';
import { tcpVisit } from './tcp-visit.ts';
import { udpVisit } from './udp-visit.ts';
import { visit, type Door, type WebWork } from './visit.ts';
import type { GatewaySite, World } from './world.ts';

/** How often each is chosen, in a hundred. */
const shares: readonly (readonly [Work, number])[] = [
  ['nonce', 27],
  ['post', 17],
  ['upload', 8],
  ['download', 10],
  ['chunked', 4],
  ['drip', 8],
  ['websocket', 6],
  ['connect', 7],
  ['tcp', 8],
  ['udp', 5],
];
/** A read is tried so often, each time at the next relay; what changes something is sent once. */
const triesMax = 5;

export type LoadOptions = Readonly<{
  world: World;
  visitors: number;
  tally: Tally;
  chance: Chance;
  /** Between two works of one visitor, in milliseconds. */
  pauseMs: readonly [least: number, most: number];
  /** A WebSocket stays for at most so many messages, of a tenth of a second each; a TCP stream for as many pieces. */
  messagesMax: number;
  patienceMs: number;
  /** Of the largest body, which one of eight is up to; the others are a tenth of it at most. */
  bytesMost: number;
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
  const visitors = Array.from({ length: options.visitors }, (_, number) => new Visitor(options, number));
  const all = visitors.map((visitor) => visitor.come(stopping.signal));
  const stop = async (): Promise<void> => {
    stopping.abort();
    const patience = setTimeout(() => visitors.forEach((visitor) => visitor.leave()), 4_000);
    await Promise.all(all);
    clearTimeout(patience);
    for (const visitor of visitors) visitor.leave();
  };
  return { stop };
}

class Visitor {
  readonly #options: LoadOptions;
  readonly #number: number;
  /** Of one name, by relay. */
  readonly #doors: readonly Door[];
  readonly #gateway: GatewaySite;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 2 });
  readonly #from: string | undefined;
  readonly #chance: Chance;
  /** Visitors begin with different ones: each kind is tried, however short the run. */
  #first: Work | undefined;

  constructor(options: LoadOptions, number: number) {
    const { relays, gateways, shared } = options.world;
    const names = gateways.map(({ entrances }) => entrances.map(({ own }) => own));
    if (shared.length > 0) names.push([...shared]);
    const gateway = gateways[number % gateways.length];
    if (gateway === undefined) throw new Error('there is no gateway');
    this.#options = options;
    this.#number = number;
    this.#gateway = gateway;
    this.#doors = names[Math.floor(number / relays.length) % names.length] ?? [];
    this.#first = works[number % works.length];
    this.#from = visitorAddress(number);
    this.#chance = new Chance(options.chance.number(2 ** 32));
  }

  async come(signal: AbortSignal): Promise<void> {
    const { pauseMs } = this.#options;
    // Not all at once.
    await this.#pause(this.#chance.number(pauseMs[1]), signal);
    while (!signal.aborted) {
      await this.#next(signal);
      await this.#pause(pauseMs[0] + this.#chance.number(pauseMs[1] - pauseMs[0] + 1), signal);
    }
  }

  leave(): void {
    this.#agent.destroy();
  }

  async #next(signal: AbortSignal): Promise<void> {
    const work = this.#choose();
    for (let tries = 1; tries <= triesMax && !signal.aborted; tries += 1) {
      const id = newId();
      const outcome = await this.#work(work, id, this.#number + tries - 1, signal);
      this.#options.tally.note(work, id, outcome, tries > 1);
      if (outcome.is === 'whole' || outcome.is === 'wrong' || work === 'post' || work === 'upload') break;
      await this.#pause(50 * 2 ** tries, signal);
    }
  }

  async #pause(ms: number, signal: AbortSignal): Promise<void> {
    await pause(ms, undefined, { signal }).catch(() => undefined);
  }

  #choose(): Work {
    const first = this.#first;
    this.#first = undefined;
    if (first !== undefined) return this.#possible(first);
    let left = this.#chance.number(100);
    for (const [work, share] of shares) {
      if (left < share) return this.#possible(work);
      left -= share;
    }
    return 'nonce';
  }

  /** Where there are no ports, TCP goes another way. */
  #possible(work: Work): Work {
    return (work === 'tcp' || work === 'udp') && this.#gateway.entrances[0]?.raw === null ? 'connect' : work;
  }

  async #work(work: Work, id: string, relay: number, signal: AbortSignal): Promise<Outcome> {
    const door = this.#doors[relay % this.#doors.length];
    const raw = this.#gateway.entrances[relay % this.#gateway.entrances.length]?.raw ?? null;
    if (work === 'connect') return this.#tcp(this.#gateway.connectPort, id, signal);
    if (door === undefined || ((work === 'tcp' || work === 'udp') && raw === null)) throw new Error('there is no such door');
    if (work === 'tcp' && raw !== null) return this.#tcp(raw.tcp, id, signal);
    if (work === 'udp' && raw !== null) return this.#udp(raw.udp, id, signal);
    if (work === 'websocket') return this.#echo(door, id, signal);
    return this.#visit(door, work as WebWork, id);
  }

  async #visit(door: Door, work: WebWork, id: string): Promise<Outcome> {
    const bytes = this.#bytesOf(work);
    const outcome = await visit(door, { work, id, bytes, agent: this.#agent, from: this.#from });
    if (outcome.is === 'whole') this.#options.tally.bytes += bytes;
    return outcome;
  }

  #echo(door: Door, id: string, signal: AbortSignal): Promise<Outcome> {
    const messages = 5 + this.#chance.number(this.#options.messagesMax);
    const onMessage = (bytes: number): void => {
      this.#options.tally.messages += 1;
      this.#options.tally.bytes += bytes;
    };
    return echoVisit(door, { id, messages, pauseMs: 100, from: this.#from, onMessage, signal });
  }

  /** In one go, or over seconds. */
  async #tcp(port: number, id: string, signal: AbortSignal): Promise<Outcome> {
    const { messagesMax, patienceMs, tally } = this.#options;
    const slow = this.#chance.once(2);
    const bytes = this.#bytesOf('upload');
    const shape = { bytes, pieces: slow ? 5 + this.#chance.number(messagesMax) : 1, pauseMs: slow ? 100 : 0 };
    const outcome = await tcpVisit({ port, id, ...shape, from: this.#from, patienceMs, signal, leaveMs: 3_000 });
    if (outcome.is === 'whole') tally.bytes += bytes;
    return outcome;
  }

  #udp(at: Readonly<{ host: string; port: number }>, id: string, signal: AbortSignal): Promise<Outcome> {
    const { datagrams } = this.#options.tally;
    const shape = { datagrams: 3 + this.#chance.number(20), bytesMax: this.#chance.once(4) ? 8_000 : 1_200, pauseMs: 50 };
    return udpVisit({ ...at, ...shape, id, patienceMs: 2_000, from: this.#from, signal, onDatagram: (what) => (datagrams[what] += 1) });
  }

  #bytesOf(work: WebWork): number {
    const { bytesMost } = this.#options;
    switch (work) {
      case 'nonce':
        return 0;
      case 'post':
        return this.#chance.number(20_000);
      case 'drip':
        return 10_000 + this.#chance.number(bytesMost / 20);
      case 'upload':
      case 'download':
      case 'chunked':
        return 1 + this.#chance.number(this.#chance.once(8) ? bytesMost : bytesMost / 10);
      default:
        return work satisfies never;
    }
  }
}
