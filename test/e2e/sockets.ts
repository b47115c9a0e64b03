/** Sockets of tests: servers and UDP on any port, and what a raw client says and hears. */

import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type AddressInfo, type Server } from 'node:net';

/** What is to be closed at the end. */
export type Ends = (() => unknown)[];

/** The port that it listens on, at this machine alone. */
export async function listening(server: Server, ends: Ends): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ends.push(() => server.close());
  // It listens on an address, so it has one.
  return (server.address() as AddressInfo).port;
}

export async function udpSocket(ends: Ends, address = '127.0.0.1'): Promise<UdpSocket> {
  const socket = createSocket('udp4');
  ends.push(() => socket.close());
  socket.bind(0, address);
  await once(socket, 'listening');
  return socket;
}

/** Says something to a port, and hears what comes until `enough` holds of it, or the end. */
export async function say(port: number, text: string | Uint8Array, enough?: RegExp): Promise<string> {
  const socket = connect(port, '127.0.0.1').on('error', () => undefined);
  let heard = '';
  socket.on('data', (chunk: Buffer) => {
    heard += chunk.toString('latin1');
    if (enough?.test(heard) === true) socket.destroy();
  });
  socket.write(text);
  // Whatever ends it: an error is a way to end.
  await new Promise((closed) => socket.once('close', closed));
  return heard;
}
