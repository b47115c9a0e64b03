/** Comes to a raw port by the visitor's way, and looks whether it arrives here. Nothing is sent, so the service hears of nothing. */

import { createSocket } from 'node:dgram';
import { connect, isIPv6, type Socket } from 'node:net';
import { hostPort } from '../../core/address.ts';
import { portName, type RelayPort } from '../../core/port-name.ts';
import { systemCode } from '../../core/system-error.ts';
import type { TunnelArrival } from '../../contracts/tunnel.ts';
import type { Reached, Through } from './reach.ts';

export type PortReach = Readonly<{
  port: RelayPort;
  /** Where visitors dial. */
  dial: Readonly<{ host: string; port: number }>;
  signal: AbortSignal;
  /** How it is dialled behind a proxy. */
  through?: Through;
  timeoutMs?: number;
}>;

const timeoutMsDefault = 3_000;

/** One check that waits for its own arrival. `ours` is the port that we came from; null until it is known. */
type Waiting = { ours: number | null; readonly arrived: (isOurs: boolean) => void };

export class PortChecks {
  readonly #waiting = new Map<string, Set<Waiting>>();

  /** Whether somebody who comes is ourselves: then the stream is ended, and nobody hears of it. */
  claims({ sni, from, stream }: Pick<TunnelArrival, 'sni' | 'from' | 'stream'>): boolean {
    const all = sni === null ? undefined : this.#waiting.get(sni);
    if (all === undefined) return false;
    const own = [...all].find(({ ours }) => ours === from.port);
    if (own === undefined) {
      // An address translator may have given us another port: that somebody comes shows that it leads here.
      for (const each of all) each.arrived(false);
      return false;
    }
    stream.destroy();
    own.arrived(true);
    return true;
  }

  /** Never throws. It finds mistakes; it is no proof against a hostile relay. */
  async reach(options: PortReach): Promise<Reached> {
    const { port, dial, signal, through, timeoutMs = timeoutMsDefault } = options;
    // Datagrams do not pass a proxy: that the relay holds the port is all that can be known.
    if (port.transport === 'udp' && through !== undefined) return { ok: true };
    const arrival = Promise.withResolvers<Reached>();
    const waiting: Waiting = { ours: null, arrived: () => arrival.resolve({ ok: true }) };
    const name = portName(port);
    const others = this.#waiting.get(name) ?? new Set();
    this.#waiting.set(name, others.add(waiting));
    const where = hostPort(dial.host, dial.port);
    const failed = (why: string): void => arrival.resolve({ ok: false, code: 'self-check-failed', why: `${where} ${why}` });
    const timer = setTimeout(() => failed('does not lead here: what we sent there did not arrive in time'), timeoutMs);
    const ended = (): void => failed('was not asked to the end');
    signal.addEventListener('abort', ended);
    const close = port.transport === 'tcp' ? knock(options, waiting, failed) : send(options, waiting, failed);
    const reached = await arrival.promise;
    clearTimeout(timer);
    signal.removeEventListener('abort', ended);
    close();
    others.delete(waiting);
    if (others.size === 0) this.#waiting.delete(name);
    return reached;
  }
}

function knock({ dial, signal, through }: PortReach, waiting: Waiting, failed: (why: string) => void): () => void {
  let socket: Socket | null = null;
  let over = false;
  const use = (line: Socket): void => {
    socket = line;
    if (over) return void line.destroy();
    waiting.ours = line.localPort ?? null;
    line.on('error', (error) => failed(wordsOf(systemCode(error))));
  };
  if (through === undefined) {
    const line = connect({ host: dial.host, port: dial.port });
    line.once('connect', () => use(line));
    line.on('error', (error) => failed(wordsOf(systemCode(error))));
    socket = line;
  } else through(dial, signal).then(use, (error: unknown) => failed(wordsOf(systemCode(error))));
  return () => {
    over = true;
    socket?.destroy();
  };
}

/** A datagram without a byte: whatever it reaches, it asks for nothing. */
function send({ dial }: PortReach, waiting: Waiting, failed: (why: string) => void): () => void {
  const socket = createSocket(isIPv6(dial.host) ? 'udp6' : 'udp4');
  // Lost ones are sent again.
  const again = setInterval(() => socket.send(new Uint8Array(0), dial.port, dial.host, () => undefined), 500);
  socket.on('error', (error) => failed(wordsOf(systemCode(error))));
  socket.bind(0, () => {
    waiting.ours = socket.address().port;
    socket.send(new Uint8Array(0), dial.port, dial.host, (error) => (error === null ? undefined : failed(wordsOf(systemCode(error)))));
  });
  return () => {
    clearInterval(again);
    socket.close();
  };
}

function wordsOf(code: string | null): string {
  return code === 'ECONNREFUSED' ? 'takes no connection: nothing listens there' : `cannot be reached (${code ?? 'unknown'})`;
}
