/** The four answers of a guard. Nothing is "false": what is not a pass says why. */

import type { Code } from '../errors.ts';
import type { Reply } from '../http/reply.ts';
import type { Exchange, Identity } from './exchange.ts';
import type { Permit } from './permit.ts';

export type Verdict =
  /**
   * It is well. `spent` names the request fields (lower case) that were used up and must not reach the service. `permit`, of a
   * meter alone, is what the exchange holds until its end. `note` stands in the record: what would have been refused.
   */
  | Readonly<{ is: 'pass'; identity?: Identity; spent?: readonly string[]; permit?: Permit; note?: string }>
  /** Not my kind of credential: ask the next guard. */
  | Readonly<{ is: 'skip' }>
  /** A credential is needed, or the one shown does not do; `answer` is what the visitor gets, null for the uniform face. */
  | Readonly<{ is: 'challenge'; code: Code; why: string; answer: Reply | null }>
  /** No, whatever else is shown. */
  | Readonly<{ is: 'deny'; code: Code; why: string; answer?: Reply }>;

/** Reads the body of the exchange, whole, up to `bytesMax`; null when it is longer. For signatures and forms only. */
export type GatherBody = (bytesMax: number) => Promise<Uint8Array | null>;

/**
 * A guard that was built from its options: looks at one exchange. Synchronous where it can be:
 * no await happens on the road when no check returned a promise. A throw becomes `deny guard-failed`.
 */
export type Check = (exchange: Exchange, gather: GatherBody) => Verdict | Promise<Verdict>;
