/** HTTP/1.1 towards visitors: requests of one connection as calls, one after the other, never mixed. */

import type { Fault } from '../../core/errors.ts';
import { codes } from '../../core/errors.ts';
import type { Call, Proceeding, Protocol, ProtocolTools } from '../../contracts/protocol.ts';
import type { Arrival } from '../../contracts/stream.ts';
import { defineProtocol } from '../../contracts/protocol.ts';
import { proxiedRequest } from '../../core/egress/proxied.ts';
import type { RequestHead } from '../../core/http/head.ts';
import type { Reply } from '../../core/http/reply.ts';
import { askerOf } from '../../core/http/forwarded-for.ts';
import { unreadText } from '../../core/pages/proxy-answer.ts';
import type { Exchange } from '../../core/policy/exchange.ts';
import { ExchangeCall, type CallOwner, type OpenedRaw } from './http/exchange-call.ts';
import type { Running } from './http/parties.ts';
import { RawJoin, tunnel, upgrade } from './http/raw-join.ts';
import type { VisitorOwner } from './http1/owner.ts';
import { Visitor } from './http1/visitor.ts';
import { Http1Voice } from './http1/voice.ts';

export const http1: Protocol = defineProtocol({
  name: 'http1',
  serve: (arrival, tools, take) => new Promise((over) => void new Http1Calls(arrival, tools, take, over)),
});

/** The requests of one connection, handed over one by one. */
class Http1Calls implements VisitorOwner, CallOwner {
  readonly #arrival: Arrival;
  readonly #tools: ProtocolTools;
  readonly #take: (call: Call) => void;
  readonly #over: () => void;
  readonly #visitor: Visitor;
  readonly #voice: Http1Voice;
  #call: ExchangeCall | null = null;
  #closed = false;
  /** The request that runs is CONNECT. */
  #isTunnel = false;

  constructor(arrival: Arrival, tools: ProtocolTools, take: (call: Call) => void, over: () => void) {
    this.#arrival = arrival;
    this.#tools = tools;
    this.#take = take;
    this.#over = over;
    this.#visitor = new Visitor(arrival, tools, this);
    this.#voice = new Http1Voice(this.#visitor, tools);
  }

  /** The call that runs has ended. */
  ended(): void {
    this.#call = null;
    if (this.#closed) this.#over();
    else if (this.#visitor.state === 'held') this.#visitor.next();
  }

  joinRaw(to: OpenedRaw, owner: Proceeding): Running {
    const visitor = this.#visitor;
    const terms = this.#isTunnel ? tunnel(this.#tools.limits) : upgrade(this.#tools.limits);
    const join = new RawJoin({ visitor, to }, this.#tools, owner, terms);
    join.start(() => {
      visitor.out.text(terms.told);
      visitor.out.flush(visitor.stream);
    });
    return join;
  }

  request(head: RequestHead): void {
    const { listener, from: peer, sni } = this.#arrival;
    const from = listener.balanced === undefined ? peer : askerOf(listener.balanced, head.fields, peer);
    if ('code' in from) return this.refused(from);
    this.#visitor.lines = this.#visitor.lines.from(from.ip);
    const [id, at] = [this.#tools.newId(), this.#tools.now()];
    // Written out: a spread among other keys is looked up by name each time.
    const exchange: Exchange | Fault =
      listener.proxy === undefined
        ? { id, at, listener, from, sni, host: head.authority.host, http: head, identity: null }
        : proxiedRequest(head, { id, at, listener, from, sni });
    if ('code' in exchange) return this.refused(exchange);
    this.#isTunnel = head.method === 'CONNECT';
    // Our own upgrade is an affair of whoever stands behind: to a destination it is an unknown one, and not passed on.
    const sent = listener.proxy !== undefined && head.upgrade === 'sallyport-tcp' ? { ...head, upgrade: null } : head;
    this.#call = new ExchangeCall(exchange, { head: sent, visitor: this.#visitor, voice: this.#voice }, this.#tools, this);
    this.#take(this.#call);
  }

  refused(problem: Fault): void {
    const status = codes[problem.code].status ?? 400;
    const reply: Reply = {
      status,
      fields: [['Content-Type', 'text/plain; charset=utf-8']],
      body: unreadText(this.#arrival.listener, status, problem.code),
    };
    this.#voice.reply({ head: null, reply, closing: true, streamed: false });
    this.#visitor.linger();
    this.#tools.refused(this.#arrival, problem.code, problem.why, status);
  }

  gone(half: boolean): void {
    this.#closed = true;
    if (half) this.#tools.refused(this.#arrival, 'visitor-gone', 'it left in the middle of its request', null);
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
