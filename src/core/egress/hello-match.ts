/** Whether a tunnel holds what was asked for: TLS whose hello names the very host that the proxy was asked to lead to. */

import { fault, type Fault } from '../errors.ts';
import type { Limits } from '../limits.ts';
import { ClientHelloReader } from '../tls/client-hello.ts';
import { literalOf, type Destination } from './destination.ts';

/** Looks at the first bytes of a tunnel. `passed`: they are what they should be, and nothing more is looked at. */
export class HelloMatch {
  readonly #reader: ClientHelloReader;
  /** Null: an address was asked for, so no name may stand in the hello (RFC 6066, 3). */
  readonly #name: string | null;

  constructor(destination: Destination, limits: Pick<Limits, 'helloBytesMax' | 'helloWireBytesMax'>) {
    this.#reader = new ClientHelloReader(limits);
    this.#name = literalOf(destination) === null ? destination.host : null;
  }

  /** Faults: `destination-mismatched`. */
  push(bytes: Uint8Array): 'more' | 'passed' | Fault {
    const reading = this.#reader.push(bytes);
    if (reading.is === 'more') return 'more';
    if (reading.is === 'refused') return fault('destination-mismatched', `the tunnel does not begin with TLS: ${reading.fault.why}`);
    if (reading.sni === this.#name) return 'passed';
    return fault('destination-mismatched', 'the TLS in the tunnel names another host than the proxy was asked for');
  }
}
