/** The addresses that a gateway listens on, and what it does with whoever comes: greet, then hand to the engine. */

import type { Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import type { Address, Network } from '../core/address.ts';
import { hostPort, isLoopback, parseIp } from '../core/address.ts';
import type { Balanced } from '../core/http/forwarded-for.ts';
import type { ProxyFacts } from '../core/egress/destination.ts';
import type { Limits } from '../core/limits.ts';
import { readPortName } from '../core/port-name.ts';
import type { ClientCertificate, ListenerFacts } from '../core/policy/exchange.ts';
import type { Deadlines, Protocol } from '../contracts/protocol.ts';
import type { Snapshot } from '../contracts/snapshot.ts';
import type { Arrival, Closable, Stream } from '../contracts/stream.ts';
import type { TunnelArrival } from '../contracts/tunnel.ts';
import { Balancers, isTrusted } from './balancers.ts';
import type { Engine } from './engine.ts';
import { firstOctet } from './first-octet.ts';
import { acmeAlpn, greet, type Asking, type GreetOptions } from './greet.ts';
import { listen, type BoundSocket, type Listening } from './listener.ts';

/** An address to listen on. Port 0 lets the system choose. */
export type Door = Readonly<{
  scheme: 'http' | 'https';
  host: string;
  port: number;
  /** Balancers that say who a visitor is. */
  trust?: readonly Network[];
  /** Where they say it: a field of each request. Left out, a PROXY header that begins the connection. */
  header?: Balanced['field'];
  /** Whoever comes is led out by this proxy. */
  proxy?: ProxyFacts;
  /** The name under which its socket was handed over. */
  socket?: string;
}>;

export type DoorsOptions = Readonly<{
  engine: Engine;
  /** Spoken behind every door, with or without TLS. */
  protocol: Protocol;
  /** Spoken with visitors who ask for `h2` in their handshake (ALPN). */
  http2: Protocol;
  /** Spoken at ports of a relay. */
  raw: Protocol;
  /** Spoken with clients of a proxy who begin with its version. */
  socks5: Protocol;
  /** The proxy that a name of a handshake leads to, now (see Snapshot). */
  proxyFor: (name: string | null) => ProxyFacts | null;
  contextFor: GreetOptions['contextFor'];
  base?: GreetOptions['base'];
  challengeFor?: GreetOptions['challengeFor'];
  /** What a handshake begins with that asks for a client certificate, now; null where the name does not want one. */
  askingFor?: (name: string | null, proxy: ProxyFacts | null) => SecureContext | null;
  /** Whether any name does, so that a hello is read before its TLS is begun. */
  asksAnybody?: () => boolean;
  /** Which names are passed on with their TLS unread, now (see Snapshot). */
  unread: () => Snapshot['unread'];
  /** What reads a hello without ending its TLS; hands back whom `claim` takes. */
  peek: (claim: Claim) => Protocol;
  limits: Limits;
  deadlines: Deadlines;
  /** The socket of a door that was bound before; null where there is none. */
  bound?: ((door: Door) => BoundSocket | null) | undefined;
}>;

/** Told whom a hello asks for. True: it is taken over, with every byte that was read of it. */
type Claim = (arrival: Arrival, alpn: readonly string[], read: Buffer, sni: string | null) => boolean;

type Opened = Readonly<{ key: string; believed: Believed; door: Door; listening: Listening }>;

/** A new configuration may trust others, or in another way, without closing the door. */
type Believed = { by: Pick<Door, 'trust' | 'header' | 'proxy'> };

/** In the order in which they are wanted. */
const spoken = ['h2', 'http/1.1'];

export class Doors implements Closable {
  readonly #options: DoorsOptions;
  readonly #balancers: Balancers;
  readonly #peeking: Protocol;
  #opened: readonly Opened[] = [];

  constructor(options: DoorsOptions) {
    this.#options = options;
    this.#balancers = new Balancers(options);
    this.#peeking = options.peek((arrival, _alpn, read, sni) => this.#hasOurTls(arrival, read, sni));
  }

  /** What is listened on now, with the ports that were really taken. */
  get open(): readonly Door[] {
    return this.#opened.map(({ door, listening }) => ({ ...door, port: listening.port }));
  }

  /**
   * From now on exactly these. New ones are opened before old ones are closed; when one cannot be, throws
   * (`address-in-use`, `permission-missing`, `address-unavailable`) and leaves everything as it was.
   */
  async set(doors: readonly Door[]): Promise<void> {
    const fresh: Opened[] = [];
    const next: Opened[] = [];
    try {
      for (const door of doors) {
        const key = `${door.scheme} ${door.host} ${door.port}`;
        const there = this.#opened.find((each) => each.key === key);
        if (there !== undefined) {
          next.push({ ...there, door });
          continue;
        }
        const believed: Believed = { by: door };
        const opened: Opened = { key, believed, door, listening: await this.#listen(door, believed) };
        fresh.push(opened);
        next.push(opened);
      }
    } catch (error) {
      await Promise.all(fresh.map(({ listening }) => listening.close()));
      throw error;
    }
    for (const { believed, door } of next) believed.by = door;
    const surplus = this.#opened.filter((each) => !next.some(({ listening }) => listening === each.listening));
    this.#opened = next;
    await Promise.all(surplus.map(({ listening }) => listening.close()));
  }

  /** Somebody came to the relay: asked for one of our names, whose TLS ends here and not there, or came to a port that leads here. */
  arriveByRelay({ stream, from, port, sni }: TunnelArrival, relay: string): void {
    const facts = { name: `relay:${relay}`, port, via: 'relay', loopback: false } as const;
    const asked = readPortName(sni ?? '');
    if (asked === null) return this.#secure(stream, from, { ...facts, scheme: 'https' });
    void this.#options.engine.take({ stream, from, listener: { ...facts, scheme: asked.transport }, sni: null }, this.#options.raw);
  }

  /** The relay has ended the TLS: each request is judged by whether its service has agreed to that. */
  arriveTerminated({ stream, from, port, sni }: TunnelArrival, relay: string): void {
    const name = `relay:${relay} (TLS ended there)`;
    this.#serve(stream, from, { name, scheme: 'https', port, via: 'relay', loopback: false, terminated: true }, sni);
  }

  /** Takes nobody new; who is here stays until `close`. */
  stop(): void {
    for (const { listening } of this.#opened) listening.stop();
  }

  async close(): Promise<void> {
    await this.set([]);
  }

  async #listen(door: Door, believed: Believed): Promise<Listening> {
    const ip = parseIp(door.host);
    const facts = { scheme: door.scheme, via: 'direct', loopback: ip === null ? door.host === 'localhost' : isLoopback(ip) } as const;
    let known: ListenerFacts | null = null;
    const listening: Listening = await listen({
      host: door.host,
      port: door.port,
      bound: this.#options.bound?.(door) ?? null,
      limits: this.#options.limits,
      isShared: (ip) => isTrusted(ip, believed.by.trust),
      take: (socket, from) => {
        known ??= {
          ...facts,
          name: `${door.scheme}://${hostPort(door.host, listening.port)}`,
          port: listening.port,
        };
        const { trust, header, proxy } = believed.by;
        if (proxy !== undefined) this.#begin(socket, from, { ...known, proxy });
        else if (trust === undefined || !isTrusted(from.ip, trust)) this.#begin(socket, from, known);
        else if (header === undefined) void this.#behindBalancer(socket, from, known);
        else this.#begin(socket, from, { ...known, loopback: false, balanced: { field: header, trust } });
      },
    });
    return listening;
  }

  #begin(socket: Stream, from: Address, listener: ListenerFacts): void {
    if (listener.scheme === 'https') this.#secure(socket, from, listener);
    else this.#serve(socket, from, listener, null);
  }

  /** Nobody who comes through a balancer is on this machine, wherever the balancer is. */
  async #behindBalancer(socket: Socket, peer: Address, listener: ListenerFacts): Promise<void> {
    const facts = { ...listener, loopback: false };
    const from = await this.#balancers.admit(socket, peer);
    if (!('code' in from)) {
      this.#begin(socket, from, facts);
      // It was paused behind its header: whoever reads it by events waits for this.
      if (socket.listenerCount('data') > 0) socket.resume();
    } else if (from.code !== 'visitor-gone') this.#options.engine.refused({ stream: socket, from: peer, listener: facts, sni: null }, from);
  }

  /** Ends the visitor's TLS; looks first for whom it is where some of it is passed on. */
  #secure(stream: Stream, from: Address, listener: ListenerFacts): void {
    if (!this.#looksFirst(listener)) return this.#greet(stream, from, listener);
    void this.#options.engine.take({ stream, from, listener: { ...listener, scheme: 'tls' }, sni: null }, this.#peeking);
  }

  /** Where nobody of what comes here could be passed on or asked, nobody looks. */
  #looksFirst({ proxy }: ListenerFacts): boolean {
    return (this.#options.unread() !== null && proxy === undefined) || (this.#options.asksAnybody?.() ?? false);
  }

  /** What is not passed on goes the way of every other visitor, as if nobody had looked. */
  #hasOurTls({ stream, from, listener }: Arrival, read: Buffer, sni: string | null): boolean {
    if (listener.proxy === undefined && this.#options.unread()?.(sni) === true) return false;
    stream.unshift(read);
    const ours: ListenerFacts = { ...listener, scheme: 'https' };
    // What a balancer that carries many visitors would show is nobody's of them.
    const context = listener.balanced === undefined ? (this.#options.askingFor?.(sni, this.#proxyOf(ours, sni)) ?? null) : null;
    this.#greet(stream, from, ours, context === null ? null : { name: sni, context });
    return true;
  }

  #greet(stream: Stream, from: Address, listener: ListenerFacts, asking: Asking | null = null): void {
    const { contextFor, base, challengeFor, limits, deadlines } = this.#options;
    void greet(stream, { contextFor, base, challengeFor, alpn: spoken, asking, handshakeMs: limits.handshakeMs, deadlines }).then(
      (greeted) => {
        // A CA has seen what it came for.
        if ('stream' in greeted && greeted.alpn === acmeAlpn) greeted.stream.destroySoon();
        else if ('stream' in greeted)
          this.#serve(greeted.stream, from, knownBy(listener, greeted.client), greeted.sni, greeted.alpn === 'h2');
        else this.#options.engine.refused({ stream, from, listener, sni: null }, greeted);
      },
    );
  }

  #serve(stream: Stream, from: Address, listener: ListenerFacts, sni: string | null, h2 = false): void {
    const proxy = this.#proxyOf(listener, sni);
    if (proxy !== null && !(h2 && proxy.http)) return void this.#lead(stream, from, { ...listener, proxy }, sni);
    const led = proxy === null ? listener : { ...listener, proxy };
    void this.#options.engine.take({ stream, listener: led, from, sni }, h2 ? this.#options.http2 : this.#options.protocol);
  }

  /** A proxy has a door of its own, or is asked for by its name: only where TLS was, so that nothing is said in the clear. */
  #proxyOf(listener: ListenerFacts, sni: string | null): ProxyFacts | null {
    return listener.proxy ?? (listener.scheme === 'https' ? this.#options.proxyFor(sni) : null);
  }

  /** Both of its protocols on one port: SOCKS begins with its version, and no method of HTTP with such an octet. */
  async #lead(stream: Stream, from: Address, listener: ListenerFacts & Readonly<{ proxy: ProxyFacts }>, sni: string | null): Promise<void> {
    const { http, socks5 } = listener.proxy;
    const { engine, protocol, limits, deadlines } = this.#options;
    const first = http && socks5 ? await firstOctet(stream, deadlines, limits.headMs) : 0;
    if (first === null) return;
    const isSocks = socks5 && (!http || first === 4 || first === 5);
    void engine.take({ stream, listener, from, sni }, isSocks ? this.#options.socks5 : protocol);
    // It was paused behind its first octet.
    if (stream.listenerCount('data') > 0) stream.resume();
  }
}

function knownBy(listener: ListenerFacts, client: ClientCertificate | null): ListenerFacts {
  return client === null ? listener : { ...listener, client };
}
