/** Out by another proxy: an HTTP, HTTPS or SOCKS 5 proxy upstream, or a proxy of another gateway, reached by its name. */

import { lookup } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import { isIP, type Socket } from 'node:net';
import { checkServerIdentity, connect as connectTls, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import { hostPort, parseIp, type Ip } from '../../../core/address.ts';
import {
  askByHttp,
  askBySocks,
  authorizationLine,
  type AskedWhy,
  type Asking,
  type Shown,
  type Target,
} from '../../../core/egress/asking.ts';
import { SallyportError, type Code } from '../../../core/errors.ts';
import type { Limits } from '../../../core/limits.ts';
import { systemCode } from '../../../core/system-error.ts';
import { dialFirst, type Connect } from './dial.ts';

export type ViaPlan = Readonly<{ is: 'http' | 'https' | 'socks5'; host: string; port: number; ca?: string | undefined }>;

export type ViaOptions = Readonly<{
  plan: ViaPlan;
  shown: () => Shown;
  limits: Limits;
  connect: Connect;
  /** Whether we listen there ourselves. */
  isOurs: (ip: Ip, port: number) => boolean;
}>;

type Led = Readonly<{ target: Target | null; lines: string; signal: AbortSignal }>;

/** What its refusals mean to whoever asked us. */
const codeOf: Readonly<Record<AskedWhy, Code>> = {
  credentials: 'upstream-unreachable',
  denied: 'destination-denied',
  unresolved: 'destination-unresolved',
  refused: 'upstream-refused',
  'timed-out': 'upstream-timed-out',
  unreachable: 'upstream-unreachable',
  busy: 'connections-exceeded',
  unsupported: 'upstream-unreachable',
  malformed: 'upstream-broken',
};

export class Via {
  readonly words: string;
  readonly #options: ViaOptions;
  readonly #context: SecureContext | null;

  /** Errors: `certificate-unusable`. */
  constructor(options: ViaOptions) {
    const { is, host, port, ca } = options.plan;
    this.#options = options;
    this.words = `${is}://${hostPort(host, port)}`;
    this.#context = is === 'https' ? contextOf(ca) : null;
  }

  /** Whether it is asked for requests of plain HTTP as they are, in absolute form. */
  get takesRequests(): boolean {
    return this.#options.plan.is !== 'socks5';
  }

  /** What each such request shows it. */
  get authorization(): string {
    return authorizationLine(this.#options.shown());
  }

  /**
   * A connection to it; with a target, one that leads there.
   * Errors: `upstream-*`, `destination-denied`, `destination-unresolved`, `connections-exceeded`, `visitor-gone`.
   */
  async open({ target, lines, signal }: Led): Promise<Socket> {
    const { limits, connect, plan } = this.#options;
    const socket = await dialFirst(await this.#addresses(), plan.port, { connect, limits, signal });
    const line = this.#context === null ? socket : await this.#secured(socket, this.#context, signal);
    if (target === null) return line;
    const shown = this.#options.shown();
    const asking = plan.is === 'socks5' ? askBySocks(target, shown) : askByHttp(target, shown, limits, lines);
    if (asking === null) throw this.#problem('malformed', 'what it is to be shown is too long for SOCKS');
    try {
      await this.#asked(line, asking, signal);
      return line;
    } catch (error) {
      line.destroy();
      throw error;
    }
  }

  /** Its own name is the operator's: the system looks it up. Where we listen ourselves nobody is led. */
  async #addresses(): Promise<readonly Ip[]> {
    const { host, port } = this.#options.plan;
    const found = host === 'localhost' || host.endsWith('.localhost') ? ['127.0.0.1'] : isIP(host) === 0 ? await looked(host) : [host];
    const ips = found.map(parseIp).filter((ip) => ip !== null);
    const others = ips.filter((ip) => !this.#options.isOurs(ip, port));
    if (others.length > 0) return others;
    throw this.#problem('unreachable', ips.length === 0 ? 'its name has no address' : 'it is an address of this gateway itself');
  }

  #secured(socket: Socket, secureContext: SecureContext, signal: AbortSignal): Promise<TLSSocket> {
    const { host } = this.#options.plan;
    return new Promise((resolve, reject) => {
      const tls = connectTls({
        socket,
        secureContext,
        servername: isIP(host) === 0 ? host : '',
        ALPNProtocols: ['http/1.1'],
        checkServerIdentity: (_, shown) => checkServerIdentity(host, shown),
      });
      const failed = (why: string): void => {
        settle();
        tls.destroy();
        socket.destroy();
        reject(this.#problem('unreachable', why));
      };
      const aborted = (): void => failed('the visitor closed the connection');
      const timer = setTimeout(() => failed('its TLS takes too long'), this.#options.limits.handshakeMs);
      const settle = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', aborted);
      };
      tls.on('error', (error) => failed(`its TLS fails (${systemCode(error) ?? error.name})`));
      const closed = (): void => failed('it closed the connection');
      tls.once('close', closed);
      tls.once('secureConnect', () => {
        settle();
        tls.off('close', closed);
        resolve(tls);
      });
      signal.addEventListener('abort', aborted);
    });
  }

  /** What it says behind its answer is the destination's, and stays in the stream. */
  #asked(line: Socket, asking: Asking, signal: AbortSignal): Promise<void> {
    const { dialMs, resolverMs } = this.#options.limits;
    return new Promise((resolve, reject) => {
      const settle = (problem: SallyportError | null): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', aborted);
        line.pause();
        line.off('data', data);
        for (const event of ['end', 'close']) line.off(event, gone);
        if (problem === null) resolve();
        else reject(problem);
      };
      const timer = setTimeout(() => settle(this.#problem('timed-out', 'it does not answer in time')), dialMs + resolverMs);
      const gone = (): void => settle(this.#problem('unreachable', 'it closed the connection'));
      const aborted = (): void => settle(new SallyportError('visitor-gone', 'the visitor closed the connection'));
      const data = (bytes: Buffer): void => {
        const step = asking.push(bytes);
        if (step.is === 'say') line.write(step.bytes);
        else if (step.is === 'refused') settle(this.#problem(step.why, step.words));
        else if (step.is === 'open') {
          settle(null);
          if (step.next < bytes.length) line.unshift(bytes.subarray(step.next));
        }
      };
      line.on('error', () => undefined);
      line.on('data', data);
      for (const event of ['end', 'close']) line.on(event, gone);
      signal.addEventListener('abort', aborted);
      line.write(asking.opening);
      if (line.destroyed) gone();
    });
  }

  #problem(why: AskedWhy, words: string): SallyportError {
    return new SallyportError(codeOf[why], `${this.words}: ${words}`);
  }
}

async function looked(name: string): Promise<readonly string[]> {
  try {
    return (await lookup(name, { all: true })).map(({ address }) => address);
  } catch {
    return [];
  }
}

function contextOf(ca: string | undefined): SecureContext {
  if (ca === undefined) return createSecureContext();
  try {
    return createSecureContext({ ca: readFileSync(ca) });
  } catch (error) {
    throw new SallyportError('certificate-unusable', `The certificates in ${ca} cannot be used.`, {
      hint: 'ca: of via: names a PEM file that this user can read.',
      cause: error,
    });
  }
}
