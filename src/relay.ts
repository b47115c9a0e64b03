/** The relay: wires listeners, the hello's reading, carriers and the engine. It reads names, and never what is said. */

import { randomBytes } from 'node:crypto';
import { Socket } from 'node:net';
import type { Address } from './core/address.ts';
import type { Fault } from './core/errors.ts';
import type { Limits } from './core/limits.ts';
import type { AuditLog } from './contracts/sink.ts';
import type { Service, Snapshot } from './contracts/snapshot.ts';
import type { Store } from './contracts/store.ts';
import type { Deadlines } from './contracts/protocol.ts';
import type { Closable } from './contracts/stream.ts';
import type { MachineIdentity } from './contracts/tunnel.ts';
import { openGrants } from './controlplane/enrolment/grants.ts';
import { CarrierDoor } from './dataplane/carrier-door.ts';
import { startBufferCollector } from './dataplane/buffer-collector.ts';
import { createDeadlines, startDeadlines, steadyNow } from './dataplane/deadlines.ts';
import { Comers } from './dataplane/comers.ts';
import { Directory } from './dataplane/directory.ts';
import type { GatewayFacts } from './dataplane/directory.ts';
import { Engine } from './dataplane/engine.ts';
import { carrierAlpn } from './dataplane/greeting.ts';
import { createIds } from './dataplane/ids.ts';
import { listen } from './dataplane/listener.ts';
import type { BoundSocket, Listening } from './dataplane/listener.ts';
import { createSplice } from './dataplane/splice.ts';
import { WebSocketDoor } from './dataplane/websocket-door.ts';
import type { OwnCertificate } from './dataplane/websocket-door.ts';
import { sniProtocol, type Claim } from './modules/protocols/sni.ts';
import { throughTunnel } from './modules/upstreams/tunnel.ts';
import { Leaving } from './relay/leaving.ts';
import { Visitors } from './relay/visitors.ts';

export type RelayOptions = Readonly<{
  identity: MachineIdentity;
  store: Store;
  listen: readonly Readonly<{ host: string; port: number }>[];
  /** Names are granted below it: `example.org`. */
  domain: string;
  /** For carriers in WebSockets: the relay's own names, and what is shown for them. Left out, there is no such door. */
  own?: Readonly<{ names: readonly string[]; certificate: OwnCertificate }> | undefined;
  limits: Limits;
  audit: AuditLog;
  /** Milliseconds since 1970. */
  now: () => number;
  /** A key that owns every name and gets visitors who name nobody: the embedded relay's own gateway. Null on a public relay. */
  owner: string | null;
  /** Where the listening sockets come from: a holder's, which outlives this process. Otherwise they are made here. */
  bind?: (at: Readonly<{ host: string; port: number }>) => Promise<BoundSocket>;
  /** Told of our own faults. */
  onFault: (error: unknown) => void;
  /** Told of carriers that came to nothing or ended, for the operator's log. */
  onCarrierEnd?: (from: Address, fingerprint: string | null, why: Fault) => void;
}>;

export interface Relay extends Closable {
  /** HOST:PORT of every listener, as they came to be. */
  readonly addresses: readonly string[];
  readonly fingerprint: string;
  gateways(): readonly GatewayFacts[];
  /** Says to every gateway that this relay goes: they come again (here, or to whoever listens then), and what runs may end. */
  leave(): void;
  /** Shows another certificate for its own names from now on. Throws when it cannot be used. */
  renew(certificate: OwnCertificate): void;
  /** Streams that still run. */
  streams(): number;
  /** Resolves when what other processes wrote to the store before holds here, and what it ends has ended. */
  refresh(): Promise<void>;
  /** Shows this key from now on. `next` is announced: gateways are bid goodbye, come again at once and hear it. */
  useKeys(identity: MachineIdentity, next: string | null): void;
  /** How many visitors are here. */
  visitors(): number;
  /**
   * Takes nobody any more, says so to all gateways, and lets what runs end for so long. Resolves when nothing runs any
   * more, or the time is over, with the number of visitors who are still here: `close` cuts them.
   * Said again with a shorter time it ends sooner.
   */
  drain(ms: number): Promise<number>;
}

/** Errors: `address-in-use`, `permission-missing`, `address-unavailable`, `store-unavailable`. */
export async function startRelay(options: RelayOptions): Promise<Relay> {
  const { identity, domain, limits, now } = options;
  const deadlines = createDeadlines(steadyNow);
  // Filled once there is somebody to review: the grants' first changes come before.
  const reviews: (() => void)[] = [];
  const onChange = (): void => reviews.forEach((review) => review());
  const grants = await openGrants({ store: options.store, domain, owner: options.owner, now, onChange });
  const comers = new Comers((ip) => grants.barred('', ip) !== null);
  const names = new Directory({ grants, limits, unnamed: options.owner });
  reviews.push(
    () => names.review(),
    () => comers.review(),
  );
  const door = new CarrierDoor({
    identity,
    domain,
    directory: names,
    enrolment: grants,
    limits,
    now,
    onEnd: options.onCarrierEnd ?? (() => undefined),
  });
  const engine = blindEngine(options, names, deadlines);
  const webSockets = options.own === undefined ? null : webSocketDoor(options.own, { limits, deadlines, door });
  const visitors = new Visitors();
  const take = takerOf(engine, { claimed: claimedBy(door, webSockets), comers, visitors, domain });
  const ticking = startDeadlines(deadlines);
  const collecting = startBufferCollector();
  const listeners: Listening[] = [];
  const leaving = new Leaving({
    visitors,
    stop: () => listeners.forEach((listener) => listener.stop()),
    tell: () => names.leave('interrupted'),
    helloMs: limits.leaveHelloMs,
  });
  const close = async (): Promise<void> => {
    names.closeAll('interrupted');
    await Promise.all(listeners.map((listener) => listener.close()));
    await ticking.close();
    await collecting.close();
    grants.close();
  };
  try {
    for (const at of options.listen) listeners.push(await listen({ ...at, limits, take, bound: (await options.bind?.(at)) ?? null }));
  } catch (error) {
    await close();
    throw error;
  }

  return {
    addresses: listeners.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`),
    get fingerprint() {
      return door.fingerprint;
    },
    gateways: () => names.list(),
    leave: () => names.leave('interrupted'),
    streams: () => names.streams,
    refresh: () => grants.refresh(),
    useKeys: (own, next) => {
      door.useKeys(own, next);
      names.leave('interrupted');
    },
    renew: (certificate) => webSockets?.renew(certificate),
    visitors: () => visitors.size,
    drain: (ms) => leaving.leave(ms),
    close,
  };
}

function blindEngine({ limits, now, audit, onFault }: RelayOptions, names: Directory, deadlines: Deadlines): Engine {
  const snapshot = blindSnapshot(names, limits);
  const splice = createSplice({ deadlines });
  const httpDate = (): string => new Date(now()).toUTCString();
  return new Engine({
    snapshot: () => snapshot,
    audit,
    tools: { now, newId: createIds(now, randomBytes), limits, deadlines, splice, httpDate },
    onFault,
  });
}

type Taking = Readonly<{ claimed: Claim; comers: Comers; visitors: Visitors; domain: string }>;

/** What becomes of each connection. */
function takerOf(engine: Engine, { claimed, comers, visitors, domain }: Taking): (socket: Socket, from: Address) => void {
  const protocol = sniProtocol((arrival, alpn, read, sni) => {
    visitors.heard(arrival.stream);
    return claimed(arrival, alpn, read, sni);
  });
  return (socket, from) => {
    if (!comers.admits(socket, from.ip)) return;
    const listener = { name: `relay:${domain}`, scheme: 'tls', port: socket.localPort ?? 0, via: 'direct', loopback: false } as const;
    visitors.come(socket);
    void engine.take({ stream: socket, from, sni: null, listener }, protocol).then(() => visitors.gone(socket));
  };
}

/** Who comes to the relay itself: a carrier as it is, or one in a WebSocket. */
function claimedBy(door: CarrierDoor, webSockets: WebSocketDoor | null): Claim {
  return (arrival, alpn, read, sni) => {
    if (!(arrival.stream instanceof Socket)) return false;
    const taker = alpn.includes(carrierAlpn) ? door : webSockets?.owns(sni) === true ? webSockets : null;
    if (taker === null) return false;
    arrival.stream.unshift(read);
    taker.take(arrival.stream, arrival.from);
    return true;
  };
}

type Shared = Readonly<{ limits: Limits; deadlines: Deadlines; door: CarrierDoor }>;

function webSocketDoor(own: NonNullable<RelayOptions['own']>, { limits, deadlines, door }: Shared): WebSocketDoor {
  const [admit, take] = [door.admit.bind(door), door.take.bind(door)];
  return new WebSocketDoor({ ...own, limits, deadlines, admit, take });
}

/** One route for all: whoever asked for a name that a gateway holds is passed on. The guards are the gateway's. */
function blindSnapshot(directory: Directory, limits: Limits): Snapshot {
  const service: Service = {
    name: 'tunnel',
    hosts: [],
    open: true,
    expires: null,
    guarded: true,
    asksPassword: false,
    forwarding: { host: null, hostless: '', spent: [], forwarded: false },
    dial: throughTunnel((visitor, caller) => directory.open(visitor, caller)),
    forms: [],
    words: 'the gateways of this relay',
  };
  const anyone = { is: 'pass', identity: { guard: 'public', subject: 'anyone', name: 'anyone', by: 'nothing', roles: [] } } as const;
  const route = { name: 'tunnel', service, identify: { is: 'check', check: () => anyone }, authorize: [], meter: [] } as const;
  return {
    version: 1,
    route: (exchange) => (exchange.http === null && directory.knows(exchange.sni) ? route : null),
    face: () => ({ status: 401, fields: [], body: null }),
    decoy: null,
    services: [service],
    unread: null,
    limits,
    checkNonce: randomBytes(32).toString('hex'),
  };
}
