/** Tells a relay the names of this gateway, one registration at a time, and hears how each name fared. */

import { SallyportError } from '../core/errors.ts';
import type { NameAnswer, Unproved } from '../contracts/tunnel.ts';
import type { Carrier } from './carrier.ts';
import { namesShape } from './greeting.ts';

type Ask = Readonly<{
  carrier: Carrier;
  resolve: (answers: readonly NameAnswer[]) => void;
  reject: (error: SallyportError) => void;
}>;

export class Registrar {
  #names: readonly string[];
  readonly #nudged: () => void;
  readonly #mayTerminate: (name: string) => boolean;
  #isNudged = false;
  readonly #asks = new Map<number, Ask>();
  /** Only grows, over all carriers: so the relay knows which word was the last. */
  #next = 0;
  #turn: Promise<unknown> = Promise.resolve();

  /**
   * `nudged`: the relay holds our names in another way than it said last, and is to be asked again. `mayTerminate`: the names whose
   * TLS the relay may end, looked at whenever they are said.
   */
  constructor(names: readonly string[], nudged: () => void = () => undefined, mayTerminate: (name: string) => boolean = () => false) {
    this.#mayTerminate = mayTerminate;
    this.#names = [...names];
    this.#nudged = nudged;
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
    if (!said.success) return false;
    const { ask: number } = said.data;
    if (number === null) {
      // However often it is said before we have asked, we ask once.
      if (!this.#isNudged) this.#nudged();
      this.#isNudged = true;
      return true;
    }
    const ask = this.#asks.get(number);
    if (ask === undefined || ask.carrier !== carrier) return false;
    this.#asks.delete(number);
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
    this.#isNudged = false;
    this.#asks.set(ask, { carrier, resolve, reject });
    const terminated = this.#names.filter((name) => this.#mayTerminate(name));
    carrier.message('register', { ask, names: this.#names, ...(terminated.length === 0 ? {} : { terminated }) });
    return promise;
  }
}

/**
 * What is to be said of the answers: the first refusal, that this gateway stands by for every name, that one has had its
 * visitors of today, or that the proof of one fails. Null when all is well. Throws when the relay holds not one of them for us.
 */
export function refusalIn(answers: readonly NameAnswer[]): SallyportError | null {
  const held = answers.filter((answer) => answer.is === 'held');
  const refused = answers.find((answer) => answer.is === 'refused');
  const [first] = held;
  if (refused !== undefined) {
    const error = nameError(refused);
    if (first === undefined) throw error;
    return error;
  }
  if (first !== undefined && held.every((answer) => answer.as === 'standby')) return standsBy(first.name);
  const crowded = held.find((answer) => answer.crowded === true);
  if (crowded !== undefined) return isCrowded(crowded.name);
  const [failing] = held.flatMap(({ name, failing: txt }) => (txt === undefined ? [] : [{ name, txt }]));
  return failing === undefined ? null : failsToProve(failing);
}

function failsToProve({ name, txt }: Readonly<{ name: string; txt: string }>): SallyportError {
  return new SallyportError(
    'name-unproved',
    `The relay does not find the record of ${name} any more; when that goes on the name is lost.`,
    {
      hint: `The record is: ${recordOf(name, txt)}`,
    },
  );
}

function recordOf(name: string, txt: string): string {
  return `_sallyport.${name.replace(/^\*\./, '')}. TXT "${txt}"`;
}

function isCrowded(name: string): SallyportError {
  return new SallyportError(
    'visitors-exceeded',
    `As many different visitors came to ${name} today as its grant allows; new ones are turned away.`,
    {
      hint: 'The next day begins at midnight UTC. For more, ask the relay’s operator.',
    },
  );
}

function standsBy(name: string): SallyportError {
  return new SallyportError('name-standby', `Another gateway of its group serves ${name}; this one stands by.`, {
    hint: 'It takes over when the other one goes. Who is who: sallyport relay gateways list, at the relay.',
  });
}

/** What the owner of a name outside of the relay's domain is to do. */
function unproved({ name, code, because, txt }: Unproved): SallyportError {
  const record = recordOf(name, txt);
  switch (because) {
    case 'absent':
      return new SallyportError(code, `${name} lies outside of the relay’s domain, and its DNS does not name this gateway.`, {
        hint: `Write this record; it is looked for again by itself: ${record}`,
      });
    case 'dns':
      return new SallyportError(code, `The relay could not find out whether the DNS of ${name} names this gateway.`, {
        hint: `All name servers must say the same. The record is: ${record}`,
      });
    case 'kept':
      return new SallyportError(code, `${name} belongs to another gateway of this relay, or did in the last 90 days.`, {
        hint: `Its visitors may still mean that one. The relay’s operator can free it: sallyport relay names release ${name} --now`,
      });
    case 'count':
      return new SallyportError(code, `This gateway has as many names of its own at the relay as it may; ${name} is one more.`, {
        hint: 'Give one up, or ask the relay’s operator for more.',
      });
    default:
      return because satisfies never;
  }
}

/** What is to be said of a name that the relay refused. */
function nameError(refused: Extract<NameAnswer, { is: 'refused' }>): SallyportError {
  const { name, code } = refused;
  switch (code) {
    case 'name-taken':
      return new SallyportError(code, `The name ${name} is held by another process with this key.`, {
        hint: 'End that process, or choose another name.',
      });
    case 'store-unshared':
      return new SallyportError(code, `${name} is spread over gateways with one store, and this gateway has another one.`, {
        hint: 'A visitor who signs in at one of them must be known to the others: share the store, or let the operator make it --standby.',
      });
    case 'name-refused':
      return new SallyportError(code, `The relay does not grant ${name} to this gateway.`, {
        hint: `Ask the relay’s operator for an invitation ${name.includes('/') ? 'with this port: relay invite NAME --ports RANGE' : 'to this name'}.`,
      });
    case 'name-malformed':
      return new SallyportError(code, `The relay cannot read the name ${name}.`);
    case 'name-unproved':
      return unproved(refused);
    case 'relay-blocked':
      return new SallyportError(code, `The relay’s operator has blocked ${name}: ${refused.why}`, {
        hint: 'Ask the relay’s operator.',
      });
    case 'address-in-use':
    case 'permission-missing':
    case 'address-unavailable':
      return new SallyportError(code, `The relay cannot listen on ${name} for us (${code}).`, {
        hint: 'Choose another port of those that you were granted, or ask the relay’s operator.',
      });
    default:
      return code satisfies never;
  }
}
