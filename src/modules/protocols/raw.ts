/** A port of its own: bytes of any protocol, or the datagrams of one flow, joined with the service as they come. Nothing of them is read. */

import type { Code } from '../../core/errors.ts';
import type { Exchange } from '../../core/policy/exchange.ts';
import { portName, type RelayPort } from '../../core/port-name.ts';
import { defineProtocol } from '../../contracts/protocol.ts';
import type { Call, Proceeding, ProtocolTools, Tally } from '../../contracts/protocol.ts';
import type { Arrival, Stream } from '../../contracts/stream.ts';
import type { Forwarding, Opened } from '../../contracts/upstream.ts';

/** One call an arrival: the connection, or the flow, that was asked for. */
export const raw = defineProtocol({
  name: 'raw',
  serve: async (arrival, tools, take) => {
    // To the very end: a second error can follow a destroy.
    arrival.stream.on('error', () => undefined);
    const call = new RawCall(arrival, tools);
    take(call);
    await call.over;
  },
});

class RawCall implements Call {
  readonly exchange: Exchange;
  readonly #stream: Stream;
  readonly #tools: ProtocolTools;
  readonly #abort = new AbortController();
  readonly #over = Promise.withResolvers<void>();
  readonly #gone = (): void => this.#abort.abort();
  readonly #isFlow: boolean;
  #cutBy: Code | null = null;

  constructor({ stream, listener, from }: Arrival, tools: ProtocolTools) {
    this.#stream = stream;
    this.#tools = tools;
    this.#isFlow = listener.scheme === 'udp';
    const port: RelayPort = { transport: this.#isFlow ? 'udp' : 'tcp', port: listener.port };
    this.exchange = { id: tools.newId(), at: tools.now(), listener, from, host: portName(port), sni: null, http: null, identity: null };
    stream.on('close', this.#gone);
  }

  get over(): Promise<void> {
    return this.#over.promise;
  }
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  gather = (): Promise<null> => Promise.resolve(null);

  /** There is no word that every protocol knows: the connection ends. */
  refuse(): Promise<Tally> {
    this.#stream.destroy();
    return Promise.resolve(tally(0, 0, this.#cutBy, null));
  }

  proceed(to: Opened, _forwarding: Forwarding, owner: Proceeding): void {
    if (to.is !== 'stream') {
      this.#stream.destroy();
      return owner.settled(tally(0, 0, 'program-failed', 'an upstream answered where a stream is needed'));
    }
    const { limits, splice } = this.#tools;
    const idleMs = this.#isFlow ? limits.udpIdleMs : limits.upgradedIdleMs;
    splice(this.#stream, to.stream, { idleMs, signal: this.#abort.signal, resets: true }).then(
      ({ bytesAToB, bytesBToA, code, why }) => {
        to.release(false);
        // A flow has no other end than silence.
        const quiet = this.#isFlow && code === 'stream-idle' && this.#cutBy === null;
        owner.settled(quiet ? tally(bytesAToB, bytesBToA, null, null) : tally(bytesAToB, bytesBToA, this.#cutBy ?? code, why));
      },
      (error: unknown) => owner.broke(error),
    );
  }

  cut(code: Code): void {
    this.#cutBy = code;
    this.#abort.abort();
    this.#stream.destroy();
  }

  end(): void {
    this.#stream.off('close', this.#gone);
    this.#over.resolve();
  }
}

function tally(bytesIn: number, bytesOut: number, code: Code | null, why: string | null): Tally {
  return { status: null, bytesIn, bytesOut, code, why, reusable: false, end: 'done' };
}
