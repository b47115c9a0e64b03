/** The datagrams of one SOCKS client on their way out: each is judged by where it wants to go, and only who was written to is heard. */

import { createSocket, type Socket } from 'node:dgram';
import { Duplex } from 'node:stream';
import { parseIp, type Ip } from '../../../core/address.ts';
import { literalOf, readDestination } from '../../../core/egress/destination.ts';
import type { Wanted } from '../../../core/egress/policy.ts';
import { DatagramReader, framedDatagram } from '../../../core/datagrams.ts';
import { SallyportError } from '../../../core/errors.ts';
import type { Limits } from '../../../core/limits.ts';
import { readSocksDatagram, socksDatagram } from '../../../core/socks/datagram.ts';
import type { Judged } from './judging.ts';

export type AssociationOptions = Readonly<{
  /** Whose datagrams these are. */
  who: Omit<Wanted, 'to'>;
  judge: (wanted: Wanted) => Judged | Promise<Judged>;
  limits: Limits;
  now: () => number;
  /** A stream of bytes, with each datagram behind its length; else each piece is one. */
  inside: boolean;
}>;

type Done = (error?: Error | null) => void;

/** Datagrams that the client has not taken yet: one more is dropped. */
const waitingMax = 64;

/** A stream of datagrams in both directions, as SOCKS wraps them. It drops and never waits. */
export class Association extends Duplex {
  readonly #options: AssociationOptions;
  readonly #reader = new DatagramReader();
  readonly #sockets: Partial<Record<4 | 6, Socket>> = {};
  /** `address port`, and when something last went there or came; the one that moved last is last. */
  readonly #places = new Map<string, number>();
  #asking = 0;
  #denied = 0;
  #firstDenied: string | null = null;

  constructor(options: AssociationOptions) {
    super(options.inside ? {} : { objectMode: true, readableHighWaterMark: waitingMax, writableHighWaterMark: waitingMax });
    this.#options = options;
    this.on('error', () => undefined);
  }

  /** What was refused, for the record; null for nothing. */
  get refusals(): string | null {
    if (this.#denied === 0) return null;
    const count = this.#denied === 1 ? '1 datagram was' : `${this.#denied} datagrams were`;
    return `${count} not sent on, the first: ${this.#firstDenied ?? ''}`;
  }

  override _read(): void {
    return undefined;
  }

  override _write(bytes: Uint8Array, _encoding: BufferEncoding, done: Done): void {
    const wrong = this.#options.inside ? this.#reader.push(bytes, (datagram) => this.#offer(datagram)) : null;
    if (!this.#options.inside) this.#offer(bytes);
    done(wrong === null ? null : new SallyportError(wrong.code, wrong.why));
  }

  /** The client has ended it: nothing comes any more, either. */
  override _final(done: Done): void {
    const wrong = this.#reader.end();
    this.push(null);
    done(wrong === null ? null : new SallyportError(wrong.code, wrong.why));
  }

  override _destroy(error: Error | null, done: Done): void {
    for (const socket of Object.values(this.#sockets)) socket.close();
    this.#places.clear();
    done(error);
  }

  #offer(bytes: Uint8Array): void {
    const read = readSocksDatagram(bytes);
    if (read === null) return;
    const to = readDestination('udp', 'UDP', read.host, read.port);
    if ('code' in to) return this.#deny(to.why);
    // Before anybody is asked for it: the places of the resolver are there for all clients.
    if (this.#asking >= this.#options.limits.associationWaitingMax && literalOf(to) === null) return undefined;
    try {
      const judged = this.#options.judge({ ...this.#options.who, to });
      if (!(judged instanceof Promise)) return this.#send(judged, read.port, read.data);
      // A name that nobody knows yet: a few wait for it, and the rest is lost as datagrams are.
      this.#asking += 1;
      const data = Uint8Array.from(read.data);
      judged
        .then((found) => this.#send(found, read.port, data))
        .catch((error: unknown) => this.#refused(error))
        .finally(() => (this.#asking -= 1));
    } catch (error) {
      this.#refused(error);
    }
    return undefined;
  }

  #refused(error: unknown): void {
    if (error instanceof SallyportError) this.#deny(error.message);
    else this.destroy(error instanceof Error ? error : undefined);
  }

  #deny(why: string): void {
    this.#denied += 1;
    this.#firstDenied ??= why;
  }

  #send({ addresses }: Judged, port: number, data: Uint8Array): void {
    const [ip] = addresses;
    if (ip === undefined || this.destroyed) return;
    const socket = this.#socketFor(ip);
    if (socket.getSendQueueSize() + data.length > this.#options.limits.udpFlowBytesMax) return;
    this.#moved(placeName(ip, port));
    // Node copies nothing: what it has not sent yet must not be lent memory.
    socket.send(Uint8Array.from(data), port, ip.text, () => undefined);
  }

  #socketFor({ version }: Ip): Socket {
    const known = this.#sockets[version];
    if (known !== undefined) return known;
    const socket = createSocket({ type: version === 4 ? 'udp4' : 'udp6' });
    this.#sockets[version] = socket;
    // Nobody there, or no way of that version: datagrams are lost.
    socket.on('error', () => undefined);
    socket.on('message', (data, { address, port }) => this.#came(address, port, data));
    return socket;
  }

  /** Only from where something was sent to, a moment ago. */
  #came(address: string, port: number, data: Uint8Array): void {
    const ip = parseIp(address);
    const place = ip === null ? null : placeName(ip, port);
    const at = place === null ? undefined : this.#places.get(place);
    if (ip === null || place === null || at === undefined || this.writableEnded) return;
    if (this.#options.now() - at > this.#options.limits.associationIdleMs) return void this.#places.delete(place);
    this.#moved(place);
    this.#hand(socksDatagram(ip, port, data));
  }

  #hand(datagram: Uint8Array): void {
    const { inside, limits } = this.#options;
    const bytes = inside ? framedDatagram(datagram) : datagram;
    const room = inside ? limits.udpFlowBytesMax - datagram.length : waitingMax - 1;
    if (bytes !== null && this.readableLength <= room) this.push(bytes);
  }

  #moved(place: string): void {
    this.#places.delete(place);
    if (this.#places.size >= this.#options.limits.associationPlacesMax) this.#places.delete(this.#places.keys().next().value ?? '');
    this.#places.set(place, this.#options.now());
  }
}

function placeName({ text }: Ip, port: number): string {
  return `${text} ${port}`;
}
