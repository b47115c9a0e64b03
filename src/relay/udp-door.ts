/** A UDP port of a relay: one flow for each visitor's address and port, passed on as a stream, and no more sent back than is due. */

import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { parseIp, type Address } from '../core/address.ts';
import { FlowAllowance } from '../core/flow-allowance.ts';
import type { Limits } from '../core/limits.ts';
import { Budget } from '../core/mux/budget.ts';
import type { Closable, Stream } from '../contracts/stream.ts';
import { cannotListen } from '../dataplane/listener.ts';
import { DatagramStream, type WaitingBytes } from '../modules/upstreams/udp/datagram-stream.ts';
import type { CountedFlow, FlowCensus } from './flow-census.ts';

export type UdpDoorOptions = Readonly<{
  host: string;
  port: number;
  /** Whether a relay that leaves may still have the port. The system lets programs of the same user only share it. */
  shared: boolean;
  limits: Pick<Limits, 'udpFlowBytesMax' | 'udpFlowsPerSecondMax'>;
  census: FlowCensus;
  waiting: WaitingBytes;
  /** The key that holds the port now. */
  gateway: () => string;
  take: (stream: Stream, from: Address) => void;
}>;

/** Datagrams of all flows that wait in the socket to go out; beyond it they are dropped. */
const sendQueueBytesMax = 4_194_304;

/** Errors: `address-in-use`, `permission-missing`, `address-unavailable`. */
export async function openUdpDoor(options: UdpDoorOptions): Promise<Closable> {
  const { host, port, shared } = options;
  const reusePort = shared && process.platform === 'linux';
  const socket = createSocket({ type: isIPv6(host) ? 'udp6' : 'udp4', reusePort });
  const door = new UdpDoor(socket, options);
  await new Promise<void>((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => {
      socket.close();
      reject(cannotListen(error, { host, port }));
    };
    socket.once('error', failed);
    socket.once('listening', () => {
      socket.off('error', failed);
      socket.on('error', () => undefined);
      resolve();
    });
    socket.bind({ address: host, port });
  });
  return door;
}

type Flow = CountedFlow & Readonly<{ stream: DatagramStream; allowance: FlowAllowance }>;

class UdpDoor implements Closable {
  readonly #socket: Socket;
  readonly #options: UdpDoorOptions;
  readonly #flows = new Map<string, Flow>();
  readonly #begun: Budget;
  #closed: Promise<void> | null = null;

  constructor(socket: Socket, options: UdpDoorOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#begun = new Budget(options.limits.udpFlowsPerSecondMax);
    socket.on('message', (datagram, from) => this.#came(datagram, from));
  }

  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => this.#socket.close(() => resolve()));
    for (const flow of this.#flows.values()) flow.end();
    return this.#closed;
  }

  #came(datagram: Uint8Array, from: RemoteInfo): void {
    const key = `${from.address} ${from.port}`;
    const flow = this.#flows.get(key) ?? this.#begin(key, from);
    if (flow === null) return;
    const { isProved } = flow.allowance;
    flow.allowance.came(datagram);
    if (!isProved && flow.allowance.isProved) this.#options.census.proved(flow);
    flow.stream.offer(datagram);
  }

  /** Null where there is no room, or the sender has no address that could be answered. */
  #begin(key: string, remote: RemoteInfo): Flow | null {
    const { census, limits, waiting, gateway, take } = this.#options;
    const ip = parseIp(remote.address.split('%')[0] ?? '')?.text;
    if (ip === undefined || remote.port === 0 || !this.#begun.take(performance.now())) return null;
    const allowance = new FlowAllowance();
    const send = (datagram: Uint8Array): void => this.#send(datagram, remote, allowance);
    const stream = new DatagramStream({ send, waitingBytesMax: limits.udpFlowBytesMax, waiting });
    const flow: Flow = { ip, gateway: gateway(), stream, allowance, end: () => this.#end(key, flow) };
    if (!census.enter(flow)) return null;
    this.#flows.set(key, flow);
    stream.once('close', () => flow.end());
    take(stream, { ip, port: remote.port });
    return stream.destroyed ? null : flow;
  }

  #end(key: string, flow: Flow): void {
    if (this.#flows.get(key) !== flow) return;
    this.#flows.delete(key);
    this.#options.census.leave(flow);
    flow.stream.destroy();
  }

  #send(datagram: Uint8Array, { address, port }: RemoteInfo, allowance: FlowAllowance): void {
    if (this.#closed !== null || this.#socket.getSendQueueSize() + datagram.length > sendQueueBytesMax) return;
    if (!allowance.mayGo(datagram)) return;
    // Node copies nothing, and the bytes are lent.
    this.#socket.send(Uint8Array.from(datagram), port, address, () => undefined);
  }
}
