/** HTTP/1.1 towards visitors: requests of one connection as calls, one after the other, never mixed. */

import type { Code, Fault } from '../../core/errors.ts';
import { codes } from '../../core/errors.ts';
import type { Call, Proceeding, Protocol, ProtocolTools, Tally } from '../../contracts/protocol.ts';
import type { Arrival } from '../../contracts/stream.ts';
import type { Forwarding, Opened } from '../../contracts/upstream.ts';
import { defineProtocol } from '../../contracts/protocol.ts';
import { isAtItsEnd } from '../../core/http/forward.ts';
import type { RequestHead } from '../../core/http/head.ts';
import type { Reply } from '../../core/http/reply.ts';
import type { Exchange } from '../../core/policy/exchange.ts';
import { Gathering } from './http1/gather.ts';
import { RawJoin } from './http1/raw-join.ts';
import { sendReply } from './http1/send-reply.ts';
import { goneTally, unansweredTally } from './http1/tally.ts';
import { Transfer } from './http1/transfer.ts';
import type { Running, VisitorOwner } from './http1/parties.ts';
import { Visitor } from './http1/visitor.ts';

export const http1: Protocol = defineProtocol({
  name: 'http1',
  serve: (arrival, tools, take) => new Promise((over) => void new Http1Calls(arrival, tools, take, over)),
});

/** The requests of one connection, handed over one by one. */
class Http1Calls implements VisitorOwner {
  readonly #arrival: Arrival;
  readonly #tools: ProtocolTools;
  readonly #take: (call: Call) => void;
  readonly #over: () => void;
  readonly #visitor: Visitor;
  #call: Http1Call | null = null;
  #closed = false;

  constructor(arrival: Arrival, tools: ProtocolTools, take: (call: Call) => void, over: () => void) {
    this.#arrival = arrival;
    this.#tools = tools;
    this.#take = take;
    this.#over = over;
    this.#visitor = new Visitor(arrival, tools, this);
  }

  /** The call that runs has ended. */
  ended(): void {
    this.#call = null;
    if (this.#closed) this.#over();
    else if (this.#visitor.state === 'held') this.#visitor.next();
  }

  request(head: RequestHead): void {
    const exchange: Exchange = {
      id: this.#tools.newId(),
      at: this.#tools.now(),
      listener: this.#arrival.listener,
      from: this.#arrival.from,
      host: head.authority.host,
      sni: this.#arrival.sni,
      http: head,
      identity: null,
    };
    this.#call = new Http1Call(exchange, head, this.#visitor, this.#tools, this);
    this.#take(this.#call);
  }

  refused(problem: Fault): void {
    const status = codes[problem.code].status ?? 400;
    const reply: Reply = { status, fields: [['Content-Type', 'text/plain; charset=utf-8']], body: `${status} ${problem.code}\n` };
    sendReply({ visitor: this.#visitor, head: null, reply, date: this.#tools.httpDate(), closing: true });
    this.#tools.refused(this.#arrival, problem.code, problem.why, status);
  }

  gone(): void {
    this.#closed = true;
    if (this.#call === null) this.#over();
    else this.#call.gone();
  }

  stalled(): void {
    if (this.#call === null) this.#visitor.destroy();
    else this.#call.stalled();
  }

  drained(): void {
    this.#call?.drained();
  }
}

/** RFC 9110, 7.6.2: who gets Max-Forwards: 0 is the one who is asked. TRACE would show a visitor what we add; it is not given. */
const lastOptions: Reply = { status: 204, fields: [['Allow', 'GET, HEAD, OPTIONS']], body: null };
const lastTrace: Reply = { status: 405, fields: [['Allow', 'GET, HEAD, OPTIONS']], body: null };

/** A guard read a part of the body and could not keep it, and another let the visitor in: half of a body is none. */
const tornTally = unansweredTally({ code: 'body-too-large', why: 'the body was longer than may be held', bytesIn: 0, untouched: false });

/** The route led a visitor to an upstream of another kind: our own fault. */
const mismatchedTally = unansweredTally({ code: 'program-failed', why: 'the upstream is of another kind', bytesIn: 0, untouched: false });

class Http1Call implements Call {
  readonly exchange: Exchange;
  readonly #head: RequestHead;
  readonly #visitor: Visitor;
  readonly #tools: ProtocolTools;
  readonly #calls: Http1Calls;
  #abort: AbortController | null = null;
  #running: Running | null = null;
  #gathering: Gathering | null = null;
  #drained: (() => void) | null = null;
  #gone = false;

  constructor(exchange: Exchange, head: RequestHead, visitor: Visitor, tools: ProtocolTools, calls: Http1Calls) {
    this.exchange = exchange;
    this.#head = head;
    this.#visitor = visitor;
    this.#tools = tools;
    this.#calls = calls;
  }

  /** Made only for whoever asks: most exchanges find a connection at once. */
  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#gone) this.#abort.abort();
    return this.#abort.signal;
  }

  readonly gather = (bytesMax: number): Promise<Uint8Array | null> => {
    this.#gathering ??= new Gathering(this.#visitor, this.#head, this.#tools);
    return this.#gathering.read(bytesMax);
  };

  end(): void {
    this.#gathering?.release();
    this.#calls.ended();
  }

  async refuse(reply: Reply): Promise<Tally> {
    return this.#reply(reply, null);
  }

  proceed(to: Opened, forwarding: Forwarding, owner: Proceeding): void {
    const own = this.#ownAnswer(to);
    if (own !== null) {
      own.then(
        (tally) => owner.settled(tally),
        (error: unknown) => owner.broke(error),
      );
    } else if (to.is !== 'reply' && (this.#gone || this.#gathering?.torn === true)) {
      to.release(false);
      owner.settled(this.#gone ? goneTally : tornTally);
    } else if (to.is === 'reply' || (to.is === 'raw') !== (this.#head.upgrade === 'sallyport-tcp')) {
      // Bytes are never taken for HTTP, nor HTTP for bytes.
      if (to.is !== 'reply') to.release(false);
      owner.settled(mismatchedTally);
    } else if (to.is === 'raw') {
      const join = new RawJoin(this.#visitor, to, this.#tools, owner);
      this.#running = join;
      join.start();
    } else {
      const transfer = new Transfer({ head: this.#head, visitor: this.#visitor, to }, this.#tools, owner);
      this.#running = transfer;
      transfer.start(forwarding, this.#gathering?.body ?? null);
    }
  }

  /** What is answered here, although nothing was refused; null where a service is asked. */
  #ownAnswer(to: Opened): Promise<Tally> | null {
    if (isAtItsEnd(this.#head)) {
      if (to.is !== 'reply') to.release(to.reused);
      return this.#reply(this.#head.method === 'OPTIONS' ? lastOptions : lastTrace, null);
    }
    return to.is === 'reply' ? this.#reply(to.reply, to.body ?? null, to.length) : null;
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
    const bytesIn = this.#visitor.bodyBytes;
    const closing = !this.#visitor.bodyRead || !this.#visitor.persistent;
    const date = this.#tools.httpDate();
    let bytesOut = sendReply({
      visitor: this.#visitor,
      head: this.#head,
      reply,
      date,
      closing,
      ...(length === undefined ? {} : { length }),
    });
    let whole = true;
    if (body !== null && this.#head.method !== 'HEAD') {
      const sent = await this.#stream(body);
      bytesOut += sent;
      whole = length === undefined || sent === length;
    }
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
