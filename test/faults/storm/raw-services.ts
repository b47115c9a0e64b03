/** The storm's services without HTTP: TCP that sends back what it gets, and UDP that does so with each datagram. Both know what should come. */

import { createSocket } from 'node:dgram';
import { createServer, type Socket } from 'node:net';
import { Expectation, readDatagram } from './content.ts';

export type Told = Readonly<{
  /** What was found wrong. */
  wrong: (what: string) => void;
  /** Changes what is sent back, where this service is told to lie. */
  spoil: (bytes: Buffer) => void;
}>;

const headBytesMax = 200;

/** Each connection begins with a line `ID BYTES`, and has the id's content behind it. */
export function startTcpEcho(port: number, told: Told): Promise<void> {
  const server = createServer({ allowHalfOpen: true }, (socket) => echo(socket, told));
  return new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
}

function echo(socket: Socket, told: Told): void {
  let head = '';
  let expected: Expectation | null = null;
  const take = (bytes: Buffer): void => {
    const why = expected?.take(bytes) ?? null;
    if (why !== null) {
      told.wrong(`TCP of ${head}: ${why}`);
      return void socket.destroy();
    }
    told.spoil(bytes);
    if (bytes.length > 0 && !socket.write(bytes)) socket.pause();
  };
  socket.on('drain', () => socket.resume());
  socket.on('data', (bytes: Buffer) => {
    if (expected !== null) return take(bytes);
    const end = bytes.indexOf(10);
    head += bytes.subarray(0, end === -1 ? bytes.length : end).toString('latin1');
    if (end === -1 && head.length < headBytesMax) return;
    const [, id, size] = /^([\w/-]+) (\d+)$/.exec(head) ?? [];
    if (id === undefined) {
      told.wrong(`TCP began with ${JSON.stringify(head.slice(0, headBytesMax))}`);
      return void socket.destroy();
    }
    expected = Expectation.ofContent(id, Number(size));
    take(bytes.subarray(end + 1));
  });
  // Whoever ends early has been cut, or has left: what came until then was right.
  socket.on('end', () => socket.end());
  socket.on('error', () => undefined);
}

export function startUdpEcho(port: number, told: Told): Promise<void> {
  const socket = createSocket('udp4');
  socket.on('message', (bytes, from) => {
    // A gateway asks with an empty one whether somebody is there.
    if (bytes.length === 0) return;
    if (readDatagram(bytes) === null) return told.wrong(`a datagram of ${bytes.length} bytes that nobody sent`);
    told.spoil(bytes);
    socket.send(bytes, from.port, from.address, () => undefined);
  });
  socket.on('error', () => undefined);
  return new Promise((resolve) => socket.bind(port, '127.0.0.1', resolve));
}
