/** Visitors who take all the time they are given: each holds a connection at one point of its life, and comes back when it is cut. */

import { connect, type Socket } from 'node:net';

/** Where each stays: in the hello of TLS, in a head, in a body, in an answer that is not read, in a WebSocket. */
export const kinds = ['hello', 'head', 'body', 'response', 'websocket'] as const;
export type Kind = (typeof kinds)[number];

const cheap: readonly Kind[] = ['hello', 'head', 'body', 'websocket'];

export type CrawlersOptions = Readonly<{
  port: number;
  /** Where TLS is spoken. */
  tlsPort: number;
  count: number;
  /** Connections of one address; the addresses are 127.64.0.0, 127.64.0.1 and so on. */
  perAddress: number;
  /** New connections a second, also of those that come back. */
  perSecond: number;
  /** Between two bytes of each. */
  pauseMs: number;
  kinds?: readonly Kind[];
  /** Whether those that were cut come back. */
  again: boolean;
}>;

const request = (method: string, path: string, ...fields: readonly string[]): string =>
  [`${method} ${path} HTTP/1.1`, 'Host: localhost', ...fields, ''].join('\r\n');

/** What each says at once; then one byte at a time. */
const openings: Readonly<Record<Kind, string>> = {
  // A record of 512 bytes with a ClientHello in it (RFC 8446, 5.1).
  hello: '\x16\x03\x01\x02\x00\x01',
  head: `${request('GET', '/')}X-Slow: `,
  body: `${request('POST', '/', 'Content-Length: 100000')}\r\n`,
  response: `${request('GET', '/download/2000000')}\r\n`,
  websocket: `${request('GET', '/echo', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==')}\r\n`,
};

export class Crawlers {
  /** Times that one of the kind was cut. */
  readonly cut: Record<Kind, number> = { hello: 0, head: 0, body: 0, response: 0, websocket: 0 };
  /** Connections that nobody took. */
  refused = 0;
  readonly #options: CrawlersOptions;
  readonly #open = new Map<Socket, Kind>();
  readonly #timer: NodeJS.Timeout;
  readonly #opener: NodeJS.Timeout;
  readonly #queue: number[];
  readonly #waiting = new Set<() => void>();
  #closed = false;

  constructor(options: CrawlersOptions) {
    this.#options = options;
    this.#queue = Array.from({ length: options.count }, (_, index) => index);
    this.#opener = setInterval(() => this.#openSome(), 50);
    this.#openSome();
    this.#timer = setInterval(() => this.#drip(), options.pauseMs);
  }

  /** Connections that stand, in all or of one kind. */
  open(kind?: Kind): number {
    return kind === undefined ? this.#open.size : [...this.#open.values()].filter((each) => each === kind).length;
  }

  /** Resolves when `holds` does, looked at whenever a connection came or went. */
  when(holds: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!holds()) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
    clearInterval(this.#opener);
    for (const socket of this.#open.keys()) socket.destroy();
  }

  #openSome(): void {
    for (const index of this.#queue.splice(0, Math.ceil(this.#options.perSecond / 20))) this.#begin(index);
  }

  #begin(index: number): void {
    if (this.#closed) return;
    const { port, tlsPort, perAddress, again } = this.#options;
    const kind = this.#kindOf(index);
    const source = Math.floor(index / perAddress);
    const localAddress = `127.64.${source >> 8}.${source & 255}`;
    const socket = connect({ host: '127.0.0.1', port: kind === 'hello' ? tlsPort : port, localAddress });
    socket.setNoDelay(true);
    socket.on('error', () => undefined);
    socket.once('connect', () => {
      this.#open.set(socket, kind);
      socket.write(openings[kind], 'latin1');
      // Whoever reads an answer to its end is no slow reader.
      if (kind !== 'response') socket.resume();
      this.#look();
    });
    // A slow reader, who does not read, is told of an end by a byte that it cannot write any more.
    socket.once('end', () => socket.destroy());
    socket.once('close', () => {
      if (this.#open.delete(socket)) this.cut[kind] += 1;
      else this.refused += 1;
      if (again) this.#queue.push(index);
      this.#look();
    });
  }

  /** One in fifty reads nothing: the system keeps more than a megabyte for each of those, and ten thousand would take all it has. */
  #kindOf(index: number): Kind {
    const among = this.#options.kinds ?? (index % 50 === 49 ? ['response'] : cheap);
    return among[index % among.length] ?? 'head';
  }

  #drip(): void {
    for (const [socket, kind] of this.#open) {
      // Half a WebSocket's frame is a beginning as well: 65,535 bytes, masked (RFC 6455, 5.2).
      if (kind === 'websocket') socket.write(socket.bytesWritten < 300 ? Buffer.from([0x82, 0xfe, 0xff, 0xff, 1, 2, 3, 4]) : 'a');
      else socket.write('a');
    }
  }

  #look(): void {
    for (const look of this.#waiting) look();
  }
}
