/** A long way between two ends on one machine: a TCP proxy that delays every byte, and if wanted is narrow or breaks. */

import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

export type WayOptions = Readonly<{
  to: number;
  /** Each direction delays by so much. */
  delayMs: number;
  /** Without it the way is as wide as the machine. */
  bytesPerSecond?: number;
}>;

/** How much a narrow way queues before it takes no more, as a router's buffer does. */
const queuedMsMax = 100;

export class LongWay {
  readonly #options: WayOptions;
  readonly #server = createServer((near) => this.#join(near));
  readonly #lanes: Lane[] = [];

  constructor(options: WayOptions) {
    this.#options = options;
  }

  async open(): Promise<this> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }
  /** Bytes and pieces of both directions so far. */
  get bytes(): number {
    return this.#lanes.reduce((sum, lane) => sum + lane.bytes, 0);
  }
  get pieces(): number {
    return this.#lanes.reduce((sum, lane) => sum + lane.pieces, 0);
  }

  /** From now on nothing arrives, and nobody is told. */
  cut(): void {
    for (const lane of this.#lanes) lane.cut = true;
  }

  /** What comes from who has connected is read no more: their kernel fills. */
  stall(): void {
    for (const lane of this.#lanes.filter((_lane, index) => index % 2 === 0)) lane.stall();
  }

  close(): void {
    this.#server.close();
    for (const lane of this.#lanes) lane.close();
  }

  #join(near: Socket): void {
    const far = connect({ host: '127.0.0.1', port: this.#options.to });
    for (const socket of [near, far]) {
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
    }
    const lanes = [new Lane(near, far, this.#options), new Lane(far, near, this.#options)];
    for (const lane of lanes) lane.onClose(() => lanes.forEach((one) => one.cut || one.close()));
    this.#lanes.push(...lanes);
  }
}

/** One direction. */
class Lane {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #options: WayOptions;
  readonly #queue: { at: number; bytes: Buffer | null }[] = [];
  #freeAt = 0;
  #timer: NodeJS.Timeout | null = null;
  #stalled = false;
  cut = false;
  bytes = 0;
  pieces = 0;

  constructor(from: Socket, to: Socket, options: WayOptions) {
    this.#from = from;
    this.#to = to;
    this.#options = options;
    from.on('data', (bytes: Buffer) => this.#put(bytes));
    from.on('end', () => this.#put(null));
  }

  onClose(told: () => void): void {
    this.#from.on('close', told);
  }

  stall(): void {
    this.#stalled = true;
    this.#from.pause();
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#from.destroy();
    this.#to.destroy();
  }

  #put(bytes: Buffer | null): void {
    const { bytesPerSecond, delayMs } = this.#options;
    const now = performance.now();
    const length = bytes === null ? 0 : bytes.length;
    this.bytes += length;
    this.pieces += 1;
    this.#freeAt = Math.max(now, this.#freeAt) + (bytesPerSecond === undefined ? 0 : (length / bytesPerSecond) * 1_000);
    this.#queue.push({ at: this.#freeAt + delayMs, bytes });
    if (this.#freeAt - now >= queuedMsMax) this.#from.pause();
    this.#plan();
  }

  #plan(): void {
    const next = this.#queue[0];
    if (next === undefined || this.#timer !== null) return;
    this.#timer = setTimeout(() => this.#go(), Math.max(1, next.at - performance.now()));
  }

  #go(): void {
    this.#timer = null;
    const now = performance.now();
    for (let next = this.#queue[0]; next !== undefined && next.at <= now; next = this.#queue[0]) {
      this.#queue.shift();
      if (this.cut) continue;
      if (next.bytes === null) this.#to.end();
      else this.#to.write(next.bytes);
    }
    if (!this.#stalled && this.#freeAt - now < queuedMsMax) this.#from.resume();
    this.#plan();
  }
}
