/** Members of a relay that were granted ports, and services behind them, for tests. */

import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { createInvite } from '../../src/controlplane/enrolment/invites.ts';
import { unbounded, type Bounds } from '../../src/controlplane/enrolment/bounds.ts';
import type { MachineIdentity, TunnelArrival } from '../../src/contracts/tunnel.ts';
import { DatagramReader, framedDatagram } from '../../src/core/datagrams.ts';
import { joined, type World } from './relay.ts';

/** This key has joined under this name, with these ports. */
export async function grantPorts(at: World, key: MachineIdentity, name: string, bounds: Partial<Bounds>): Promise<void> {
  await joined(await invitedWith(at, name, bounds), key, at.limits);
}

/** An invitation to this name, with these ports. */
export async function invitedWith(at: World, name: string, bounds: Partial<Bounds>): Promise<string> {
  const { code } = await createInvite(at.store, {
    name,
    domain: 'example.test',
    relayAddress: at.address,
    fingerprint: at.identity.fingerprint,
    lifeMs: 60_000,
    bounds: { ...unbounded, ...bounds },
    now: Date.now(),
    randomBytes,
  });
  return code;
}

/** Sends back what comes on a stream, as it is. */
export function echoBytes({ stream }: TunnelArrival): void {
  stream.on('error', () => undefined);
  stream.pipe(stream);
}

/** A service of datagrams behind a tunnel's stream: what it answers to each, in their order. */
export function answering(answer: (datagram: Buffer) => readonly Buffer[]): (arrival: TunnelArrival) => void {
  return ({ stream }) => {
    const reader = new DatagramReader();
    stream.on('error', () => undefined);
    stream.on('data', (bytes: Buffer) => {
      reader.push(bytes, (datagram) => {
        for (const each of answer(Buffer.from(datagram))) stream.write(framedDatagram(each) ?? Buffer.alloc(0));
      });
    });
  };
}

export type Visitor = Readonly<{
  socket: UdpSocket;
  got: Buffer[];
  say: (datagram: Uint8Array) => void;
  /** What comes next. */
  next: () => Promise<Buffer>;
}>;

/** Somebody who sends datagrams from an address and port of its own. */
export async function visitorOf(test: TestContext, port: number, from = '127.0.0.1'): Promise<Visitor> {
  const socket = createSocket('udp4');
  socket.bind({ address: from, port: 0 });
  await once(socket, 'listening');
  test.after(() => void socket.close());
  const got: Buffer[] = [];
  let read = 0;
  socket.on('message', (datagram) => got.push(datagram));
  return {
    socket,
    got,
    say: (datagram) => socket.send(datagram, port, '127.0.0.1'),
    next: async () => {
      while (got.length <= read) await once(socket, 'message');
      return got[read++] ?? Buffer.alloc(0);
    },
  };
}
