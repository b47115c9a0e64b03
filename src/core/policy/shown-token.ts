/** The last credential of each connection and what it came to: who sends it with every request has it worked out once. */

import type { Exchange } from './exchange.ts';

type Shown<Value> = Readonly<{ token: string; value: Value }>;

/**
 * The address is one object for a whole connection, so a token is only ever compared with what the same visitor sent
 * before. Only what never changes for a token may be kept here, such as its digest; never whether it is good.
 */
export class ShownToken<Value> {
  readonly #work: (token: string) => Value;
  readonly #last = new WeakMap<Exchange['from'], Shown<Value>>();

  /** `work` is the same for every request, so that one costs no closure. */
  constructor(work: (token: string) => Value) {
    this.#work = work;
  }

  of({ from }: Exchange, token: string): Value {
    const last = this.#last.get(from);
    if (last?.token === token) return last.value;
    const value = this.#work(token);
    this.#last.set(from, { token: unshared(token), value });
    return value;
  }
}

/** A copy: a part of the head's text would keep the whole head. */
function unshared(token: string): string {
  return token.split('').join('');
}
