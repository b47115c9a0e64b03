/** UDP ASSOCIATE for a program of this machine (RFC 1928, 7): datagrams here, and in one TLS stream, each behind its length, to the proxy. */

import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Deadlines } from '../contracts/protocol.ts';
import { hostPort, parseIp, type Ip } from '../core/address.ts';
import { DatagramReader, framedDatagram } from '../core/datagrams.ts';
import { datagramPlace } from '../core/egress/destination.ts';
import { SallyportError } from '../core/errors.ts';
import type { Limits } from '../core/limits.ts';
import { associatedReply, DatagramPeer } from '../core/socks/datagram.ts';
import { NotLed, tunnelTo, type ProxyVisitOptions } from './proxy-visit.ts';

type Between = Readonly<{ far: ProxyVisitOptions; deadlines: Deadlines; limits: Limits }>;

/**
 * Stands until either connection ends, or nothing has moved for `tunnelIdleMs`. Judges nothing: the proxy does, datagram by datagram.
 * @param port from where the program said that it will send; 0 for "not known yet"
 * Errors: those of `tunnelTo`; `method-refused` where the proxy takes no datagrams; an error of the system where no port is to be had.
 */
export async function associate(socket: Socket, port: number, between: Between): Promise<void> {
  const [here, there] = [parseIp(socket.localAddress ?? ''), parseIp(socket.remoteAddress ?? '')];
  // It has left already: nobody is waiting.
  if (here === null || there === null) return void socket.destroy();
  const near = await bound(here);
  try {
    const line = await asked(between.far);
    const peer = new DatagramPeer(there.text, port === 0 ? null : port);
    socket.write(associatedReply(here, near.address().port));
    await new Passing({ socket, near, line, peer, ...between }).over;
  } finally {
    near.close();
  }
}

async function asked(far: ProxyVisitOptions): Promise<TLSSocket> {
  try {
    return await tunnelTo(datagramPlace, far);
  } catch (error) {
    if (!(error instanceof NotLed) || error.kind !== 'unsupported') throw error;
    throw new SallyportError('method-refused', `${hostPort(far.host, far.port)} takes no datagrams (UDP).`, {
      hint: 'Whoever runs it allows them: proxy: { udp: true }',
      cause: error,
    });
  }
}

function bound(ip: Ip): Promise<UdpSocket> {
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

type Ends = Readonly<{ socket: Socket; near: UdpSocket; line: TLSSocket; peer: DatagramPeer; deadlines: Deadlines; limits: Limits }>;

/** It drops and never waits, as datagrams are. */
class Passing {
  at = 0;
  readonly over: Promise<void>;
  readonly #ends: Ends;
  readonly #reader = new DatagramReader();

  constructor(ends: Ends) {
    const { socket, near, line, deadlines } = ends;
    this.#ends = ends;
    this.#moved();
    deadlines.add(this);
    this.over = new Promise((resolve) => {
      const ended = (): void => {
        deadlines.delete(this);
        socket.destroy();
        line.destroy();
        resolve();
      };
      // What else is said on the connection means nothing; its end is the end.
      for (const stream of [socket, line]) for (const event of ['end', 'close']) stream.once(event, ended);
      // Whatever ended before it was heard says so no more: the line may end in the very breath of its answer.
      if ([socket, line].some((stream) => stream.destroyed || stream.readableEnded)) ended();
    });
    near.on('message', (bytes, { address, port }) => this.#sent(bytes, address, port));
    line.on('data', (bytes: Buffer) => this.#came(bytes));
    socket.resume();
    line.resume();
  }

  expire(): void {
    this.#ends.socket.destroy();
  }

  #sent(bytes: Buffer, address: string, port: number): void {
    const { line, peer, limits } = this.#ends;
    if (!peer.takes(address, port) || line.writableLength + bytes.length > limits.udpFlowBytesMax) return;
    const framed = framedDatagram(bytes);
    if (framed === null) return;
    this.#moved();
    line.write(framed);
  }

  #came(bytes: Buffer): void {
    const wrong = this.#reader.push(bytes, (datagram) => this.#hand(datagram));
    if (wrong !== null) this.#ends.line.destroy();
  }

  #hand(datagram: Uint8Array): void {
    const { near, line, peer, limits } = this.#ends;
    if (peer.port === null || line.destroyed || near.getSendQueueSize() + datagram.length > limits.udpFlowBytesMax) return;
    this.#moved();
    // Node copies nothing, and these bytes are good for this moment.
    near.send(Uint8Array.from(datagram), peer.port, peer.ip, () => undefined);
  }

  #moved(): void {
    this.at = this.#ends.deadlines.time() + this.#ends.limits.tunnelIdleMs;
  }
}
