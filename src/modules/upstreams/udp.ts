/** A service that speaks UDP: a socket for each flow, so that the service tells its visitors apart by their ports. */

import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { z } from 'zod';
import { hostPort } from '../../core/address.ts';
import { SallyportError } from '../../core/errors.ts';
import { isAtPort } from '../../core/port-name.ts';
import { dialCode } from '../../core/system-error.ts';
import { defineUpstream, type Caller, type Opened } from '../../contracts/upstream.ts';
import { DatagramStream, WaitingBytes } from './udp/datagram-stream.ts';

const options = z.strictObject({
  /** The first is sent to: that nobody listens there is heard of later, if at all, so there is no trying of others. */
  hosts: z.array(z.string()).min(1).max(4).readonly(),
  port: z.int().min(1).max(65_535),
  /** The source address; null leaves the choice to the system. */
  from: z.string().nullable(),
  scheme: z.literal('udp'),
});

type Target = z.output<typeof options>;

/** Errors: `connections-exceeded`, `upstream-*`, `visitor-gone`. */
export const udp = defineUpstream({
  name: 'udp',
  options,
  build: (target, { limits }) => {
    const waiting = new WaitingBytes(limits.udpWaitingBytesMax);
    let open = 0;
    const opened = async (caller: Caller): Promise<Opened> => {
      if (open >= limits.udpFlowsPerGatewayMax) throw new SallyportError('connections-exceeded', 'the service has as many flows as it may');
      open += 1;
      try {
        const socket = await dial(target, caller);
        const stream = new DatagramStream({
          send: (datagram) => sendTo(socket, datagram, limits.udpFlowBytesMax),
          waitingBytesMax: limits.udpFlowBytesMax,
          waiting,
        });
        socket.on('message', (datagram) => stream.offer(datagram));
        // An ICMP "port unreachable" of the service: the flow goes, and the visitor's next datagram begins another.
        socket.on('error', (error) => stream.destroy(new SallyportError(dialCode(error), 'the service takes no datagrams')));
        stream.once('close', () => {
          open -= 1;
          socket.close();
        });
        return { is: 'stream', stream, reused: false, release: () => void stream.destroy() };
      } catch (error) {
        open -= 1;
        throw error;
      }
    };
    return {
      words: `udp://${hostPort(target.hosts[0] ?? 'localhost', target.port)}`,
      open: (exchange, caller) => {
        if (exchange.listener.scheme === 'udp' && isAtPort(exchange)) return opened(caller);
        throw new SallyportError('program-failed', 'a visitor of another kind was led to this service');
      },
      close: async () => undefined,
    };
  },
});

/** Node copies nothing: what it has not sent yet must not be lent memory. */
function sendTo(socket: Socket, datagram: Uint8Array, waitingMax: number): void {
  if (socket.getSendQueueSize() + datagram.length > waitingMax) return;
  socket.send(Uint8Array.from(datagram), () => undefined);
}

/** Connected, so that only the service's own answers come in, and its refusal is heard. */
function dial({ hosts, port, from }: Target, { signal }: Caller): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const host = hosts[0] ?? '127.0.0.1';
    const socket = createSocket({ type: isIPv6(host) ? 'udp6' : 'udp4' });
    const failed = (error: Error): void => {
      socket.close();
      reject(new SallyportError(dialCode(error), `the service at ${hostPort(host, port)} cannot be reached`, { cause: error }));
    };
    socket.once('error', failed);
    socket.once('connect', () => {
      socket.off('error', failed);
      if (!signal.aborted) return resolve(socket);
      socket.close();
      return reject(new SallyportError('visitor-gone', 'the visitor closed the flow'));
    });
    const go = (): void => socket.connect(port, host);
    if (from !== null && host.includes('.')) socket.bind({ address: from, port: 0 }, go);
    else go();
  });
}
