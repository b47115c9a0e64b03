/** One exchange between its visitor and whatever it is led to: refused, answered by us, or carried. */

import type { Code } from '../../../core/errors.ts';
import { isAtItsEnd } from '../../../core/http/forward.ts';
import type { RequestHead } from '../../../core/http/head.ts';
import type { Reply } from '../../../core/http/reply.ts';
import { replyInsisting } from '../../../core/http/strict-transport.ts';
import { SallyportError } from '../../../core/errors.ts';
import type { Exchange } from '../../../core/policy/exchange.ts';
import type { GatherBody } from '../../../core/policy/verdict.ts';
import type { Call, Proceeding, ProtocolTools, Tally } from '../../../contracts/protocol.ts';
import type { Forwarding, Opened } from '../../../contracts/upstream.ts';
import { Gathering } from './gather.ts';
import type { Conversing, Running, VisitorSide } from './parties.ts';
import { goneTally, unansweredTally } from './tally.ts';
import { Transfer } from './transfer.ts';

export type OpenedRaw = Extract<Opened, { is: 'raw' }>;

/** The connection that a call belongs to. */
export interface CallOwner {
  ended(call: ExchangeCall): void;
  /** Joins a visitor who asked for raw bytes with them; it has begun when this returns. */
  joinRaw(to: OpenedRaw, owner: Proceeding): Running;
}

/** RFC 9110, 7.6.2: who gets Max-Forwards: 0 is the one who is asked. TRACE would show a visitor what we add; it is not given. */
const lastOptions: Reply = { status: 204, fields: [['Allow', 'GET, HEAD, OPTIONS']], body: null };
const lastTrace: Reply = { status: 405, fields: [['Allow', 'GET, HEAD, OPTIONS']], body: null };

/** A guard read a part of the body and could not keep it, and another let the visitor in: half of a body is none. */
const tornTally = unansweredTally({ code: 'body-too-large', why: 'the body was longer than may be held', bytesIn: 0, untouched: false });

/** Whether a request asks for bytes of any protocol. */
function wantsBytes({ method, upgrade }: RequestHead): boolean {
  return method === 'CONNECT' || upgrade === 'sallyport-tcp';
}

/** The route led a visitor to an upstream of another kind: our own fault. */
const mismatchedTally = unansweredTally({ code: 'program-failed', why: 'the upstream is of another kind', bytesIn: 0, untouched: false });

/** The exchange's fate, whatever the visitor speaks. */
export class ExchangeCall implements Call {
  readonly exchange: Exchange;
  readonly #visitor: VisitorSide;
  /** Null once raw bytes flow, which may last for days: of what was asked, and shown with it, nothing is kept. */
  #asked: Conversing | null;
  readonly #tools: ProtocolTools;
  readonly #calls: CallOwner;
  #abort: AbortController | null = null;
  #running: Running | null = null;
  #gathering: Gathering | null = null;
  #drained: (() => void) | null = null;
  #gone = false;

  constructor(exchange: Exchange, conversing: Conversing, tools: ProtocolTools, calls: CallOwner) {
    this.exchange = exchange;
    this.#asked = conversing;
    this.#visitor = conversing.visitor;
    this.#tools = tools;
    this.#calls = calls;
  }

  /** Made only for whoever asks: most exchanges find a connection at once. */
  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#gone) this.#abort.abort();
    return this.#abort.signal;
  }

  get gather(): GatherBody {
    return (bytesMax) => {
      this.#gathering ??= new Gathering(this.#with, this.#tools);
      return this.#gathering.read(bytesMax);
    };
  }

  get #with(): Conversing {
    if (this.#asked === null) throw new SallyportError('program-failed', 'Whoever is joined to raw bytes gets no answer.');
    return this.#asked;
  }

  end(): void {
    this.#gathering?.release();
    this.#calls.ended(this);
  }

  async refuse(reply: Reply): Promise<Tally> {
    return this.#reply(reply, null);
  }

  proceed(to: Opened, forwarding: Forwarding, owner: Proceeding): void {
    const { head, voice } = this.#with;
    const own = this.#ownAnswer(to);
    if (own !== null) {
      own.then(
        (tally) => owner.settled(tally),
        (error: unknown) => owner.broke(error),
      );
    } else if (to.is !== 'reply' && (this.#gone || this.#gathering?.torn === true)) {
      to.release(false);
      owner.settled(this.#gone ? goneTally : tornTally);
    } else if (to.is === 'reply' || (to.is === 'raw') !== wantsBytes(head)) {
      // Bytes are never taken for HTTP, nor HTTP for bytes.
      if (to.is !== 'reply') to.release(false);
      owner.settled(mismatchedTally);
    } else if (to.is === 'raw') {
      // What dialled has dialled.
      this.#abort = null;
      this.#asked = null;
      this.#running = this.#calls.joinRaw(to, owner);
    } else {
      const parties = { head, visitor: this.#visitor, writer: voice.answerTo(head), to, strict: this.#strict() };
      const transfer = new Transfer(parties, this.#tools.limits, owner);
      this.#running = transfer;
      transfer.start(forwarding, this.#gathering?.body ?? null);
    }
  }

  /** What is answered here, although nothing was refused; null where a service is asked. */
  #ownAnswer(to: Opened): Promise<Tally> | null {
    const { head } = this.#with;
    if (isAtItsEnd(head)) {
      if (to.is !== 'reply') to.release(to.reused);
      return this.#reply(head.method === 'OPTIONS' ? lastOptions : lastTrace, null);
    }
    return to.is === 'reply' ? this.#reply(to.reply, to.body ?? null, to.length) : null;
  }

  #strict(): string | null {
    // What another site says through a proxy is not ours to add to.
    return this.exchange.listener.proxy === undefined ? (this.#tools.strictTransport?.(this.exchange) ?? null) : null;
  }

  cut(code: Code): void {
    if (this.#running === null) this.#visitor.destroy();
    else this.#running.cut(code, 'ended by the gateway');
  }

  gone(): void {
    this.#gone = true;
    this.#abort?.abort();
    this.#drained?.();
    this.#running?.visitorGone();
  }

  stalled(): void {
    if (this.#running === null) this.#visitor.destroy();
    else this.#running.stalled();
  }

  drained(): void {
    this.#running?.visitorDrained();
    this.#drained?.();
  }

  /** One of our own answers. A body that was not read to its end closes the connection: it is never parsed as a request (CL.0). */
  async #reply(reply: Reply, body: AsyncIterable<Uint8Array> | null, length?: number): Promise<Tally> {
    if (this.#gone) return goneTally;
    const { head, voice } = this.#with;
    const bytesIn = this.#visitor.bodyBytes;
    const told = replyInsisting(reply, this.#strict());
    const closing = !this.#visitor.bodyRead || !this.#visitor.persistent;
    const streamed = body !== null && head.method !== 'HEAD';
    let bytesOut = voice.reply({ head, reply: told, closing, streamed, ...(length === undefined ? {} : { length }) });
    let whole = true;
    if (body !== null && streamed) {
      const sent = await this.#stream(body);
      bytesOut += sent;
      whole = length === undefined || sent === length;
    }
    if (whole && streamed) voice.replied();
    if (!whole) this.#visitor.destroy();
    else if (closing) this.#visitor.linger();
    const code: Code | null = this.#gone ? 'visitor-gone' : whole ? null : 'upstream-broken';
    return { status: reply.status, bytesIn, bytesOut, code, why: code, reusable: false, end: 'done' };
  }

  async #stream(body: AsyncIterable<Uint8Array>): Promise<number> {
    let sent = 0;
    try {
      for await (const bytes of body) {
        if (this.#gone) break;
        sent += bytes.length;
        this.#visitor.touch();
        if (this.#visitor.stream.write(bytes)) continue;
        this.#visitor.full();
        await new Promise<void>((resolve) => {
          this.#drained = resolve;
        });
        this.#drained = null;
      }
    } catch {
      // A file that can be read no further: the visitor sees that the answer is not whole.
    }
    return sent;
  }
}
