/** Takes arrivals, sends each of their exchanges on its trip, and knows what runs. */

import type { Code, Fault } from '../core/errors.ts';
import type { Protocol, ProtocolTools } from '../contracts/protocol.ts';
import type { Service } from '../contracts/snapshot.ts';
import type { Arrival } from '../contracts/stream.ts';
import type { Identity } from '../core/policy/exchange.ts';
import { eventOfRefusal } from './event.ts';
import { Trip, type Live, type Road } from './trip.ts';

export type EngineOptions = Road & Readonly<{ tools: Omit<ProtocolTools, 'refused' | 'leaving'> }>;

/** What a goodbye takes to be written: nobody who stops the process notices. */
const GOODBYE_MS = 20;

/** What throws before it waits has rejected. */
function served(serve: () => Promise<void>): Promise<void> {
  try {
    return serve();
  } catch (error) {
    return Promise.reject(error);
  }
}

export class Engine {
  readonly #options: EngineOptions;
  readonly #tools: ProtocolTools;
  readonly #live = new Set<Live>();
  readonly #goodbyes = new Set<() => void>();

  constructor(options: EngineOptions) {
    this.#options = options;
    this.#tools = {
      ...options.tools,
      leaving: (goodbye) => {
        this.#goodbyes.add(goodbye);
        return () => void this.#goodbyes.delete(goodbye);
      },
      refused: (arrival, code, why, status) =>
        options.audit.record(eventOfRefusal(arrival, { code, why, status, id: options.tools.newId(), at: options.tools.now() })),
    };
  }

  /** Serves everything that comes on one arrival. Never rejects. */
  take(arrival: Arrival, protocol: Protocol): Promise<void> {
    const { stream } = arrival;
    // One for each exchange at a time: HTTP/1.1 needs one, HTTP/2 as many as it has had streams at once.
    let lives: readonly Live[] = [];
    const free = (): Live => {
      for (const live of lives) if (live.call === null) return live;
      const live: Live = { stream, call: null, service: null, who: null };
      lives = lives.concat(live);
      this.#live.add(live);
      return live;
    };
    const over = (): void => {
      for (const live of lives) this.#live.delete(live);
    };
    // An async function that waits as long as a connection stands would hold three times as much.
    return served(() => protocol.serve(arrival, this.#tools, (call) => new Trip(this.#options, free(), call).start())).then(
      over,
      (error: unknown) => {
        this.#options.onFault(error);
        stream.destroy();
        over();
      },
    );
  }

  /** Records what came to nothing before there was anything to read: a handshake that failed. */
  refused(arrival: Arrival, { code, why }: Fault): void {
    this.#tools.refused(arrival, code, why, null);
  }

  /** Whether nothing runs that somebody asked for. */
  get idle(): boolean {
    for (const live of this.#live) if (live.call !== null) return false;
    return true;
  }

  /** How many exchanges of a service run now. */
  liveOf(service: string): number {
    let count = 0;
    for (const live of this.#live) {
      if (live.service?.name === service) count += 1;
    }
    return count;
  }

  /** Visitors who can be told so hear that no request of theirs is taken any more. Resolves when it is on its way. */
  async leave(): Promise<void> {
    if (this.#goodbyes.size === 0) return;
    for (const goodbye of this.#goodbyes) goodbye();
    // Node writes it in its next turn.
    await new Promise((written) => setTimeout(written, GOODBYE_MS));
  }

  /** Ends what runs, at once, where `of` says so: a service was closed, has expired or is gone from the configuration, somebody's credential was taken away. */
  cut(of: (service: Service, who: Identity | null) => boolean, code: Code): number {
    let count = 0;
    for (const live of this.#live) {
      if (live.call === null || live.service === null || !of(live.service, live.who)) continue;
      live.call.cut(code);
      count += 1;
    }
    return count;
  }
}
