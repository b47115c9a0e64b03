/** The way out: whoever was admitted to a proxy is led where its list of destinations allows, and only there. */

import { networkInterfaces } from 'node:os';
import { z } from 'zod';
import type { Ip } from '../../core/address.ts';
import { destinationText, literalOf, type Destination } from '../../core/egress/destination.ts';
import { parseEntry, type Entry } from '../../core/egress/entry.ts';
import { HelloMatch } from '../../core/egress/hello-match.ts';
import {
  judgeAddress,
  judgeName,
  type DestinationPolicy,
  type Here,
  type Ruled,
  type Ruling,
  type Wanted,
} from '../../core/egress/policy.ts';
import { SallyportError } from '../../core/errors.ts';
import { defaults } from '../../core/limits.ts';
import type { Exchange } from '../../core/policy/exchange.ts';
import type { Tools } from '../../contracts/tools.ts';
import { defineUpstream, type BuiltUpstream, type Caller, type Opened } from '../../contracts/upstream.ts';
import { connectByNetwork, dialFirst, type Connect } from './egress/dial.ts';
import { ownAddresses } from './egress/own-addresses.ts';
import { NameResolver, networkAsk, type Ask } from './egress/resolver.ts';

const entry = z.strictObject({
  text: z.string(),
  methods: z.array(z.string()).readonly().optional(),
  who: z.array(z.string()).readonly().optional(),
});

const options = z.strictObject({
  allow: z.array(entry).readonly(),
  deny: z.array(entry).readonly(),
  /** `watch`: the lists refuse nobody, and the record says whom they would refuse. What always holds, holds. */
  mode: z.enum(['enforce', 'watch']),
  /** `match`: a tunnel must begin with TLS that names its host. */
  sni: z.enum(['match', 'any']),
  /** Name servers, each as an address or `address:port`; null for the system's. */
  resolver: z.array(z.string()).min(1).max(8).readonly().nullable(),
});

type Options = z.output<typeof options>;

/** What it meets outside. */
export type Outside = Readonly<{ connect: Connect; ask: Ask; interfaces: () => readonly string[] }>;

export const egress = defineUpstream({
  name: 'egress',
  options,
  build: (chosen, tools) =>
    buildEgress(chosen, tools, { connect: connectByNetwork, ask: networkAsk(chosen.resolver, tools.limits), interfaces: systemInterfaces }),
});

/** Errors: `destination-*`, `resolver-timed-out`, `connections-exceeded`, `upstream-*`, `visitor-gone`. */
export function buildEgress(chosen: Options, tools: Pick<Tools, 'limits' | 'now' | 'listening'>, outside: Outside): BuiltUpstream {
  const way = new Egress(chosen, tools, outside);
  return {
    words: chosen.allow.length === 0 ? 'the Internet' : `destinations that are listed (${chosen.allow.length})`,
    open: (exchange, caller) => way.open(exchange, caller),
    ruling: (exchange) => way.ruling(exchange),
    close: async () => undefined,
  };
}

type Judged = Readonly<{ addresses: readonly Ip[]; ruling: Ruling; note: string | null }>;

class Egress {
  readonly #options: Options;
  readonly #tools: Pick<Tools, 'limits' | 'now' | 'listening'>;
  readonly #outside: Outside;
  readonly #policy: DestinationPolicy;
  readonly #here: Here;
  readonly #resolver: NameResolver;
  readonly #openMax: number;
  #open = 0;

  constructor(chosen: Options, tools: Pick<Tools, 'limits' | 'now' | 'listening'>, outside: Outside) {
    const { limits, now, listening = () => [] } = tools;
    this.#options = chosen;
    this.#tools = tools;
    this.#outside = outside;
    this.#policy = { allow: entriesOf(chosen.allow), deny: entriesOf(chosen.deny) };
    this.#here = ownAddresses({ interfaces: outside.interfaces, listening, now, ageMs: limits.ownAddressesMs });
    this.#resolver = new NameResolver({ ask: outside.ask, now, limits });
    const { upstreamsPerServiceMax } = limits;
    this.#openMax = upstreamsPerServiceMax === defaults.upstreamsPerServiceMax ? limits.tunnelsMax : upstreamsPerServiceMax;
  }

  async open({ destination, identity }: Exchange, { signal }: Caller): Promise<Opened> {
    if (destination === undefined) throw new SallyportError('destination-missing', 'a proxy was asked for a page of its own');
    const wanted = wantedOf(destination, identity);
    if (this.#open >= this.#openMax) throw new SallyportError('connections-exceeded', 'the proxy has as many connections as it may');
    // Taken before anybody is asked: a resolver or a destination that is slow would otherwise be asked for any number of them.
    this.#open += 1;
    try {
      const { addresses, note } = await this.#judged(wanted);
      const { limits } = this.#tools;
      const socket = await dialFirst(addresses, destination.port, { connect: this.#outside.connect, limits, signal });
      socket.once('close', () => (this.#open -= 1));
      const release = (): void => void socket.destroy();
      const noted = note === null ? {} : { note };
      if (destination.way === 'http') return { is: 'stream', stream: socket, reused: false, release, ...noted };
      return { is: 'raw', stream: socket, reused: false, release, ...noted, ...this.#begin(destination) };
    } catch (error) {
      this.#open -= 1;
      throw error;
    }
  }

  /** As `open` would judge it, and by the same words; nothing is dialled. */
  async ruling({ destination, identity }: Exchange): Promise<Ruled> {
    if (destination === undefined) return { verdict: 'deny', code: 'destination-missing', why: 'no destination was named', rule: null };
    try {
      const { ruling, note } = await this.#judged(wantedOf(destination, identity));
      return { verdict: 'pass', code: null, why: note ?? ruling.why, rule: ruling.rule };
    } catch (error) {
      if (error instanceof Denied) return { verdict: 'deny', code: error.code, why: error.ruling.why, rule: error.ruling.rule };
      if (error instanceof SallyportError) return { verdict: 'deny', code: error.code, why: error.message, rule: null };
      throw error;
    }
  }

  /** The addresses that may be dialled, and what let the first pass. `note`: what the lists would have refused, where they are only watched. */
  async #judged(wanted: Wanted): Promise<Judged> {
    const isWatched = this.#options.mode === 'watch';
    const held = isWatched ? { allow: [...this.#policy.allow, ...everything], deny: [] } : this.#policy;
    const named = judgeName(held, wanted);
    if (named.is === 'deny') throw new Denied(wanted.to, named);
    const literal = literalOf(wanted.to);
    const found = literal === null ? await this.#resolver.resolve(wanted.to.host) : [literal];
    const rulings = found.map((ip) => ({ ip, ruling: judgeAddress(held, wanted, ip, this.#here) }));
    const passed = rulings.filter(({ ruling }) => ruling.is === 'pass');
    const [first] = passed;
    // One that is denied is never dialled, also where all others fail.
    if (first === undefined) throw new Denied(wanted.to, rulings[0]?.ruling ?? named);
    const addresses = passed.map(({ ip }) => ip);
    return { addresses, ruling: first.ruling, note: isWatched ? this.#watched(wanted, addresses) : null };
  }

  #watched(wanted: Wanted, addresses: readonly Ip[]): string | null {
    const named = judgeName(this.#policy, wanted);
    const rulings = named.is === 'deny' ? [named] : addresses.map((ip) => judgeAddress(this.#policy, wanted, ip, this.#here));
    const [first] = rulings;
    return first === undefined || rulings.some(({ is }) => is === 'pass') ? null : `would be denied: ${wordsOf(wanted.to, first)}`;
  }

  #begin(destination: Destination): Readonly<{ begin?: HelloMatch }> {
    return this.#options.sni === 'match' ? { begin: new HelloMatch(destination, this.#tools.limits) } : {};
  }
}

function entriesOf(written: Options['allow']): readonly Entry[] {
  return written.map(({ text, methods, who }) => {
    const parsed = parseEntry(text, { methods, who });
    if (parsed === null) throw new SallyportError('config-malformed', `${JSON.stringify(text)} is no destination.`);
    return parsed;
  });
}

/** Everything public, at every port. */
const everything: readonly Entry[] = entriesOf([{ text: '*:*' }]);

function wantedOf(to: Destination, identity: Exchange['identity']): Wanted {
  return { to, subject: identity?.subject ?? null, roles: identity?.roles ?? [] };
}

class Denied extends SallyportError {
  readonly ruling: Ruling;

  constructor(to: Destination, ruling: Ruling) {
    super('destination-denied', wordsOf(to, ruling));
    this.ruling = ruling;
  }
}

/** For the record alone: a client hears that it may not, and not why. */
function wordsOf(to: Destination, { why, rule }: Ruling): string {
  return `${destinationText(to)}: ${why}${rule === null ? '' : ` (${rule})`}`;
}

/** As the system has them at this moment. */
function systemInterfaces(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ cidr, address }) => cidr ?? address));
}
