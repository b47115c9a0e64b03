/** The relays that a gateway is at: those that it was invited to, or one of its own on this machine. */

import type { AuditLog } from '../contracts/sink.ts';
import type { Closable } from '../contracts/stream.ts';
import type { MachineIdentity } from '../contracts/tunnel.ts';
import type { Via } from '../contracts/via.ts';
import { hostPort, parseIp, reachOf } from '../core/address.ts';
import { SallyportError } from '../core/errors.ts';
import type { Limits } from '../core/limits.ts';
import { loadIdentity } from '../controlplane/certificates/identity.ts';
import { splitAddress } from '../controlplane/enrolment/invite-code.ts';
import type { Home } from '../controlplane/home.ts';
import type { RelayPlace } from '../controlplane/places.ts';
import type { RelayKeys } from '../dataplane/relay-pins.ts';
import { straight } from '../dataplane/reach/way.ts';
import { createMemoryStore } from '../modules/stores/memory.ts';
import { startRelay, type Relay } from '../relay.ts';

/** A relay that this gateway was invited to. `name` is what it was granted; names below it are its own too. */
export type RelayMembership = Readonly<{
  address: string;
  fingerprint: string;
  /** The relay's key to come, once it was announced. */
  next?: string | null;
  /** Remembers which keys are to be pinned from now on. */
  onKeys?: (keys: RelayKeys) => void;
  name: string;
  via: Via;
}>;

/** Where the relay is, which key it must show, which key we show, and what ends with us. */
export type RelayLeg = Readonly<{
  place: RelayPlace;
  fingerprint: string;
  identity: MachineIdentity;
  relay: Closable | null;
  via: Via;
  /** What a joined relay's keys come to, and ours. */
  keys?: Readonly<{
    nextFingerprint: string | null;
    onKeys: (keys: RelayKeys) => void;
    identityNow: () => Promise<MachineIdentity>;
    /** Tells two gateways that read one store. */
    storeId: string;
  }>;
}>;

export type LegOptions = Readonly<{
  home: Home;
  limits: Limits;
  embeddedRelay: Readonly<{ host: string; port: number | null }> | null;
  memberships: readonly RelayMembership[];
  /** Of the store that our sessions, links and certificates are in. */
  storeId: string;
  onFault: (error: unknown) => void;
}>;

/** The port of a relay of our own, and how many after it are tried before the system chooses. */
const USUAL_PORT = 8_443;
const PORTS_TRIED = 20;

/** In the order in which their addresses are shown; none without a relay. Errors: `address-in-use` (a port that was asked for), `home-*`. */
export async function relayLegs(options: LegOptions): Promise<readonly RelayLeg[]> {
  const identity = await loadIdentity(options.home.keys, 'gateway');
  if (options.embeddedRelay !== null) return [await embedded(options, identity)];
  return options.memberships.map((membership) => joined(options, membership, identity));
}

function joined({ home, storeId }: LegOptions, membership: RelayMembership, identity: MachineIdentity): RelayLeg {
  const { address, fingerprint, name, via, next = null, onKeys = () => undefined } = membership;
  const keys = { nextFingerprint: next, onKeys, identityNow: () => loadIdentity(home.keys, 'gateway'), storeId };
  const { host: written, port } = splitAddress(address);
  // A bare address is what is dialled and judged: `::1`, not `[::1]`.
  const host = written.replace(/^\[(.*)\]$/, '$1');
  const ip = parseIp(host);
  const place: RelayPlace = {
    address,
    host,
    port,
    root: name,
    // As the invitation has it. What a relay calls its domain itself is its own word, and could be another relay's.
    domain: name.slice(name.indexOf('.') + 1),
    embedded: false,
    reach: ip === null ? 'internet' : reachOf(ip),
  };
  return { place, fingerprint, identity, relay: null, via, keys };
}

async function embedded(options: LegOptions, identity: MachineIdentity): Promise<RelayLeg> {
  const relayIdentity = await loadIdentity(options.home.keys, 'relay');
  const host = options.embeddedRelay?.host ?? '127.0.0.1';
  const wanted = options.embeddedRelay?.port ?? null;
  const start = (port: number): Promise<Relay> =>
    startRelay({
      identity: relayIdentity,
      // Nothing of it outlives the process: its only gateway owns every name.
      store: createMemoryStore({ now: Date.now }),
      listen: [{ host, port }],
      domain: 'localhost',
      limits: options.limits,
      audit: nowhere,
      now: Date.now,
      owner: identity.fingerprint,
      onFault: options.onFault,
    });
  const relay = wanted === null ? await firstFree(start) : await start(wanted);
  const { port } = splitAddress(relay.addresses[0] ?? '');
  return {
    place: { address: hostPort(host, port), host, port, root: 'localhost', domain: 'localhost', embedded: true, reach: 'machine' },
    fingerprint: relay.fingerprint,
    identity,
    relay,
    via: straight,
  };
}

async function firstFree(start: (port: number) => Promise<Relay>): Promise<Relay> {
  for (let port = USUAL_PORT; port < USUAL_PORT + PORTS_TRIED; port += 1) {
    try {
      return await start(port);
    } catch (error) {
      if (!(error instanceof SallyportError) || error.code !== 'address-in-use') throw error;
    }
  }
  return start(0);
}

/** The gateway records each exchange itself; its own relay would only say it twice. */
const nowhere: AuditLog = {
  record: () => undefined,
  flush: async () => undefined,
  close: async () => undefined,
};
