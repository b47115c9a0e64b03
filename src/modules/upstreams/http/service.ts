/** One HTTP service: how many connections it has, which one is taken, and how another is made. */

import type { Socket } from 'node:net';
import { hostPort } from '../../../core/address.ts';
import { SallyportError } from '../../../core/errors.ts';
import { isReplayable } from '../../../core/http/replayable.ts';
import type { Limits } from '../../../core/limits.ts';
import type { Exchange } from '../../../core/policy/exchange.ts';
import { proxyHeader } from '../../../core/proxy-protocol.ts';
import type { Tools } from '../../../contracts/tools.ts';
import type { Caller, Opened, Probe } from '../../../contracts/upstream.ts';
import { dial, type Preamble } from './dial.ts';
import { Kept, Pool } from './pool.ts';
import { ask } from './probe.ts';
import { Sessions } from './sessions.ts';
import { Secure, type Trust } from './trust.ts';

export type HttpTarget = Readonly<{
  hosts: readonly string[];
  port: number;
  socket: string | null;
  from: string | null;
  proxy: 'v1' | 'v2' | null;
  speaks: 'http' | 'https' | 'h2c' | 'h2';
  name: string | null;
  trust: Trust;
}>;

/** A request that may have been carried out must not be sent twice: it takes a connection only when that was alive this second. */
const SURELY_ALIVE_MS = 1_000;

export class HttpService {
  readonly #target: HttpTarget;
  readonly #limits: Limits;
  readonly #pool: Pool;
  readonly #secure: Secure | null;
  /** Where HTTP/2 is spoken. */
  readonly #sessions: Sessions | null;
  #open = 0;
  /** Which of its addresses took the last connection. */
  #preferred = 0;

  /** Throws `certificate-unusable` where a CA's file cannot be read. */
  constructor(target: HttpTarget, { now, limits }: Pick<Tools, 'now' | 'limits'>) {
    this.#target = target;
    this.#limits = limits;
    this.#pool = new Pool({ now, idleMax: limits.poolIdlePerServiceMax, idleMs: limits.poolIdleMs });
    this.#secure = secureOf(target);
    const { speaks } = target;
    const scheme = this.#secure === null ? 'http' : 'https';
    const anybody = { signal: new AbortController().signal };
    const multiplexed = speaks === 'h2c' || speaks === 'h2';
    this.#sessions = multiplexed ? new Sessions({ scheme, limits, dial: () => this.#reach(anybody) }) : null;
  }

  open(exchange: Exchange, caller: Caller, fresh: boolean): Promise<Opened> | Opened {
    if (this.#open >= this.#limits.upstreamsPerServiceMax) {
      throw new SallyportError('connections-exceeded', 'the service has as many connections as it may');
    }
    // Taken before the dial: a service that is slow to take connections would otherwise be asked for any number of them.
    this.#open += 1;
    if (this.#sessions !== null) return this.#openStream(this.#sessions, fresh);
    const surelyMs = exchange.http !== null && isReplayable(exchange.http) ? this.#limits.poolIdleMs : SURELY_ALIVE_MS;
    const kept = fresh ? null : this.#pool.take(surelyMs);
    return kept === null ? this.#dial(exchange, caller) : this.#opened(kept, true);
  }

  close(): void {
    this.#pool.close();
    this.#sessions?.close();
  }

  /** On a connection of its own, so that what is asked is how it takes a new one. Errors: `upstream-*`. */
  async probe({ path, withinMs }: Probe): Promise<void> {
    const { proxy, port, name, hosts } = this.#target;
    const signal = AbortSignal.timeout(withinMs);
    const preamble: Preamble | undefined = proxy === null ? undefined : (socket) => socket.write(proxyHeader(proxy, null, port));
    try {
      const stream = this.#sessions === null ? await this.#reach({ signal }, preamble) : (await this.#sessions.open(false)).bridge;
      await ask(stream, { path, host: hostPort(name ?? hosts[0] ?? 'localhost', port), signal, limits: this.#limits });
    } catch (error) {
      if (signal.aborted) throw new SallyportError('upstream-timed-out', 'the check got no answer in time', { cause: error });
      throw error;
    }
  }

  /** The place is taken already. */
  #opened(kept: Kept, reused: boolean): Opened {
    let released = false;
    return {
      is: 'stream',
      stream: kept.stream,
      reused,
      release: (reusable) => {
        if (released) return;
        released = true;
        this.#open -= 1;
        if (reusable && this.#target.proxy === null) this.#pool.give(kept);
        else kept.stream.destroy();
      },
    };
  }

  async #dial({ from, listener }: Exchange, caller: Caller): Promise<Opened> {
    const { proxy } = this.#target;
    const preamble: Preamble | undefined = proxy === null ? undefined : (socket) => socket.write(proxyHeader(proxy, from, listener.port));
    try {
      return this.#opened(new Kept(await this.#reach(caller, preamble), this.#pool), false);
    } catch (error) {
      this.#open -= 1;
      throw error;
    }
  }

  async #openStream(sessions: Sessions, fresh: boolean): Promise<Opened> {
    try {
      const { bridge, reused } = await sessions.open(fresh);
      bridge.once('close', () => (this.#open -= 1));
      return { is: 'stream', stream: bridge, reused, multiplexed: true, release: () => void bridge.destroy() };
    } catch (error) {
      this.#open -= 1;
      throw error;
    }
  }

  /** The first of its addresses that takes a connection. */
  async #reach(caller: Caller, preamble?: Preamble): Promise<Socket> {
    const { hosts, port, from, socket: path } = this.#target;
    for (let tried = 0; ; tried += 1) {
      const index = (this.#preferred + tried) % hosts.length;
      const host = hosts[index] ?? '127.0.0.1';
      try {
        const socket = await dial({ host, port, from, socket: path, secure: this.#secure }, this.#limits.dialMs, caller, preamble);
        this.#preferred = index;
        return socket;
      } catch (error) {
        const refused = error instanceof SallyportError && error.code === 'upstream-refused';
        if (!refused || tried + 1 >= hosts.length) throw error;
      }
    }
  }
}

/** Null in the clear. */
function secureOf({ speaks, name, hosts, trust }: HttpTarget): Secure | null {
  if (speaks === 'http' || speaks === 'h2c') return null;
  return new Secure(name ?? hosts[0] ?? 'localhost', trust, speaks === 'h2' ? 'h2' : 'http/1.1');
}
