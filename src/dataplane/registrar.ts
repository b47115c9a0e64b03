/** Tells a relay the names of this gateway, one registration at a time, and hears how each name fared. */

import { SallyportError } from '../core/errors.ts';
import type { NameAnswer } from '../contracts/tunnel.ts';
import type { Carrier } from './carrier.ts';
import { namesShape } from './greeting.ts';

type Ask = Readonly<{
  carrier: Carrier;
  resolve: (answers: readonly NameAnswer[]) => void;
  reject: (error: SallyportError) => void;
}>;

export class Registrar {
  #names: readonly string[];
  readonly #asks = new Map<number, Ask>();
  /** Only grows, over all carriers: so the relay knows which word was the last. */
  #next = 0;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(names: readonly string[]) {
    this.#names = [...names];
  }

  set names(names: readonly string[]) {
    this.#names = [...names];
  }

  /**
   * Says the names as they then are on the carrier that `choose` gives when the turn has come. Error: `relay-unreachable`
   * when there is none, or it was lost before it answered.
   */
  ask(choose: () => Carrier | null): Promise<readonly NameAnswer[]> {
    const answers = this.#turn.then(() => this.#send(choose()));
    this.#turn = answers.catch(() => undefined);
    return answers;
  }

  /** Takes a carrier's `names`. False when nobody asked for that. */
  answered(carrier: Carrier | null, value: unknown): boolean {
    const said = namesShape.safeParse(value);
    const ask = said.success ? this.#asks.get(said.data.ask) : undefined;
    if (!said.success || ask === undefined || ask.carrier !== carrier) return false;
    this.#asks.delete(said.data.ask);
    ask.resolve(said.data.answers);
    return true;
  }

  /** The carrier is lost, or is not to be trusted: whoever waits for an answer of it waits in vain. */
  lost(carrier: Carrier, error: SallyportError): void {
    for (const [number, ask] of this.#asks) {
      if (ask.carrier !== carrier) continue;
      this.#asks.delete(number);
      ask.reject(error);
    }
  }

  #send(carrier: Carrier | null): Promise<readonly NameAnswer[]> {
    if (carrier === null || carrier.ended)
      return Promise.reject(
        new SallyportError('relay-unreachable', 'There is no carrier to the relay at this moment; the names are registered when there is.'),
      );
    const { promise, resolve, reject } = Promise.withResolvers<readonly NameAnswer[]>();
    const ask = this.#next++;
    this.#asks.set(ask, { carrier, resolve, reject });
    carrier.message('register', { ask, names: this.#names });
    return promise;
  }
}

/** What is to be said of a name that the relay refused. */
export function nameError(refused: Extract<NameAnswer, { is: 'refused' }>): SallyportError {
  const { name, code } = refused;
  switch (code) {
    case 'name-taken':
      return new SallyportError(code, `The name ${name} is held by another process with this key.`, {
        hint: 'End that process, or choose another name.',
      });
    case 'name-refused':
      return new SallyportError(code, `The relay does not grant ${name} to this gateway.`, {
        hint: 'Ask the relay’s operator for an invitation to this name.',
      });
    case 'name-malformed':
      return new SallyportError(code, `The relay cannot read the name ${name}.`);
    case 'relay-blocked':
      return new SallyportError(code, `The relay’s operator has blocked ${name}: ${refused.why}`, {
        hint: 'Ask the relay’s operator.',
      });
    default:
      return code satisfies never;
  }
}
