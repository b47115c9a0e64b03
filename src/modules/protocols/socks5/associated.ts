/** UDP ASSOCIATE towards a client (RFC 1928, 7): bound to its TCP connection and to the address that this came from. */

import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { Socket } from 'node:net';
import { parseIp, type Ip } from '../../../core/address.ts';
import type { Limits } from '../../../core/limits.ts';
import { socksAddress } from '../../../core/socks/datagram.ts';
import type { Stream } from '../../../contracts/stream.ts';

/** What a client may send its datagrams to: an address of ours that it has reached already. Null where there is none of that kind. */
export function localIp(stream: Stream): Ip | null {
  return stream instanceof Socket ? parseIp(stream.localAddress ?? '') : null;
}

/** Bound at that address. Rejects with an error of the system. */
export function bound(ip: Ip): Promise<UdpSocket> {
  return new Promise((resolve, reject) => {
    const socket = createSocket({ type: ip.version === 4 ? 'udp4' : 'udp6' });
    socket.once('error', reject);
    socket.bind({ address: ip.text, port: 0, exclusive: true }, () => {
      socket.off('error', reject);
      socket.on('error', () => undefined);
      resolve(socket);
    });
  });
}

/** RFC 1928, 6: it stands, and here is where datagrams go. */
export function associatedReply(ip: Ip, socket: UdpSocket): Uint8Array {
  return Uint8Array.from([5, 0, 0, ...socksAddress(ip, socket.address().port)]);
}

export type Passing = Readonly<{
  near: UdpSocket;
  /** Of whole datagrams. */
  far: Stream;
  /** The client, as its TCP connection has proved it; `port` null until its first datagram. */
  client: Readonly<{ ip: string; port: number | null }>;
  limits: Pick<Limits, 'udpFlowBytesMax'>;
  moved: () => void;
}>;

export class DatagramPassing {
  bytesIn = 0;
  bytesOut = 0;
  readonly #with: Passing;
  #port: number | null;

  constructor(passing: Passing) {
    const { near, far, client } = passing;
    this.#with = passing;
    this.#port = client.port;
    near.on('message', (bytes, { address, port }) => this.#sent(bytes, address, port));
    far.on('data', (bytes: Uint8Array) => this.#came(bytes));
  }

  /** From anybody else it is dropped: a proxy is no reflector, and nobody speaks in another's name. */
  #sent(bytes: Buffer, address: string, port: number): void {
    const { client, far, moved } = this.#with;
    if (parseIp(address)?.text !== client.ip || (this.#port !== null && this.#port !== port)) return;
    this.#port = port;
    if (far.writableNeedDrain || far.destroyed) return;
    this.bytesIn += bytes.length;
    moved();
    far.write(bytes);
  }

  #came(bytes: Uint8Array): void {
    const { near, client, limits, moved } = this.#with;
    if (this.#port === null || near.getSendQueueSize() + bytes.length > limits.udpFlowBytesMax) return;
    this.bytesOut += bytes.length;
    moved();
    near.send(bytes, this.#port, client.ip, () => undefined);
  }
}
