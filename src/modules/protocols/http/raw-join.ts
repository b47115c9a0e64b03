/** A visitor and a service that have left HTTP behind, by `sallyport-tcp` or by CONNECT: bytes both ways, half-close, backpressure, counts. */

import { Socket } from 'node:net';
import type { Deadline, Proceeding, ProtocolTools } from '../../../contracts/protocol.ts';
import type { Opened } from '../../../contracts/upstream.ts';
import { SallyportError, type Code, type Fault } from '../../../core/errors.ts';
import { lends, writeLent } from '../../../core/lent.ts';
import type { Limits } from '../../../core/limits.ts';
import type { BodyTaker, Running, VisitorSide } from './parties.ts';
import { unansweredTally } from './tally.ts';

/** RFC 9110, 15.2.2. What the visitor sent behind its head waits until then, and reaches the service after it. */
const SWITCHED = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: sallyport-tcp\r\n\r\n';

/** RFC 9110, 9.3.6: no field of it means anything. */
const CONNECTED = 'HTTP/1.1 200 Connection established\r\n\r\n';

type Raw = Extract<Opened, { is: 'raw' }>;

/** What a visitor of HTTP/1.1 is told before the first byte, and how long both may be joined. */
export type Terms = Readonly<{ told: string; status: number; idleMs: number; lifeMs: number | null }>;

/** Who is joined. */
export type Joined = Readonly<{ visitor: VisitorSide; to: Raw }>;

export function upgrade({ upgradedIdleMs }: Limits): Terms {
  return { told: SWITCHED, status: 101, idleMs: upgradedIdleMs, lifeMs: null };
}

export function tunnel({ tunnelIdleMs, tunnelLifeMs }: Limits): Terms {
  return { told: CONNECTED, status: 200, idleMs: tunnelIdleMs, lifeMs: tunnelLifeMs };
}

export class RawJoin implements Running, BodyTaker, Deadline {
  /** Whoever speaks a protocol of their own speaks at their own pace. */
  readonly paced = false;
  /** The end of all it may last, or that of the last bytes to the service, when the visitor has left with everything said. */
  at = Infinity;
  readonly #visitor: VisitorSide;
  readonly #to: Raw;
  readonly #tools: Pick<ProtocolTools, 'limits' | 'deadlines'>;
  readonly #owner: Proceeding;
  readonly #terms: Terms;
  /** Looks at the first bytes; null once they have passed. */
  #begin: Raw['begin'] | null;
  #held: Uint8Array[] | null = null;
  #bytesIn = 0;
  #bytesOut = 0;
  #full = false;
  #visitorEnded = false;
  #serviceEnded = false;
  #visitorLeft = false;
  #settled = false;

  constructor({ visitor, to }: Joined, tools: Pick<ProtocolTools, 'limits' | 'deadlines'>, owner: Proceeding, terms: Terms) {
    this.#visitor = visitor;
    this.#to = to;
    this.#tools = tools;
    this.#owner = owner;
    this.#terms = terms;
    this.#begin = to.begin ?? null;
  }

  /** `tell` says that it begins: the status of the terms, in the words of the protocol. */
  start(tell: () => void): void {
    const { stream } = this.#to;
    if (stream.destroyed) {
      this.#to.release(false);
      const why = 'the service closed the connection';
      return this.#owner.settled(unansweredTally({ code: 'upstream-broken', why, bytesIn: 0, untouched: false }));
    }
    stream.on('end', () => this.#ended());
    stream.on('drain', () => this.#drained());
    // Stays: a late error of a stream that is done with must not end the process.
    stream.on('error', (error) => this.#broke(error));
    stream.on('close', () => this.#closed());
    if (this.#terms.lifeMs !== null) {
      this.at = this.#tools.deadlines.time() + this.#terms.lifeMs;
      this.#tools.deadlines.add(this);
    }
    tell();
    this.#moved();
    // What it has said already follows what the visitor is told.
    if (lends(stream)) stream.lendTo((bytes) => this.#said(bytes));
    else stream.on('data', (chunk: Uint8Array) => this.#said(chunk));
    // It may have been paused by whoever asked on it for a way.
    stream.resume();
    this.#visitor.readRaw(this);
  }

  /** Ends it now. Both sides see a break as far as their transport can show one: half of something must not look whole. */
  cut(code: Code, why: string): void {
    if (this.#settled) return;
    this.#visitor.destroy();
    reset(this.#to.stream);
    this.#settle(code, why);
  }

  // The visitor.

  span(bytes: Uint8Array): void {
    if (this.#settled) return;
    this.#bytesIn += bytes.length;
    if (this.#begin === null || this.#begin === undefined) this.#full = !this.#to.stream.write(bytes);
    else this.#look(this.#begin, bytes);
  }

  /** The other side gets nothing before it is known to be what was asked for. */
  #look(begin: NonNullable<Raw['begin']>, bytes: Uint8Array): void {
    this.#held ??= [];
    this.#held.push(bytes);
    const found = begin.push(bytes);
    if (found === 'more') return;
    if (found !== 'passed') return this.cut(found.code, found.why);
    this.#begin = null;
    for (const held of this.#held) this.#full = !this.#to.stream.write(held);
    this.#held = null;
  }

  whole(): void {
    if (this.#settled || this.#visitorEnded) return;
    this.#visitorEnded = true;
    this.#to.stream.end();
  }

  broken({ code, why }: Fault): void {
    this.cut(code, why);
  }

  turn(): void {
    if (this.#settled) return;
    this.#moved();
    if (this.#full) this.#visitor.backlog.pause();
  }

  visitorDrained(): void {
    if (this.#settled) return;
    this.#moved();
    this.#to.stream.resume();
  }

  visitorGone(): void {
    if (this.#settled) return;
    if (!this.#visitorEnded || !this.#serviceEnded) return this.cut('visitor-gone', 'the visitor closed the connection');
    // All was said; the service may still be taking the last of it.
    this.#visitorLeft = true;
    this.at = this.#tools.deadlines.time() + this.#tools.limits.idleMs;
    this.#tools.deadlines.add(this);
  }

  stalled(): void {
    this.cut('stream-idle', 'nothing moved for too long');
  }

  expire(): void {
    if (this.#terms.lifeMs === null || this.#visitorLeft) this.stalled();
    else this.cut('tunnel-expired', 'it has lasted as long as a tunnel may');
  }

  // The service.

  #said(chunk: Uint8Array): void {
    if (this.#settled) return;
    this.#bytesOut += chunk.length;
    this.#moved();
    const { stream } = this.#to;
    const visitor = this.#visitor.stream;
    if (lends(stream) ? writeLent(chunk, stream, visitor, visitor instanceof Socket) : visitor.write(chunk)) return;
    stream.pause();
    this.#visitor.full();
  }

  #ended(): void {
    if (this.#settled) return;
    this.#serviceEnded = true;
    this.#visitor.stream.end();
  }

  #drained(): void {
    if (this.#settled) return;
    this.#full = false;
    this.#moved();
    this.#visitor.backlog.resume();
  }

  /** What it says in our words is about what the visitor sent it. */
  #broke(error: Error): void {
    if (error instanceof SallyportError) this.cut(error.code, error.message);
    else this.cut('upstream-broken', 'the service broke the connection');
  }

  #closed(): void {
    if (this.#visitorEnded && this.#serviceEnded) this.#settle(null, null);
    else this.cut('upstream-broken', 'the service closed the connection before its end');
  }

  #moved(): void {
    this.#visitor.touch(this.#terms.idleMs);
  }

  #settle(code: Code | null, why: string | null): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#tools.deadlines.delete(this);
    this.#to.release(false);
    if (code === null) this.#visitor.linger();
    const [bytesIn, bytesOut] = [this.#bytesIn, this.#bytesOut];
    const said = why ?? this.#to.ending?.() ?? null;
    this.#owner.settled({ status: this.#terms.status, bytesIn, bytesOut, code, why: said, reusable: false, end: 'done' });
  }
}

/** A reset says "broken", where an end would say "that was all". After our own end Node would keep the handle. */
function reset(stream: Raw['stream']): void {
  if (stream instanceof Socket && !stream.writableEnded && !stream.destroyed) stream.resetAndDestroy();
  else stream.destroy();
}
