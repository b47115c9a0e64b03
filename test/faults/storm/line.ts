/** A line that can be cut: a TCP proxy that resets, falls silent, forgets connections, ends one side only, delays and throttles. */

import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { reset } from '../reset.ts';

type Context = { after: (done: () => Promise<void>) => void };
type Target = Readonly<{ host: string; port: number }>;

/** Where a connection is cut: towards whoever dialled, or towards whom they dialled. */
export type Side = 'near' | 'far';

/** Bytes under way in one direction before its sender has to wait. */
const underWayBytesMax = 1_048_576;
/** What has been forgotten is reset after this, as by a machine that was switched off and on again. */
const forgottenMs = 60_000;

export class Line {
  readonly port: number;
  readonly #pairs = new Set<Pair>();
  delayMs = 0;
  /** In each direction of each connection; null where nothing holds it back. */
  bytesPerSecond: number | null = null;
  #silence: PromiseWithResolvers<void> | null = null;

  private constructor(server: Server, target: Target) {
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', (near) => {
      const pair = new Pair(this, near, target, () => this.#pairs.delete(pair));
      this.#pairs.add(pair);
    });
  }

  /** A visitor's own loopback address goes along, where the system has more than one. */
  static async open(context: Context, port: number, host = '127.0.0.1'): Promise<Line> {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const line = new Line(server, { host, port });
    context.after(async () => {
      line.resetAll();
      server.close();
    });
    return line;
  }

  get connections(): number {
    return this.#pairs.size;
  }

  /** RST to both sides. */
  resetAll(): void {
    this.talk();
    for (const pair of [...this.#pairs]) pair.reset();
  }

  /** Nothing passes until `talk`; what was under way comes then. */
  fallSilent(): void {
    this.#silence ??= Promise.withResolvers();
  }

  talk(): void {
    this.#silence?.resolve();
    this.#silence = null;
  }

  /** Null while it talks. */
  get silence(): Promise<void> | null {
    return this.#silence?.promise ?? null;
  }

  /** The connections that there are pass nothing any more, and nobody is told; new ones are well. */
  forget(): void {
    for (const pair of this.#pairs) pair.forget();
  }

  /** Ends what was forgotten. */
  clear(): void {
    for (const pair of [...this.#pairs]) if (pair.forgotten) pair.reset();
  }

  /** FIN to one side, in place of the other; what the other still sends is lost, what goes to the other is not. */
  endOneSide(side: Side): void {
    for (const pair of this.#pairs) pair.endOneSide(side);
  }
}

class Pair {
  readonly #near: Socket;
  readonly #far: Socket;
  readonly #up: Flow;
  readonly #down: Flow;
  readonly #gone: () => void;
  #timer: NodeJS.Timeout | null = null;

  constructor(line: Line, near: Socket, target: Target, gone: () => void) {
    this.#gone = gone;
    this.#near = near;
    const localAddress = process.platform === 'linux' ? near.remoteAddress : undefined;
    this.#far = connect({
      ...target,
      allowHalfOpen: true,
      noDelay: true,
      ...(localAddress === undefined ? {} : { localAddress }),
    });
    this.#up = new Flow(line, near, this.#far);
    this.#down = new Flow(line, this.#far, near);
    for (const socket of [near, this.#far]) {
      socket.on('error', () => this.#broke());
      socket.on('close', () => this.#closed());
    }
  }

  get forgotten(): boolean {
    return this.#timer !== null;
  }

  reset(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    for (const flow of [this.#up, this.#down]) flow.stop();
    for (const socket of [this.#near, this.#far]) reset(socket);
    this.#gone();
  }

  forget(): void {
    if (this.#timer !== null) return;
    for (const flow of [this.#up, this.#down]) flow.stop();
    this.#timer = setTimeout(() => this.reset(), forgottenMs);
    this.#timer.unref();
  }

  endOneSide(side: Side): void {
    if (this.#timer === null) (side === 'near' ? this.#down : this.#up).cutShort();
  }

  #broke(): void {
    if (this.#timer === null) this.reset();
  }

  #closed(): void {
    if (this.#timer !== null) return;
    if (this.#near.destroyed && this.#far.destroyed) return this.#gone();
    // An end that was said goes its way; anything else breaks the other side as well.
    if (!this.#up.ending || !this.#down.ending) this.reset();
  }
}

/** One direction of a connection: each piece waits for its time, in order. */
class Flow {
  readonly #line: Line;
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #queue: { bytes: Buffer | null; at: number }[] = [];
  #queued = 0;
  #running = false;
  #stopped = false;
  #losing = false;
  /** Whether the sender's end has been seen, or was put in its place. */
  ending = false;

  constructor(line: Line, from: Socket, to: Socket) {
    this.#line = line;
    this.#from = from;
    this.#to = to;
    from.on('data', (bytes: Buffer) => this.#push(bytes));
    from.on('end', () => this.#push(null));
  }

  /** Nothing passes any more; the sender is not read, so that its own buffers fill. */
  stop(): void {
    this.#stopped = true;
    this.#queue.length = 0;
    this.#from.pause();
  }

  cutShort(): void {
    this.#losing = true;
    this.ending = true;
    this.#queue.length = 0;
    this.#from.resume();
    if (!this.#to.destroyed) this.#to.end();
  }

  #push(bytes: Buffer | null): void {
    if (bytes === null) this.ending = true;
    if (this.#stopped || this.#losing) return;
    this.#queue.push({ bytes, at: performance.now() + this.#line.delayMs });
    this.#queued += bytes?.length ?? 0;
    if (this.#queued > underWayBytesMax) this.#from.pause();
    // The usual case, without a turn of the event loop.
    if (this.#running) return;
    this.#running = true;
    void this.#run();
  }

  async #run(): Promise<void> {
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      const waits = next.at - performance.now();
      if (waits > 0) await timer(waits);
      while (this.#line.silence !== null) await this.#line.silence;
      if (this.#stopped || this.#losing) break;
      if (next.bytes === null) {
        this.#to.end();
        break;
      }
      this.#queued -= next.bytes.length;
      if (this.#line.bytesPerSecond !== null) await timer((next.bytes.length / this.#line.bytesPerSecond) * 1_000);
      if (!this.#to.writable) break;
      if (!this.#to.write(next.bytes)) await drained(this.#to);
      if (this.#queued <= underWayBytesMax && !this.#stopped) this.#from.resume();
    }
    this.#running = false;
  }
}

function timer(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off('drain', done);
      socket.off('close', done);
      resolve();
    };
    socket.on('drain', done);
    socket.on('close', done);
    if (socket.destroyed) done();
  });
}
