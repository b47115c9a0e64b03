/** Guard `quota`: what each client of a proxy may use: how often, how much at once, how many bytes, and its share of the bandwidth. */

import { z } from 'zod';
import type { Client, Clients } from '../../contracts/clients.ts';
import { defineGuard } from '../../contracts/guard.ts';
import type { Store } from '../../contracts/store.ts';
import { destinationText } from '../../core/egress/destination.ts';
import { clientRefusal } from '../../core/pages/client-refusal.ts';
import { say } from '../../core/pages/say.ts';
import { Allowance } from '../../core/policy/allowance.ts';
import type { Exchange } from '../../core/policy/exchange.ts';
import type { Verdict } from '../../core/policy/verdict.ts';
import type { Limits } from '../../core/limits.ts';
import { Pacer } from './quota/pacer.ts';
import { ExchangePermit, overQuota } from './quota/permit.ts';

const unknown: Verdict = Object.freeze({ is: 'deny', code: 'guard-failed', why: 'there is no table of clients' });

type Open = { exchanges: number; tunnels: number };

/** All that is counted, of all proxies of a process: a configuration that is read again forgives nobody. */
type Counts = Readonly<{ requests: Allowance; open: Map<string, Open>; pacer: Pacer }>;

const counts = new WeakMap<Store, Counts>();

/** How soon who has too much open may try again: as good as any guess. */
const againSeconds = 5;

export const quota = defineGuard({
  name: 'quota',
  stage: 'meter',
  options: z.strictObject({
    /** Bytes a second of all together, shared by weight; null for no such bound. */
    bandwidth: z.int().min(65_536).nullable(),
    /** In which days and months begin. */
    zone: z.string(),
  }),
  build({ bandwidth, zone }, { store, limits, now, clients }) {
    // What was used cannot be told without the table: then nothing is left.
    if (clients === undefined) return { check: () => unknown, words: 'nothing: there is no table of clients' };
    const all = countsOf(store, limits);
    all.pacer.bytesPerSecond = bandwidth;
    clients.keepDaysOf(zone);
    const meter = new Meter(all, clients, bandwidth !== null, now);
    return { check: (exchange) => meter.judge(exchange), words: 'what its client may use' };
  },
});

function countsOf(store: Store, { rateKeysMax }: Limits): Counts {
  const known = counts.get(store);
  if (known !== undefined) return known;
  const made: Counts = {
    requests: new Allowance(rateKeysMax),
    open: new Map(),
    // A clock that nobody sets: bandwidth is of seconds that pass.
    pacer: new Pacer(rateKeysMax, () => performance.now()),
  };
  counts.set(store, made);
  return made;
}

class Meter {
  readonly #counts: Counts;
  readonly #clients: Clients;
  readonly #isShared: boolean;
  readonly #now: () => number;

  constructor(all: Counts, clients: Clients, isShared: boolean, now: () => number) {
    this.#counts = all;
    this.#clients = clients;
    this.#isShared = isShared;
    this.#now = now;
  }

  /** What is taken is taken in this turn: nobody comes between the look and the taking. */
  judge(exchange: Exchange): Verdict {
    const subject = exchange.identity?.subject ?? '';
    const client = this.#clients.of(exchange.identity);
    const isTunnel = exchange.destination !== undefined && exchange.destination.way !== 'http';
    const refused = client === null ? null : this.#refusal(client, isTunnel);
    if (refused !== null) return this.#deny(exchange, refused);
    const terms = {
      name: client?.name ?? subject,
      weight: client?.limits.weight ?? 1,
      bytesPerSecond: client?.limits.bytesPerSecond ?? null,
    };
    const permit = new ExchangePermit({
      client,
      terms,
      clients: this.#clients,
      pacer: this.#counts.pacer,
      isShared: this.#isShared,
      isTunnel,
      destination: exchange.destination === undefined ? exchange.host : destinationText(exchange.destination),
      now: this.#now,
      left: client === null ? () => undefined : this.#enter(client.name, isTunnel),
    });
    return { is: 'pass', permit };
  }

  #refusal(client: Client, isTunnel: boolean): Refusal | null {
    const { name, limits } = client;
    const open = this.#counts.open.get(name) ?? { exchanges: 0, tunnels: 0 };
    if (limits.connections !== null && open.exchanges >= limits.connections)
      return {
        code: 'tunnels-exceeded',
        why: `the client ${name} has ${limits.connections} requests and tunnels open, which is the most`,
        waitSeconds: againSeconds,
      };
    if (isTunnel && limits.tunnels !== null && open.tunnels >= limits.tunnels)
      return {
        code: 'tunnels-exceeded',
        why: `the client ${name} has ${limits.tunnels} tunnels open, which is the most`,
        waitSeconds: againSeconds,
      };
    const over = overQuota(client, this.#clients);
    if (over !== null) return { code: 'quota-exceeded', why: over.why, waitSeconds: this.#untilAnew(client) };
    // The last, since it is taken by looking.
    const { requestsPerSecond } = limits;
    if (requestsPerSecond === null) return null;
    const waitMs = this.#counts.requests.take(name, { count: requestsPerSecond, perMs: 1_000 }, this.#now());
    if (waitMs === 0) return null;
    return {
      code: 'requests-exceeded',
      why: `the client ${name} asks more than ${requestsPerSecond} times a second`,
      waitSeconds: Math.ceil(waitMs / 1_000),
    };
  }

  #untilAnew({ name, limits: { bytesPerMonth } }: Client): number {
    const { monthBytes, monthEnds, dayEnds } = this.#clients.used(name);
    const ends = bytesPerMonth !== null && monthBytes >= bytesPerMonth ? monthEnds : dayEnds;
    return Math.max(1, Math.ceil((ends - this.#now()) / 1_000));
  }

  #enter(name: string, isTunnel: boolean): () => void {
    const { open } = this.#counts;
    const mine = open.get(name) ?? { exchanges: 0, tunnels: 0 };
    open.set(name, mine);
    mine.exchanges += 1;
    if (isTunnel) mine.tunnels += 1;
    return () => {
      mine.exchanges -= 1;
      if (isTunnel) mine.tunnels -= 1;
      if (mine.exchanges === 0) open.delete(name);
    };
  }

  /** Its reason is the client's own: it may hear it. */
  #deny(exchange: Exchange, { code, why, waitSeconds }: Refusal): Verdict {
    const fields = [
      ['Retry-After', String(waitSeconds)],
      ['Proxy-Status', 'sallyport; error=http_request_denied'],
    ] as const;
    const detail = `${why.charAt(0).toUpperCase()}${why.slice(1)}.`;
    const problem = { status: 429, title: 'Too Many Requests', detail, code, fields } as const;
    const more = code === 'quota-exceeded' ? say(exchange, 'proxy.anew', { time: timeOf(this.#now() + waitSeconds * 1_000) }) : null;
    return { is: 'deny', code, why, answer: clientRefusal(exchange, problem, more) };
  }
}

type Refusal = Readonly<{ code: 'tunnels-exceeded' | 'requests-exceeded' | 'quota-exceeded'; why: string; waitSeconds: number }>;

/** `2026-12-01 00:00 UTC` */
function timeOf(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
