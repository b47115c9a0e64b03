/** Connections of trusted balancers: who really comes is read before anything else, and believed of nobody else. */

import type { Socket } from 'node:net';
import { contains, householdOf, parseIp, type Address, type Network } from '../core/address.ts';
import { fault, type Fault } from '../core/errors.ts';
import type { Limits } from '../core/limits.ts';
import { ProxyHeaderReader } from '../core/proxy-protocol.ts';
import type { Deadlines } from '../contracts/protocol.ts';

export type BalancersOptions = Readonly<{
  limits: Pick<Limits, 'helloMs' | 'proxyHeaderBytesMax' | 'connectionsPerAddressMax'>;
  deadlines: Deadlines;
}>;

export class Balancers {
  readonly #options: BalancersOptions;
  /** Visitors behind balancers are counted by their own addresses. */
  readonly #perAddress = new Map<string, number>();

  constructor(options: BalancersOptions) {
    this.#options = options;
  }

  /**
   * Resolves with the visitor's address (the balancer's own where it speaks for itself), every byte behind the header put
   * back; or with why not: the socket is destroyed then. Never rejects.
   */
  async admit(socket: Socket, peer: Address): Promise<Address | Fault> {
    const read = await this.#read(socket);
    const from = 'code' in read ? read : (read.from ?? peer);
    const refused = 'code' in from ? from : this.#count(socket, from);
    if (refused === null) return from;
    socket.destroy();
    return refused;
  }

  #count(socket: Socket, { ip }: Address): Fault | null {
    const household = householdOf(ip);
    const count = this.#perAddress.get(household) ?? 0;
    if (count >= this.#options.limits.connectionsPerAddressMax) return fault('connections-exceeded', 'too many connections of one address');
    this.#perAddress.set(household, count + 1);
    const gone = (): void => {
      const left = (this.#perAddress.get(household) ?? 1) - 1;
      if (left === 0) this.#perAddress.delete(household);
      else this.#perAddress.set(household, left);
    };
    if (socket.destroyed) gone();
    else socket.once('close', gone);
    return null;
  }

  #read(socket: Socket): Promise<Readonly<{ from: Address | null }> | Fault> {
    const { limits, deadlines } = this.#options;
    const reader = new ProxyHeaderReader(limits.proxyHeaderBytesMax);
    return new Promise((resolve) => {
      const settle = (found: Readonly<{ from: Address | null }> | Fault): void => {
        deadlines.delete(deadline);
        socket.off('data', data).off('end', left).off('close', left).pause();
        resolve(found);
      };
      const deadline = {
        at: deadlines.time() + limits.helloMs,
        expire: (): void => settle(fault('hello-timed-out', 'no PROXY header in time')),
      };
      const data = (bytes: Buffer): void => {
        const reading = reader.push(bytes);
        if (reading.is === 'refused') settle(reading.fault);
        if (reading.is !== 'header') return;
        settle({ from: reading.from });
        if (reading.next < bytes.length) socket.unshift(bytes.subarray(reading.next));
      };
      const left = (): void => settle(fault('visitor-gone', 'it left before its PROXY header was read'));
      deadlines.add(deadline);
      socket.on('data', data).on('end', left).on('close', left);
    });
  }
}

/** Whether an address is one of a balancer that is believed. */
export function isTrusted(ip: string, trust: readonly Network[] | undefined): boolean {
  if (trust === undefined) return false;
  const address = parseIp(ip);
  return address !== null && trust.some((network) => contains(network, address));
}
