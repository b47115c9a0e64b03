/** Several backends of one service: what is known of each, for as long as any configuration names it. */

import { Backend } from './balance/backend.ts';
import { List } from './balance/list.ts';
import { systemLookup, type Lookup } from './balance/seats.ts';
import type { StandingRules } from '../../core/balance/standing.ts';
import type { Limits } from '../../core/limits.ts';
import type { BackendNews, BackendState, Balancing, Group } from '../../contracts/balance.ts';
import type { BuiltUpstream } from '../../contracts/upstream.ts';

export type BalancerOptions = Readonly<{
  now: () => number;
  limits: Limits;
  /** Of this gateway, or of all gateways of one store: makes the marks in cookies. */
  secret: string;
  onNews: (news: BackendNews) => void;
  /** Handed in by tests. */
  lookup?: Lookup;
}>;

export class Balancer implements Balancing {
  readonly #options: BalancerOptions;
  readonly #known = new Map<string, Backend>();
  readonly #lists = new Set<List>();

  constructor(options: BalancerOptions) {
    this.#options = options;
  }

  /** Nothing is dialled before the first check is due; names are looked up at once. */
  build(group: Group): BuiltUpstream {
    const { now, limits, secret, onNews, lookup = systemLookup } = this.#options;
    const { service } = group;
    const { failsMax, slowMs } = group.rules;
    const list = new List(group, {
      now,
      limits,
      secret,
      lookup,
      take: (words) => this.#take(service, words, { failsMax, slowMs }),
      drop: (backend) => {
        backend.holders -= 1;
        const key = keyOf(service, backend.words);
        if (backend.holders === 0 && this.#known.get(key) === backend) this.#known.delete(key);
      },
      news: (backend) => {
        const { words, standing } = backend;
        // What no list names any more may do what it likes.
        if (this.#known.get(keyOf(service, words)) !== backend) return;
        const { isUp, fault } = standing;
        onNews({ service, backend: words, state: isUp ? 'up' : 'down', code: fault?.code ?? null, why: fault?.why ?? null });
      },
    });
    this.#lists.add(list);
    const [first, ...more] = group.members;
    return {
      open: (exchange, caller, fresh) => list.open(exchange, caller, fresh),
      words: `${first?.words ?? ''}${more.length === 0 ? '' : ` and ${more.length} more`}`,
      close: async () => {
        this.#lists.delete(list);
        list.close();
      },
    };
  }

  statesOf(service: string): readonly BackendState[] {
    const states = new Map<string, BackendState>();
    for (const list of this.#lists) {
      if (list.service !== service) continue;
      for (const state of list.states()) if (!states.has(state.backend)) states.set(state.backend, state);
    }
    return [...states.values()];
  }

  /** What is known of it stays known: a reload brings nothing back, and loses nothing. */
  #take(service: string, words: string, rules: StandingRules): Backend {
    const key = keyOf(service, words);
    const backend = this.#known.get(key) ?? new Backend(words, rules, this.#options.now());
    backend.standing.follow(rules);
    backend.holders += 1;
    this.#known.set(key, backend);
    return backend;
  }
}

function keyOf(service: string, words: string): string {
  return `${service} ${words}`;
}
