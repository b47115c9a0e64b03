/** The relay: wires listeners, the hello's reading, carriers and the engine. It reads names, and never what is said. */

import { Socket } from 'node:net';
import { hostPort } from './core/address.ts';
import type { Limits } from './core/limits.ts';
import type { Deadlines } from './contracts/protocol.ts';
import type { Closable } from './contracts/stream.ts';
import type { MachineIdentity } from './contracts/tunnel.ts';
import { tlsSettings } from './controlplane/certificates/tls-settings.ts';
import type { VisitorCount } from './controlplane/enrolment/visitor-counts.ts';
import type { CarrierDoor } from './dataplane/carrier-door.ts';
import type { GatewayFacts } from './dataplane/directory.ts';
import { carrierAlpn } from './dataplane/greeting.ts';
import type { Listening } from './dataplane/listener.ts';
import { WebSocketDoor } from './dataplane/websocket-door.ts';
import type { OwnCertificate } from './dataplane/websocket-door.ts';
import type { Claim } from './modules/protocols/sni.ts';
import { blindSnapshot } from './relay/blind.ts';
import { plainFarewell, tlsFarewell } from './relay/farewell.ts';
import { buildEdge } from './relay/build-edge.ts';
import type { EdgeEntry } from './relay/edge.ts';
import { Leaving } from './relay/leaving.ts';
import { Listeners } from './relay/listeners.ts';
import type { RelayOptions } from './relay/options.ts';
import { relayParts } from './relay/parts.ts';
import { portTaker } from './relay/port-taker.ts';
import { plainSnapshot, plainTaker } from './relay/plain-door.ts';
import { visitorTaker } from './relay/visitor-taker.ts';
import { Visitors } from './relay/visitors.ts';

export type { RelayOptions };

export interface Relay extends Closable {
  /** HOST:PORT of every listener, as they came to be. */
  readonly addresses: readonly string[];
  /** And of every plain one. */
  readonly plain: readonly string[];
  readonly fingerprint: string;
  gateways(): readonly GatewayFacts[];
  /** Visitors of today, of names that have a bound of them. */
  visitorCounts(): readonly VisitorCount[];
  /** Says to every gateway that this relay goes: they come again (here, or to whoever listens then), and what runs may end. */
  leave(): void;
  /** Shows another certificate for its own names from now on. Throws when it cannot be used. */
  renew(certificate: OwnCertificate): void;
  /** From now on TLS of these names ends here, where their gateways agree. Error: `config-malformed`, and then all stays as it was. */
  terminate(entries: readonly EdgeEntry[]): void;
  /** Whether TLS of this name ends here now. */
  terminates(name: string): boolean;
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
  const { domain, limits } = options;
  const parts = await relayParts(options);
  const { deadlines, grants, names, door } = parts;
  const engine = parts.engine(blindSnapshot(names, limits));
  const webSockets = options.own === undefined ? null : webSocketDoor(options.own, { limits, deadlines, door });
  const visitors = new Visitors();
  const edge = buildEdge(options, parts, visitors);
  const taking = { ...parts, claimed: claimedBy(door, webSockets), edge, visitors, domain, limits };
  const take = visitorTaker(engine, taking);
  parts.ports.take = portTaker(engine, taking);
  const listeners = new Listeners(limits, options.bind ?? null);
  const leaving = new Leaving({
    visitors,
    stop: () => [listeners, parts.ports].forEach((each) => each.stop()),
    tell: () => names.leave('interrupted'),
    helloMs: limits.leaveHelloMs,
  });
  const close = async (): Promise<void> => {
    names.closeAll('interrupted');
    await listeners.close();
    await parts.close();
  };
  const opened: { addresses: readonly Listening[]; plain: readonly Listening[] } = { addresses: [], plain: [] };
  try {
    edge.set(options.edge?.entries ?? []);
    opened.addresses = await listeners.open(options.listen, take, tlsFarewell);
    const known = {
      whyBlocked: grants.whyBlocked,
      stands: (name: string) => names.stands(name),
      isTaken: (name: string) => grants.isGranted(name),
    };
    const plain = plainSnapshot({ names: known, limits, pages: options.pages, httpsPort: opened.addresses[0]?.port ?? 443 });
    opened.plain = await listeners.open(options.plain ?? [], plainTaker(parts.engine(plain), parts), plainFarewell);
  } catch (error) {
    await close();
    throw error;
  }

  return {
    addresses: opened.addresses.map(({ host, port }) => hostPort(host, port)),
    plain: opened.plain.map(({ host, port }) => hostPort(host, port)),
    get fingerprint() {
      return door.fingerprint;
    },
    gateways: () => names.list(),
    visitorCounts: () => grants.visitorCounts(),
    leave: () => names.leave('interrupted'),
    streams: () => names.streams,
    refresh: () => grants.refresh(),
    useKeys: (own, next) => {
      door.useKeys(own, next);
      names.leave('interrupted');
    },
    renew: (certificate) => webSockets?.renew(certificate),
    terminate: (entries) => edge.set(entries),
    terminates: (name) => edge.isTerminated(name),
    visitors: () => visitors.size,
    drain: (ms) => leaving.leave(ms),
    close,
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
  return new WebSocketDoor({ ...own, tls: tlsSettings, limits, deadlines, places: door.places, take: door.take.bind(door) });
}
