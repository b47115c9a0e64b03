/** Whether a proxy leads there: the name before it is looked up, and each address before it is dialled. */

import type { Ip } from '../../../core/address.ts';
import { destinationText, literalOf, type Destination } from '../../../core/egress/destination.ts';
import { hostPattern, isOfWho, parseEntry, type Entry } from '../../../core/egress/entry.ts';
import { judgeAddress, judgeName, type DestinationPolicy, type Here, type Ruling, type Wanted } from '../../../core/egress/policy.ts';
import { SallyportError } from '../../../core/errors.ts';

export type WrittenEntry = Readonly<{ text: string; methods?: readonly string[] | undefined; who?: readonly string[] | undefined }>;

/** The addresses that may be dialled, and what let the first pass; none where the name is looked up elsewhere. `note`: what lists that are only watched would have refused. */
export type Judged = Readonly<{ addresses: readonly Ip[]; ruling: Ruling; note: string | null }>;

export type JudgingOptions = Readonly<{
  allow: readonly WrittenEntry[];
  deny: readonly WrittenEntry[];
  mode: 'enforce' | 'watch';
  /** Whoever is asked behind looks names up: what is judged here is the name alone. */
  resolvedElsewhere: boolean;
  here: Here;
  resolve: (name: string) => readonly Ip[] | Promise<readonly Ip[]>;
}>;

export class Judging {
  readonly #options: JudgingOptions;
  readonly #policy: DestinationPolicy;
  /** What refuses: the lists, or where they are only watched what always holds. */
  readonly #held: DestinationPolicy;

  constructor(options: JudgingOptions) {
    this.#options = options;
    this.#policy = { allow: entriesOf(options.allow), deny: entriesOf(options.deny) };
    this.#held = options.mode === 'watch' ? { allow: [...this.#policy.allow, ...everything], deny: [] } : this.#policy;
  }

  /** At once where nobody has to be asked for the name. Errors: Denied, and those of the resolver. */
  judge(wanted: Wanted): Judged | Promise<Judged> {
    const named = judgeName(this.#held, wanted);
    if (named.is === 'deny') throw new Denied(wanted.to, named);
    const literal = literalOf(wanted.to);
    if (literal !== null) return this.#byAddress(wanted, named, [literal]);
    if (this.#options.resolvedElsewhere) return this.#byName(wanted, named);
    const found = this.#options.resolve(wanted.to.host);
    return found instanceof Promise ? found.then((ips) => this.#byAddress(wanted, named, ips)) : this.#byAddress(wanted, named, found);
  }

  /** The hosts that the list names for somebody; null where everything public is meant. */
  hostsFor({ subject, roles }: Omit<Wanted, 'to'>): readonly string[] | null {
    const { allow } = this.#held;
    if (allow.length === 0) return null;
    return allow.filter((entry) => isOfWho(entry, subject, roles)).flatMap((entry) => hostPattern(entry) ?? []);
  }

  /** A network of the list cannot hold an address that nobody here knows. */
  #byName(wanted: Wanted, named: Ruling): Judged {
    if (named.rule === null && this.#held.allow.length > 0)
      throw new Denied(wanted.to, { is: 'deny', why: 'nothing on the list names it, and its address is looked up elsewhere', rule: null });
    return { addresses: [], ruling: named, note: this.#options.mode === 'watch' ? this.#watched(wanted, null) : null };
  }

  #byAddress(wanted: Wanted, named: Ruling, found: readonly Ip[]): Judged {
    const { here, mode } = this.#options;
    const rulings = found.map((ip) => ({ ip, ruling: judgeAddress(this.#held, wanted, ip, here) }));
    const passed = rulings.filter(({ ruling }) => ruling.is === 'pass');
    const [first] = passed;
    // One that is denied is never dialled, also where all others fail.
    if (first === undefined) throw new Denied(wanted.to, rulings[0]?.ruling ?? named);
    const addresses = passed.map(({ ip }) => ip);
    return { addresses, ruling: first.ruling, note: mode === 'watch' ? this.#watched(wanted, addresses) : null };
  }

  #watched(wanted: Wanted, addresses: readonly Ip[] | null): string | null {
    const named = judgeName(this.#policy, wanted);
    const rulings =
      named.is === 'deny' || addresses === null
        ? [named]
        : addresses.map((ip) => judgeAddress(this.#policy, wanted, ip, this.#options.here));
    const [first] = rulings;
    return first === undefined || rulings.some(({ is }) => is === 'pass') ? null : `would be denied: ${wordsOf(wanted.to, first)}`;
  }
}

export class Denied extends SallyportError {
  readonly ruling: Ruling;

  constructor(to: Destination, ruling: Ruling) {
    super('destination-denied', wordsOf(to, ruling));
    this.ruling = ruling;
  }
}

/** For the record alone: a client hears that it may not, and not why. */
function wordsOf(to: Destination, { why, rule }: Ruling): string {
  return `${destinationText(to)}: ${why}${rule === null ? '' : ` (${rule})`}`;
}

function entriesOf(written: readonly WrittenEntry[]): readonly Entry[] {
  return written.map(({ text, methods, who }) => {
    const parsed = parseEntry(text, { methods, who });
    if (parsed === null) throw new SallyportError('config-malformed', `${JSON.stringify(text)} is no destination.`);
    return parsed;
  });
}

/** Everything public, at every port. */
const everything: readonly Entry[] = entriesOf([{ text: '*:*' }]);
