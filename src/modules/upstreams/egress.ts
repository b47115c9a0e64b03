/** The way out: whoever was admitted to a proxy is led where its list of destinations allows, and only there. */

import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { z } from 'zod';
import type { Destination } from '../../core/egress/destination.ts';
import { HelloMatch } from '../../core/egress/hello-match.ts';
import { asksForPac, pacReply } from '../../core/egress/pac.ts';
import type { Here, Ruled, Wanted } from '../../core/egress/policy.ts';
import { hopsField } from '../../core/egress/proxied.ts';
import { SallyportError } from '../../core/errors.ts';
import { defaults } from '../../core/limits.ts';
import type { Exchange } from '../../core/policy/exchange.ts';
import type { Tools } from '../../contracts/tools.ts';
import { defineUpstream, type BuiltUpstream, type Caller, type Opened } from '../../contracts/upstream.ts';
import { Association } from './egress/association.ts';
import { connectByNetwork, dialFirst, type Connect } from './egress/dial.ts';
import { IdleConnections, placeOf, type Kept } from './egress/idle.ts';
import { Denied, Judging, type Judged } from './egress/judging.ts';
import { ownAddresses } from './egress/own-addresses.ts';
import { NameResolver, networkAsk, type Ask } from './egress/resolver.ts';
import { secretShown } from './egress/secret-shown.ts';
import { Via } from './egress/via.ts';

const entry = z.strictObject({
  text: z.string(),
  methods: z.array(z.string()).readonly().optional(),
  who: z.array(z.string()).readonly().optional(),
});

const via = z.strictObject({
  is: z.enum(['http', 'https', 'socks5']),
  host: z.string(),
  port: z.int().min(1).max(65_535),
  /** The name of a secret that holds `user:password`. */
  secret: z.string().nullable(),
  ca: z.string().optional(),
  /** Whether names are looked up here, so that addresses are judged here as well. */
  resolve: z.enum(['here', 'there']),
});

const rule = z.strictObject({ bytesMax: z.number().nullable(), types: z.array(z.string()).readonly().nullable() });

const options = z.strictObject({
  allow: z.array(entry).readonly(),
  deny: z.array(entry).readonly(),
  /** `watch`: the lists refuse nobody, and the record says whom they would refuse. What always holds, holds. */
  mode: z.enum(['enforce', 'watch']),
  /** `match`: a tunnel must begin with TLS that names its host. */
  sni: z.enum(['match', 'any']),
  /** Name servers, each as an address or `address:port`; null for the system's. */
  resolver: z.array(z.string()).min(1).max(8).readonly().nullable(),
  /** The proxy that is asked in turn; left out where destinations are dialled from here. */
  via: via.optional(),
  /** Of plain HTTP: what may be carried there, and back. */
  requests: rule.optional(),
  answers: rule.optional(),
});

type Options = z.output<typeof options>;
type Given = Pick<Tools, 'limits' | 'now' | 'listening'> & Partial<Pick<Tools, 'secret'>>;

/** What it meets outside. */
export type Outside = Readonly<{ connect: Connect; ask: Ask; interfaces: () => readonly string[] }>;

export const egress = defineUpstream({
  name: 'egress',
  options,
  build: (chosen, tools) =>
    buildEgress(chosen, tools, { connect: connectByNetwork, ask: networkAsk(chosen.resolver, tools.limits), interfaces: systemInterfaces }),
});

/** Errors: `destination-*`, `resolver-timed-out`, `connections-exceeded`, `method-refused`, `upstream-*`, `visitor-gone`. */
export function buildEgress(chosen: Options, tools: Given, outside: Outside): BuiltUpstream {
  const way = new Egress(chosen, tools, outside);
  const where = chosen.allow.length === 0 ? 'the Internet' : `destinations that are listed (${chosen.allow.length})`;
  return {
    words: chosen.via === undefined ? where : `${where} by ${way.via?.words ?? ''}`,
    open: (exchange, caller, fresh) => way.open(exchange, caller, fresh),
    ruling: (exchange) => way.ruling(exchange),
    close: async () => way.close(),
  };
}

class Egress {
  readonly via: Via | null;
  readonly #options: Options;
  readonly #tools: Given;
  readonly #outside: Outside;
  readonly #here: Here;
  readonly #judging: Judging;
  readonly #idle: IdleConnections;
  /** Who we are among gateways that ask each other: new with each configuration. */
  readonly #hop = randomBytes(9).toString('base64url');
  readonly #openMax: number;
  #open = 0;
  /** How many each client has, and all together. */
  readonly #associationsOf = new Map<string, number>();
  #associations = 0;

  constructor(chosen: Options, tools: Given, outside: Outside) {
    const { limits, now, listening = () => [], secret = () => null } = tools;
    const { allow, deny, mode } = chosen;
    this.#options = chosen;
    this.#tools = tools;
    this.#outside = outside;
    this.#here = ownAddresses({ interfaces: outside.interfaces, listening, now, ageMs: limits.ownAddressesMs });
    const resolver = new NameResolver({ ask: outside.ask, now, limits });
    const resolve = (name: string) => resolver.resolve(name);
    this.#judging = new Judging({ allow, deny, mode, resolvedElsewhere: chosen.via?.resolve === 'there', here: this.#here, resolve });
    this.#idle = new IdleConnections(limits, now);
    const isOurs = this.#here.isListening;
    const { connect } = outside;
    this.via =
      chosen.via === undefined
        ? null
        : new Via({ plan: chosen.via, shown: () => secretShown(chosen.via?.secret ?? null, secret), limits, connect, isOurs });
    const { upstreamsPerServiceMax } = limits;
    this.#openMax = upstreamsPerServiceMax === defaults.upstreamsPerServiceMax ? limits.tunnelsMax : upstreamsPerServiceMax;
  }

  /** At once where the name is known and a connection of this client's waits there. */
  open(exchange: Exchange, caller: Caller, fresh: boolean): Promise<Opened> | Opened {
    if (asksForPac(exchange)) return { is: 'reply', reply: pacReply(exchange, this.#judging.hostsFor(whoOf(exchange))) };
    const wanted = this.#wanted(exchange);
    if (wanted.to.way === 'udp') return this.#associate(wanted, exchange);
    const place = placeFor(exchange, wanted.to);
    const judged = this.#judging.judge(wanted);
    if (judged instanceof Promise) return judged.then((found) => this.#lead(wanted.to, found, fresh ? null : place, caller));
    return this.#lead(wanted.to, judged, fresh ? null : place, caller);
  }

  /** As `open` would judge it, and by the same words; nothing is dialled. */
  async ruling(exchange: Exchange): Promise<Ruled> {
    try {
      const { ruling, note } = await this.#judging.judge(this.#wanted(exchange));
      return { verdict: 'pass', code: null, why: note ?? ruling.why, rule: ruling.rule };
    } catch (error) {
      if (error instanceof Denied) return { verdict: 'deny', code: error.code, why: error.ruling.why, rule: error.ruling.rule };
      if (error instanceof SallyportError) return { verdict: 'deny', code: error.code, why: error.message, rule: null };
      throw error;
    }
  }

  close(): void {
    this.#idle.close();
  }

  #wanted({ destination: to, identity }: Exchange): Wanted {
    if (to === undefined) throw new SallyportError('destination-missing', 'a proxy was asked for a page of its own');
    if (to.hops?.includes(this.#hop) === true) throw new SallyportError('destination-denied', 'the way leads in a circle');
    if ((to.hops?.length ?? 0) >= this.#tools.limits.proxyHopsMax)
      throw new SallyportError('destination-denied', 'it has come through as many proxies as it may');
    return { to, ...whoOf({ identity }) };
  }

  /** Each datagram is judged by where it wants to go. */
  #associate({ subject, roles, to }: Wanted, { listener, from }: Exchange): Opened {
    const { limits, now } = this.#tools;
    if (listener.proxy?.udp === undefined) throw new SallyportError('method-refused', 'this proxy takes no datagrams');
    if (this.via !== null) throw new SallyportError('destination-denied', 'no datagrams go by the proxy behind');
    const client = subject ?? from.ip;
    const others = this.#associationsOf.get(client) ?? 0;
    if (this.#associations >= limits.associationsMax || others >= limits.associationsPerClientMax)
      throw new SallyportError('connections-exceeded', 'as many programs send datagrams as may, of this client or of all');
    this.#associations += 1;
    this.#associationsOf.set(client, others + 1);
    const judge = (wanted: Wanted) => this.#judging.judge(wanted);
    const stream = new Association({ who: { subject, roles }, judge, limits, now, inside: to.inside === true });
    stream.once('close', () => this.#dissociated(client));
    return { is: 'raw', stream, reused: false, release: () => void stream.destroy(), ending: () => stream.refusals };
  }

  #dissociated(client: string): void {
    this.#associations -= 1;
    const left = (this.#associationsOf.get(client) ?? 0) - 1;
    if (left > 0) this.#associationsOf.set(client, left);
    else this.#associationsOf.delete(client);
  }

  #lead(to: Destination, judged: Judged, place: string | null, caller: Caller): Promise<Opened> | Opened {
    const waiting = place === null ? null : this.#idle.take(this.#placed(place), this.#dialled(judged));
    return waiting === null ? this.#dial(to, judged, place, caller) : this.#stream(waiting, judged, to, true);
  }

  async #dial(to: Destination, judged: Judged, place: string | null, { signal }: Caller): Promise<Opened> {
    if (this.#open >= this.#openMax) throw new SallyportError('connections-exceeded', 'the proxy has as many connections as it may');
    // Taken before anybody is asked: a destination that is slow would otherwise be asked for any number of them.
    this.#open += 1;
    let socket: Socket;
    try {
      socket = await this.#connected(to, judged, signal);
    } catch (error) {
      this.#open -= 1;
      throw error;
    }
    // It comes once, and `once` would hold four objects as long as the connection stands.
    socket.on('close', () => (this.#open -= 1));
    if (to.way === 'http') return this.#stream(this.#reusable(socket, to, place), judged, to, false);
    const note = judged.note === null ? {} : { note: judged.note };
    return { is: 'raw', stream: socket, reused: false, release: () => void socket.destroy(), ...note, ...this.#begin(to) };
  }

  /** A connection that may carry another request of its client later. */
  #reusable(socket: Socket, to: Destination, place: string | null): Kept {
    const address = this.#isRequested(to) ? '' : (socket.remoteAddress ?? '');
    const kept: Kept = { socket, place: place === null ? '' : this.#placed(place), address };
    socket.on('close', () => this.#idle.gone(kept));
    return kept;
  }

  #connected(to: Destination, { addresses }: Judged, signal: AbortSignal): Promise<Socket> {
    const { limits } = this.#tools;
    if (this.via === null) return dialFirst(addresses, to.port, { connect: this.#outside.connect, limits, signal });
    if (this.#isRequested(to)) return this.via.open({ target: null, lines: '', signal });
    // What was judged is what is asked for: an address, where one is known.
    const [first] = addresses;
    const host = first === undefined ? to.host : first.version === 6 ? `[${first.text}]` : first.text;
    return this.via.open({ target: { host, port: to.port }, lines: this.#hops(to), signal });
  }

  #stream(kept: Kept, { note }: Judged, to: Destination, reused: boolean): Opened {
    const { socket, place } = kept;
    const release = (reusable: boolean): void => {
      if (reusable && place !== '') this.#idle.give(kept);
      else socket.destroy();
    };
    const asked = this.via !== null && this.#isRequested(to) ? { proxyLines: this.via.authorization + this.#hops(to) } : {};
    const { requests, answers } = this.#options;
    const content = requests === undefined && answers === undefined ? {} : { content: { requests, answers } };
    return { is: 'stream', stream: socket, reused, release, ...(note === null ? {} : { note }), ...asked, ...content };
  }

  /** The proxy behind is asked for it as it is, in absolute form. */
  #isRequested({ way }: Destination): boolean {
    return way === 'http' && this.via?.takesRequests === true;
  }

  /** To a proxy behind one client may ask for many places on one connection. */
  #placed(place: string): string {
    return this.via?.takesRequests === true ? `${place.split(' ')[0]} via` : place;
  }

  #dialled({ addresses }: Judged): readonly Pick<Judged['addresses'][number], 'text'>[] {
    return this.via?.takesRequests === true ? [{ text: '' }] : addresses;
  }

  #hops({ hops = [] }: Destination): string {
    return `${hopsField}: ${[...hops, this.#hop].join(' ')}\r\n`;
  }

  #begin(destination: Destination): Readonly<{ begin?: HelloMatch }> {
    return this.#options.sni === 'match' ? { begin: new HelloMatch(destination, this.#tools.limits) } : {};
  }
}

function whoOf({ identity }: Pick<Exchange, 'identity'>): Omit<Wanted, 'to'> {
  return { subject: identity?.subject ?? null, roles: identity?.roles ?? [] };
}

/** Null for what is used once: tunnels, and whoever is not known. */
function placeFor({ identity }: Exchange, { way, host, port }: Destination): string | null {
  return way !== 'http' || identity === null ? null : placeOf(identity.subject, host, port);
}

/** As the system has them at this moment. */
function systemInterfaces(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ cidr, address }) => cidr ?? address));
}
