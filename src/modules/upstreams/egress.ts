/** The way out: whoever was admitted to a proxy is led where its list of destinations allows, and only there. */

import { networkInterfaces } from 'node:os';
import { z } from 'zod';
import type { Ip } from '../../core/address.ts';
import { destinationText, literalOf, type Destination } from '../../core/egress/destination.ts';
import { parseEntry, type Entry } from '../../core/egress/entry.ts';
import { HelloMatch } from '../../core/egress/hello-match.ts';
import { judgeAddress, judgeName, type DestinationPolicy, type Here, type Ruling, type Wanted } from '../../core/egress/policy.ts';
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
    close: async () => undefined,
  };
}

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
    const wanted: Wanted = { to: destination, subject: identity?.subject ?? null, roles: identity?.roles ?? [] };
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

  /** The addresses that may be dialled. `note`: what the lists would have refused, where they are only watched. */
  async #judged(wanted: Wanted): Promise<Readonly<{ addresses: readonly Ip[]; note: string | null }>> {
    const isWatched = this.#options.mode === 'watch';
    const held = isWatched ? { allow: [...this.#policy.allow, ...everything], deny: [] } : this.#policy;
    const named = judgeName(held, wanted);
    if (named.is === 'deny') throw denied(wanted.to, named);
    const literal = literalOf(wanted.to);
    const found = literal === null ? await this.#resolver.resolve(wanted.to.host) : [literal];
    const rulings = found.map((ip) => ({ ip, ruling: judgeAddress(held, wanted, ip, this.#here) }));
    const addresses = rulings.filter(({ ruling }) => ruling.is === 'pass').map(({ ip }) => ip);
    // One that is denied is never dialled, also where all others fail.
    if (addresses.length === 0) throw denied(wanted.to, rulings[0]?.ruling ?? named);
    return { addresses, note: isWatched ? this.#watched(wanted, addresses) : null };
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

function denied(to: Destination, ruling: Ruling): SallyportError {
  return new SallyportError('destination-denied', wordsOf(to, ruling));
}

/** For the record alone: a client hears that it may not, and not why. */
function wordsOf(to: Destination, { why, rule }: Ruling): string {
  return `${destinationText(to)}: ${why}${rule === null ? '' : ` (${rule})`}`;
}

/** As the system has them at this moment. */
function systemInterfaces(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ cidr, address }) => cidr ?? address));
}
