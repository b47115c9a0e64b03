/** The ports that a relay listens on for its gateways: each only while somebody holds it, on the relay's own addresses. */

import { SallyportError } from '../core/errors.ts';
import type { Address } from '../core/address.ts';
import type { Limits } from '../core/limits.ts';
import { readPortName, type RelayPort } from '../core/port-name.ts';
import type { PortDoors, PortRefusal } from '../contracts/ports.ts';
import type { Closable, Stream } from '../contracts/stream.ts';
import { ConnectionCount, listen, type BoundSocket } from '../dataplane/listener.ts';
import { WaitingBytes } from '../modules/upstreams/udp/datagram-stream.ts';
import { FlowCensus } from './flow-census.ts';
import type { At } from './listeners.ts';
import { openUdpDoor } from './udp-door.ts';

export type RelayPortsOptions = Readonly<{
  /** Where the relay takes TLS: the hosts of its ports. */
  listen: readonly At[];
  /** Where it listens itself: nobody else has these ports. */
  own: readonly At[];
  limits: Limits;
  /** Where the sockets come from when a holder has them, and what it is told when one is not needed any more. */
  bind?: (at: At) => Promise<BoundSocket>;
  release?: (at: At) => void;
}>;

/** `stop` takes nobody any more, and lets what stands end where it has an end of its own. */
type Opened = Closable & Readonly<{ stop: () => void }>;

/** `gateway` is the key that holds it, or held it a moment ago. */
type Door = { gateway: string; readonly opening: Promise<readonly Opened[]>; closing: NodeJS.Timeout | null };

/** Somebody came to a port. */
export type PortTaker = (stream: Stream, from: Address, port: RelayPort) => void;

export class RelayPorts implements PortDoors {
  readonly #options: RelayPortsOptions;
  readonly #doors = new Map<string, Door>();
  /** Of those that are going: a port is free for its next holder when they have gone. */
  readonly #going = new Map<string, Promise<void>>();
  readonly #census: FlowCensus;
  readonly #waiting: WaitingBytes;
  /** All ports count together, or each would be another hundred connections for one address. */
  readonly #connections = new ConnectionCount();
  #stopped = false;
  /** Set by whoever serves those who come, before anybody can. */
  take: PortTaker = (stream) => void stream.destroy();

  constructor(options: RelayPortsOptions) {
    this.#options = options;
    this.#census = new FlowCensus(options.limits);
    this.#waiting = new WaitingBytes(options.limits.udpWaitingBytesMax);
  }

  async open(name: string, fingerprint: string): Promise<PortRefusal | null> {
    const port = readPortName(name);
    if (port === null || this.#stopped) return 'address-unavailable';
    const door = this.#doors.get(name) ?? this.#begin(name, port, fingerprint);
    door.gateway = fingerprint;
    if (door.closing !== null) clearTimeout(door.closing);
    door.closing = null;
    try {
      await door.opening;
      return null;
    } catch (error) {
      if (this.#doors.get(name) === door) this.#doors.delete(name);
      return refusalOf(error);
    }
  }

  close(name: string, when: 'now' | 'soon'): void {
    const door = this.#doors.get(name);
    if (door === undefined) return;
    if (door.closing !== null) clearTimeout(door.closing);
    if (when === 'now') return this.#end(name, door);
    door.closing = setTimeout(() => this.#end(name, door), this.#options.limits.visitorHoldMs);
    door.closing.unref();
  }

  /** Nobody is taken any more; connections may end, and the sockets are left to whoever comes after this relay. */
  stop(): void {
    this.#stopped = true;
    for (const door of this.#doors.values()) {
      if (door.closing !== null) clearTimeout(door.closing);
      door.opening.then((opened) => opened.forEach((each) => each.stop())).catch(() => undefined);
    }
  }

  /** And what still stands is cut. */
  async closeAll(): Promise<void> {
    this.stop();
    await Promise.all([...this.#doors.values()].map(({ opening }) => closed(opening)));
    await Promise.all(this.#going.values());
  }

  #begin(name: string, port: RelayPort, gateway: string): Door {
    const door: Door = { gateway, opening: this.#listen(name, port, () => door.gateway), closing: null };
    this.#doors.set(name, door);
    return door;
  }

  async #listen(name: string, port: RelayPort, gateway: () => string): Promise<readonly Opened[]> {
    await this.#going.get(name);
    const { listen: listened, own } = this.#options;
    // A holder would hand out the relay's own socket for its own port.
    if (port.transport === 'tcp' && own.some((at) => at.port === port.port))
      throw new SallyportError('address-in-use', 'the relay itself listens there');
    const opened: Opened[] = [];
    try {
      for (const host of new Set(listened.map((at) => at.host))) opened.push(await this.#listenAt(host, port, gateway));
      return opened;
    } catch (error) {
      await Promise.all(opened.map((each) => each.close()));
      throw error;
    }
  }

  async #listenAt(host: string, { transport, port }: RelayPort, gateway: () => string): Promise<Opened> {
    const { limits, bind } = this.#options;
    const taken = (stream: Stream, from: Address): void => this.take(stream, from, { transport, port });
    if (transport === 'tcp') {
      const bound = (await bind?.({ host, port })) ?? null;
      return listen({ host, port, bound, limits, count: this.#connections, take: taken });
    }
    // Nobody else can hold a socket of UDP: Node reads what it has. The next relay binds its own beside the one that leaves.
    const door = await openUdpDoor({
      host,
      port,
      shared: bind !== undefined,
      limits,
      census: this.#census,
      waiting: this.#waiting,
      gateway,
      take: taken,
    });
    return { close: () => door.close(), stop: () => void door.close() };
  }

  #end(name: string, door: Door): void {
    if (door.closing !== null) clearTimeout(door.closing);
    this.#doors.delete(name);
    const gone = closed(door.opening).then(() => {
      if (this.#going.get(name) === gone) this.#going.delete(name);
      // Who leaves has a successor that listens there.
      if (!this.#stopped) this.#release(name);
    });
    this.#going.set(name, gone);
  }

  #release(name: string): void {
    const port = readPortName(name);
    if (port === null || port.transport === 'udp') return;
    for (const host of new Set(this.#options.listen.map((at) => at.host))) this.#options.release?.({ host, port: port.port });
  }
}

async function closed(opening: Promise<readonly Opened[]>): Promise<void> {
  const opened = await opening.catch(() => []);
  await Promise.all(opened.map((each) => each.close()));
}

function refusalOf(error: unknown): PortRefusal {
  const code = error instanceof SallyportError ? error.code : null;
  return code === 'address-in-use' || code === 'permission-missing' ? code : 'address-unavailable';
}
