/** UDP ASSOCIATE towards a client (RFC 1928, 7): bound to its TCP connection and to the address that this came from. */

import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { Socket } from 'node:net';
import { parseIp, type Ip } from '../../../core/address.ts';
import type { Limits } from '../../../core/limits.ts';
import { DatagramPeer } from '../../../core/socks/datagram.ts';
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

export type Passing = Readonly<{
  near: UdpSocket;
  /** Of whole datagrams. */
  far: Stream;
  /** The client, as its TCP connection has proved it. */
  client: DatagramPeer;
  limits: Pick<Limits, 'udpFlowBytesMax'>;
  moved: () => void;
}>;

export class DatagramPassing {
  bytesIn = 0;
  bytesOut = 0;
  readonly #with: Passing;

  constructor(passing: Passing) {
    const { near, far } = passing;
    this.#with = passing;
    near.on('message', (bytes, { address, port }) => this.#sent(bytes, address, port));
    far.on('data', (bytes: Uint8Array) => this.#came(bytes));
  }

  #sent(bytes: Buffer, address: string, port: number): void {
    const { client, far, moved } = this.#with;
    if (!client.takes(address, port) || far.writableNeedDrain || far.destroyed) return;
    this.bytesIn += bytes.length;
    moved();
    far.write(bytes);
  }

  #came(bytes: Uint8Array): void {
    const { near, client, limits, moved } = this.#with;
    if (client.port === null || near.getSendQueueSize() + bytes.length > limits.udpFlowBytesMax) return;
    this.bytesOut += bytes.length;
    moved();
    near.send(bytes, client.port, client.ip, () => undefined);
  }
}
