/** A visitor's TLS that is passed on unread: routed by the name in its hello, ended by nobody on the way. */

import type { Code } from '../../core/errors.ts';
import { SallyportError, fault } from '../../core/errors.ts';
import type { Fault } from '../../core/errors.ts';
import type { Exchange } from '../../core/policy/exchange.ts';
import { KeptBytes } from '../../core/http/kept-bytes.ts';
import { ClientHelloReader } from '../../core/tls/client-hello.ts';
import { defineProtocol } from '../../contracts/protocol.ts';
import type { Call, Proceeding, Protocol, ProtocolTools, Tally } from '../../contracts/protocol.ts';
import type { Arrival, Stream } from '../../contracts/stream.ts';
import type { Forwarding, Opened } from '../../contracts/upstream.ts';

type Heard = Readonly<{ sni: string | null; alpn: readonly string[]; bytes: Buffer }>;

/** Whether a newcomer is somebody else's (a carrier, known by its ALPN). `read` is every byte that was taken from its stream, `sni` the canonical name that it asks for. */
export type Claim = (arrival: Arrival, alpn: readonly string[], read: Buffer, sni: string | null) => boolean;

/** One call an arrival: the connection that was asked for. None where it was claimed, or has no single reading. */
export function sniProtocol(claim: Claim): Protocol {
  return defineProtocol({
    name: 'sni',
    serve: async (arrival, tools, take) => {
      const heard = await hear(arrival.stream, tools);
      if ('code' in heard) {
        // Whoever looks whether the port is open says nothing and leaves: no line for that.
        if (heard.code !== 'visitor-gone') tools.refused(arrival, heard.code, heard.why, null);
        refuseTls(arrival.stream, alerts.decodeError);
        return;
      }
      if (claim(arrival, heard.alpn, heard.bytes, heard.sni)) return;
      const call = new SniCall(arrival, heard, tools);
      take(call);
      await call.over;
    },
  });
}

/** One read of a socket: what follows the hello may stand in it. */
const readBytesMax = 65_536;

/** Reads until the hello is whole. The bytes are kept and go to the gateway first, as they came. */
function hear(stream: Stream, tools: ProtocolTools): Promise<Heard | Fault> {
  return new Promise((resolve) => {
    const reader = new ClientHelloReader(tools.limits);
    // In one buffer: a stranger may cut 64 KiB into as many segments.
    const kept = new KeptBytes(tools.limits.helloWireBytesMax + readBytesMax);
    const settle = (heard: Heard | Fault): void => {
      tools.deadlines.delete(deadline);
      stream.off('data', data);
      stream.off('end', gone);
      stream.off('close', gone);
      stream.pause();
      resolve(heard);
    };
    const deadline = {
      at: tools.deadlines.time() + tools.limits.helloMs,
      expire: (): void => settle(fault('hello-timed-out', 'no hello in time')),
    };
    const data = (bytes: Buffer): void => {
      kept.append(bytes, 0);
      const reading = reader.push(bytes);
      if (reading.is === 'hello') settle({ sni: reading.sni, alpn: reading.alpn, bytes: Buffer.from(kept.bytes.buffer, 0, kept.length) });
      else if (reading.is === 'refused') settle(reading.fault);
    };
    const gone = (): void => settle(fault('visitor-gone', 'it left before its hello was read'));
    stream.on('error', () => undefined);
    tools.deadlines.add(deadline);
    stream.on('data', data);
    stream.on('end', gone);
    stream.on('close', gone);
  });
}

/** RFC 8446, 6.2: fatal alerts, in the clear as no keys exist yet. */
const alerts = { decodeError: 50, internalError: 80, unrecognizedName: 112 } as const;

function refuseTls(stream: Stream, alert: number): void {
  if (stream.destroyed) return;
  // A record of type alert, TLS 1.2 on the wire as RFC 8446, 5.1 has it: level fatal, description.
  stream.end(Buffer.from([21, 3, 3, 0, 2, 2, alert]), () => stream.destroy());
}

/** How a stream ends when its carrier goes, or when the other side takes no more on it. */
const carrierWent: ReadonlySet<Code> = new Set<Code>(['carrier-broken', 'carrier-idle', 'streams-exceeded', 'interrupted']);

class SniCall implements Call {
  readonly exchange: Exchange;
  readonly #stream: Stream;
  readonly #hello: Buffer;
  readonly #tools: ProtocolTools;
  readonly #abort = new AbortController();
  readonly #over = Promise.withResolvers<void>();
  readonly #gone = (): void => this.#abort.abort();
  #watching = false;
  #cutBy: Code | null = null;

  constructor(arrival: Arrival, heard: Heard, tools: ProtocolTools) {
    this.#stream = arrival.stream;
    this.#hello = heard.bytes;
    this.#tools = tools;
    this.exchange = {
      id: tools.newId(),
      at: tools.now(),
      listener: arrival.listener,
      from: arrival.from,
      host: heard.sni ?? '',
      sni: heard.sni,
      alpn: heard.alpn,
      http: null,
      identity: null,
    };
    this.#stream.on('close', this.#gone);
  }

  get over(): Promise<void> {
    return this.#over.promise;
  }
  /** Whoever reads it waits, and wants to know when the visitor leaves. */
  get signal(): AbortSignal {
    this.#watch();
    return this.#abort.signal;
  }
  get keptBytes(): number {
    return this.#hello.length;
  }

  gather = (): Promise<null> => Promise.resolve(null);

  /** There is no page to send: the visitor's program gets the alert that says "no such name here". */
  refuse(): Promise<Tally> {
    refuseTls(this.#stream, alerts.unrecognizedName);
    return Promise.resolve(tally(0, 0, this.#cutBy, null));
  }

  proceed(to: Opened, _forwarding: Forwarding, owner: Proceeding): void {
    if (to.is !== 'stream') {
      refuseTls(this.#stream, alerts.internalError);
      return owner.settled(tally(0, 0, 'program-failed', 'an upstream answered where a stream is needed'));
    }
    to.stream.write(this.#hello);
    this.#answered(to.stream).then(
      (failed) => (failed === null ? this.#join(to, owner) : this.#failed(to, failed, owner)),
      (error: unknown) => owner.broke(error),
    );
  }

  /**
   * Waits for the first bytes of the other side: every TLS server answers a hello. Until then nothing but the hello was sent,
   * and it is still here. Resolves with why none came, or null.
   */
  #answered(stream: Stream): Promise<Code | null> {
    return new Promise((resolve) => {
      const { deadlines, limits } = this.#tools;
      const settle = (code: Code | null): void => {
        deadlines.delete(deadline);
        stream.off('readable', readable);
        stream.off('close', closed);
        signal.removeEventListener('abort', left);
        resolve(code);
      };
      const deadline = { at: deadlines.time() + limits.carrierIdleMs, expire: (): void => settle('stream-idle') };
      const readable = (): void => settle(null);
      // To the very end, as everywhere: a second error can follow a destroy.
      stream.on('error', (error) => settle(error instanceof SallyportError ? error.code : 'upstream-broken'));
      const closed = (): void => settle('upstream-broken');
      const left = (): void => settle('visitor-gone');
      const signal = this.signal;
      if (signal.aborted) return left();
      deadlines.add(deadline);
      stream.on('readable', readable);
      stream.on('close', closed);
      signal.addEventListener('abort', left);
    });
  }

  #join(to: Extract<Opened, { is: 'stream' }>, owner: Proceeding): void {
    this.#stream.off('end', this.#gone);
    const options = { idleMs: this.#tools.limits.upgradedIdleMs, signal: this.#abort.signal };
    this.#tools.splice(this.#stream, to.stream, options).then(
      (said) => {
        to.release(false);
        owner.settled(tally(said.bytesAToB + this.#hello.length, said.bytesBToA, this.#cutBy ?? said.code, said.why));
      },
      (error: unknown) => owner.broke(error),
    );
  }

  /**
   * Nobody has answered the hello. Where its carrier went away it may go to another one: a hello asks for nothing yet, and
   * early data may be sent again by anybody on the way (RFC 8446, 8).
   */
  #failed(to: Extract<Opened, { is: 'stream' }>, code: Code, owner: Proceeding): void {
    to.release(false);
    const why = 'the gateway went away before it answered';
    if (carrierWent.has(code) && this.#cutBy === null && !this.#abort.signal.aborted)
      return owner.settled({ ...tally(0, 0, code, why), end: 'untouched' });
    this.#stream.destroy();
    owner.settled(tally(this.#hello.length, 0, this.#cutBy ?? code, code === 'visitor-gone' ? 'it left before it was answered' : why));
  }

  /** A socket that was paused goes on reading until its own buffer is full, and so tells of the end. */
  #watch(): void {
    if (this.#watching) return;
    this.#watching = true;
    this.#stream.on('end', this.#gone);
  }

  cut(code: Code): void {
    this.#cutBy = code;
    this.#abort.abort();
    this.#stream.destroy();
  }

  end(): void {
    this.#stream.off('close', this.#gone);
    this.#stream.off('end', this.#gone);
    this.#over.resolve();
  }
}

function tally(bytesIn: number, bytesOut: number, code: Code | null, why: string | null): Tally {
  return { status: null, bytesIn, bytesOut, code, why, reusable: false, end: 'done' };
}
