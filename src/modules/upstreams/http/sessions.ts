/** Connections of HTTP/2 to one service: one carries many exchanges, and another comes when it is full or says goodbye. */

import { connect, type ClientHttp2Session } from 'node:http2';
import type { Duplex } from 'node:stream';
import type { Limits } from '../../../core/limits.ts';
import { Bridge } from './bridge.ts';

export type SessionsOptions = Readonly<{
  scheme: 'http' | 'https';
  limits: Limits;
  /** A new connection; who waits for it is many, so nobody's going ends it. */
  dial: () => Promise<Duplex>;
}>;

/** How many exchanges are carried before the service has said how many it takes (RFC 9113, 6.5.2 suggests a hundred). */
const assumedStreams = 100;

type Carried = { readonly session: ClientHttp2Session; streams: number; used: boolean };

export class Sessions {
  readonly #options: SessionsOptions;
  readonly #all = new Set<Carried>();
  #coming: Promise<Carried> | null = null;
  #closed = false;

  constructor(options: SessionsOptions) {
    this.#options = options;
  }

  /** `reused`: it has carried something before, so that its service may be leaving this moment. */
  async open(fresh: boolean): Promise<Readonly<{ bridge: Bridge; reused: boolean }>> {
    const standing = fresh ? null : this.#withRoom();
    const carried = standing ?? (await this.#next());
    const reused = carried.used;
    carried.used = true;
    carried.streams += 1;
    const bridge = new Bridge(carried.session, this.#options.scheme, this.#options.limits);
    bridge.once('close', () => {
      carried.streams -= 1;
      if (!bridge.heard) this.#suspect(carried.session);
    });
    return { bridge, reused };
  }

  close(): void {
    this.#closed = true;
    for (const { session } of this.#all) session.close();
  }

  #withRoom(): Carried | null {
    for (const each of this.#all) {
      const { session, streams } = each;
      if (session.closed || session.destroyed) continue;
      const most = session.connecting ? assumedStreams : (session.remoteSettings.maxConcurrentStreams ?? assumedStreams);
      if (streams < most) return each;
    }
    return null;
  }

  /** Those who come while one is dialled share it. */
  #next(): Promise<Carried> {
    this.#coming ??= this.#dial().finally(() => {
      this.#coming = null;
    });
    return this.#coming;
  }

  async #dial(): Promise<Carried> {
    const { scheme, limits, dial } = this.#options;
    const socket = await dial();
    const options = {
      createConnection: () => socket,
      settings: { enablePush: false, initialWindowSize: limits.http2WindowBytes, maxHeaderListSize: limits.http2HeadListBytesMax },
      maxHeaderListPairs: limits.headFieldsMax + 5,
      // Two of a field that should be one are the visitor's, as in HTTP/1.1. Node's types do not know it yet.
      strictSingleValueFields: false,
    };
    const session = connect(`${scheme}://service.invalid`, options);
    const carried: Carried = { session, streams: 0, used: false };
    this.#all.add(carried);
    session.on('error', () => undefined);
    session.once('goaway', () => session.close());
    session.once('close', () => this.#all.delete(carried));
    session.setTimeout(limits.poolIdleMs, () => {
      if (carried.streams === 0) session.close();
    });
    if (this.#closed) session.close();
    return carried;
  }

  /** An exchange got no answer: is anybody there? The next must not wait for the dead. */
  #suspect(session: ClientHttp2Session): void {
    if (session.closed || session.destroyed) return;
    const timer = setTimeout(() => session.destroy(), this.#options.limits.dialMs);
    timer.unref();
    const sent = session.ping(() => clearTimeout(timer));
    if (!sent) session.destroy();
  }
}
