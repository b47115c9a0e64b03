/** SOCKS 5 towards the clients of a proxy: one CONNECT a connection, judged as one of HTTP would be. */

import { fault, type Code, type Fault } from '../../core/errors.ts';
import { proxiedSocks } from '../../core/egress/proxied.ts';
import { fieldOf, fieldValue } from '../../core/http/fields.ts';
import type { Reply } from '../../core/http/reply.ts';
import type { Exchange } from '../../core/policy/exchange.ts';
import { associatedReply, DatagramPeer } from '../../core/socks/datagram.ts';
import { Socks5Reader, socksReplies, socksReply, type SocksStep } from '../../core/socks/socks5.ts';
import { defineProtocol } from '../../contracts/protocol.ts';
import type { Call, Deadline, Proceeding, ProtocolTools, Tally } from '../../contracts/protocol.ts';
import type { Stream } from '../../contracts/stream.ts';
import type { Forwarding, Opened } from '../../contracts/upstream.ts';
import { bound, DatagramPassing, localIp } from './socks5/associated.ts';

type Request = Extract<SocksStep, { is: 'request' }>;
type Failed = Extract<SocksStep, { is: 'refused' }>;
type Raw = Extract<Opened, { is: 'raw' }>;

export const socks5 = defineProtocol({
  name: 'socks5',
  serve: async (arrival, tools, take) => {
    const { stream, listener, from, sni } = arrival;
    // To the very end: a second error can follow a destroy.
    stream.on('error', () => undefined);
    // Datagrams go past any TLS, and past any relay: where a client came straight to us, and where that was wanted.
    const takesUdp = listener.proxy?.udp === 'beside' && listener.via === 'direct' && localIp(stream) !== null;
    const heard = await hear(stream, tools, takesUdp);
    const refused = ({ fault: { code, why }, bytes }: Failed): void => {
      // Whoever looks whether the port is open says nothing and leaves: no line for that.
      if (code !== 'visitor-gone') tools.refused(arrival, code, why, null);
      leave(stream, bytes);
    };
    if (heard.is === 'refused') return refused(heard);
    const exchange = proxiedSocks(heard, { id: tools.newId(), at: tools.now(), listener, from, sni });
    if ('code' in exchange) return refused({ is: 'refused', fault: exchange, bytes: socksReply(socksReplies.failed) });
    const call = new SocksCall(exchange, stream, tools, heard.port === 0 ? null : heard.port);
    take(call);
    await call.over;
  },
});

/** Reads until the destination is known, within the time that a head may take; what follows it stays in the stream. */
function hear(stream: Stream, { deadlines, limits }: ProtocolTools, takesUdp: boolean): Promise<Request | Failed> {
  return new Promise((resolve) => {
    const reader = new Socks5Reader(takesUdp);
    const settle = (heard: Request | Failed): void => {
      deadlines.delete(deadline);
      stream.off('data', data);
      stream.off('end', gone);
      stream.off('close', gone);
      stream.pause();
      resolve(heard);
    };
    const failed = (code: Code, why: string): void => settle({ is: 'refused', fault: fault(code, why), bytes: null });
    const gone = (): void => failed('visitor-gone', 'it left before it said where to');
    const deadline = {
      at: deadlines.time() + limits.headMs,
      expire: (): void => failed('head-timed-out', 'SOCKS: it did not say in time where to'),
    };
    const data = (chunk: Buffer): void => {
      for (let at = 0; at < chunk.length;) {
        const step = reader.push(chunk, at);
        if (step.is === 'more') return;
        if (step.is === 'refused') return settle(step);
        if (step.is === 'request') {
          settle(step);
          if (step.next < chunk.length) stream.unshift(chunk.subarray(step.next));
          return;
        }
        stream.write(step.bytes);
        at = step.next;
      }
    };
    deadlines.add(deadline);
    stream.on('data', data);
    stream.on('end', gone);
    stream.on('close', gone);
    // It may have been paused by whoever looked at its first byte.
    stream.resume();
    if (stream.destroyed) gone();
  });
}

function leave(stream: Stream, bytes: Uint8Array | null): void {
  if (bytes === null || stream.destroyed) return void stream.destroy();
  stream.resume();
  stream.end(bytes, () => stream.destroy());
}

/** RFC 1928, 6, for the words that the same proxy has in HTTP (RFC 9209, 2.3). */
function replyFor({ status, fields }: Reply): Uint8Array {
  const said =
    fieldValue(
      fields.map(([name, value]) => fieldOf(name, value)),
      'proxy-status',
    ) ?? '';
  if (said.endsWith('connection_refused')) return socksReply(socksReplies.refused);
  if (said.endsWith('_timeout')) return socksReply(socksReplies.timedOut);
  if (said.endsWith('dns_error') || said.endsWith('destination_unavailable')) return socksReply(socksReplies.unreachable);
  return socksReply(status >= 500 ? socksReplies.failed : socksReplies.denied);
}

class SocksCall implements Call, Deadline {
  readonly exchange: Exchange;
  /** The end of all that it may last. */
  at = Infinity;
  readonly #stream: Stream;
  readonly #tools: ProtocolTools;
  readonly #abort = new AbortController();
  readonly #over = Promise.withResolvers<void>();
  readonly #gone = (): void => this.#abort.abort();
  readonly #datagramPort: number | null;
  #cutBy: Fault | null = null;
  /** Its first bytes are awaited. */
  #isLookedAt = false;

  /** @param datagramPort from where a client of UDP ASSOCIATE said that it will send; null where it did not */
  constructor(exchange: Exchange, stream: Stream, tools: ProtocolTools, datagramPort: number | null) {
    this.#datagramPort = datagramPort;
    this.exchange = exchange;
    this.#stream = stream;
    this.#tools = tools;
    stream.on('close', this.#gone);
  }

  get over(): Promise<void> {
    return this.#over.promise;
  }
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  gather = (): Promise<null> => Promise.resolve(null);

  refuse(answer: Reply): Promise<Tally> {
    leave(this.#stream, replyFor(answer));
    return Promise.resolve(this.#tally(0, 0, null, null));
  }

  proceed(to: Opened, _forwarding: Forwarding, owner: Proceeding): void {
    if (to.is === 'reply') {
      leave(this.#stream, replyFor(to.reply));
      return owner.settled(this.#tally(0, 0, null, null));
    }
    if (to.is === 'stream') {
      to.release(false);
      this.#stream.destroy();
      return owner.settled(this.#tally(0, 0, 'program-failed', 'an upstream of another kind was led to'));
    }
    const joined = this.exchange.destination?.way === 'udp' ? this.#associate(to) : this.#join(to);
    joined.then(
      (tally) => owner.settled(tally),
      (error: unknown) => owner.broke(error),
    );
  }

  async #join(to: Raw): Promise<Tally> {
    const { limits, deadlines, splice } = this.#tools;
    deadlines.add(this);
    this.#stream.write(socksReply(socksReplies.succeeded));
    if (to.begin !== undefined) {
      this.#isLookedAt = true;
      this.at = deadlines.time() + limits.helloMs;
      const wrong = await this.#look(to.begin);
      this.#isLookedAt = false;
      if (wrong !== null) this.#end(wrong);
      else if (to.stream.destroyed) this.#end(fault('upstream-broken', 'the destination closed the connection'));
    }
    this.at = deadlines.time() + limits.tunnelLifeMs;
    const { bytesAToB, bytesBToA, code, why } = await splice(this.#stream, to.stream, {
      idleMs: limits.tunnelIdleMs,
      signal: this.#abort.signal,
    });
    to.release(false, code);
    return this.#tally(bytesAToB, bytesBToA, code, why);
  }

  /** Ends with the client's connection, or when nothing has come for long. */
  async #associate(to: Raw): Promise<Tally> {
    const { limits, deadlines } = this.#tools;
    const ip = localIp(this.#stream);
    const near = ip === null || this.#stream.destroyed ? null : await bound(ip).catch(() => null);
    if (near === null || ip === null) {
      to.release(false);
      leave(this.#stream, socksReply(socksReplies.failed));
      return this.#tally(0, 0, 'upstream-unreachable', 'no port for datagrams could be opened');
    }
    const client = new DatagramPeer(this.exchange.from.ip, this.#datagramPort);
    const moved = (): void => void (this.at = deadlines.time() + limits.tunnelIdleMs);
    const passing = new DatagramPassing({ near, far: to.stream, client, limits, moved });
    moved();
    deadlines.add(this);
    const over = new Promise<void>((resolve) => {
      // What else it says on this connection means nothing; its end is the end.
      this.#stream.resume().once('end', () => this.#stream.destroy());
      this.#stream.once('close', resolve);
      to.stream.once('close', () => this.#stream.destroy());
      if (this.#stream.destroyed) resolve();
    });
    this.#stream.write(associatedReply(ip, near.address().port));
    await over;
    near.close();
    to.release(false);
    return this.#tally(passing.bytesIn, passing.bytesOut, null, to.ending?.() ?? null);
  }

  /** The first bytes, which stay in the stream. Resolves with what is wrong with them, or null. */
  #look(begin: NonNullable<Raw['begin']>): Promise<Fault | null> {
    return new Promise((resolve) => {
      const held: Buffer[] = [];
      const settle = (found: Fault | null): void => {
        this.#stream.off('data', data);
        this.#stream.off('end', gone);
        this.#stream.off('close', gone);
        this.#stream.pause();
        if (found === null) this.#stream.unshift(Buffer.concat(held));
        resolve(found);
      };
      const gone = (): void => settle(fault('visitor-gone', 'it left before its first bytes'));
      const data = (bytes: Buffer): void => {
        held.push(bytes);
        const found = begin.push(bytes);
        if (found !== 'more') settle(found === 'passed' ? null : found);
      };
      this.#stream.on('data', data);
      this.#stream.on('end', gone);
      this.#stream.on('close', gone);
      this.#stream.resume();
      if (this.#stream.destroyed) gone();
    });
  }

  expire(): void {
    if (this.#isLookedAt) this.#end(fault('hello-timed-out', 'no hello in time'));
    else this.#end(fault('tunnel-expired', 'it has lasted as long as a tunnel may'));
  }

  cut(code: Code): void {
    this.#end(fault(code, 'ended by the gateway'));
  }

  #end(why: Fault): void {
    this.#cutBy ??= why;
    this.#abort.abort();
    this.#stream.destroy();
  }

  end(): void {
    this.#tools.deadlines.delete(this);
    this.#stream.off('close', this.#gone);
    this.#over.resolve();
  }

  #tally(bytesIn: number, bytesOut: number, code: Code | null, why: string | null): Tally {
    const by = this.#cutBy;
    return { status: null, bytesIn, bytesOut, code: by?.code ?? code, why: by?.why ?? why, reusable: false, end: 'done' };
  }
}
