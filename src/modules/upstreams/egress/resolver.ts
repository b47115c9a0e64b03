/** Names of destinations to addresses: asked once, remembered for a while, never by the system's own search for names. */

import { Resolver } from 'node:dns/promises';
import { parseIp, type Ip } from '../../../core/address.ts';
import { SallyportError } from '../../../core/errors.ts';
import type { Limits } from '../../../core/limits.ts';
import { systemCode } from '../../../core/system-error.ts';

/** One question of one kind. Rejects with the code of c-ares: `ENOTFOUND`, `ENODATA`, `ESERVFAIL`, `ETIMEOUT` … */
export type Ask = (name: string, version: 4 | 6) => Promise<readonly Readonly<{ address: string; ttl: number }>[]>;

type ResolverLimits = Pick<Limits, 'resolverMs' | 'resolverNamesMax' | 'resolverAgeMs' | 'resolverQueriesMax' | 'destinationAddressesMax'>;

export type ResolverOptions = Readonly<{ ask: Ask; now: () => number; limits: ResolverLimits }>;

type Known = Readonly<{ addresses: readonly Ip[]; until: number }>;

/** How long addresses of one version wait for those of the other (RFC 8305, 3). */
const OTHER_MS = 50;
/** A record that may not be kept at all is kept for one moment: a page asks for its host many times at once. */
const AGE_MS_MIN = 1_000;

export class NameResolver {
  readonly #options: ResolverOptions;
  /** In the order in which they were asked for: the oldest goes first. */
  readonly #known = new Map<string, Known>();
  readonly #asking = new Map<string, Promise<readonly Ip[]>>();

  constructor(options: ResolverOptions) {
    this.#options = options;
  }

  /**
   * The addresses of a canonical name, at least one. What they are is for the caller to judge, each time.
   * Errors: `destination-unresolved`, `resolver-timed-out`, `connections-exceeded`.
   */
  resolve(name: string): readonly Ip[] | Promise<readonly Ip[]> {
    const known = this.#known.get(name);
    if (known !== undefined && known.until > this.#options.now()) return known.addresses;
    const asking = this.#asking.get(name);
    if (asking !== undefined) return asking;
    if (this.#asking.size >= this.#options.limits.resolverQueriesMax)
      throw new SallyportError('connections-exceeded', 'as many names are being looked up as may be');
    const found = this.#resolve(name).finally(() => this.#asking.delete(name));
    this.#asking.set(name, found);
    return found;
  }

  async #resolve(name: string): Promise<readonly Ip[]> {
    const { limits, now } = this.#options;
    const { addresses, ttl } = await this.#both(name);
    if (addresses.length === 0) throw new SallyportError('destination-unresolved', 'the name has no address');
    const ageMs = Math.min(Math.max(ttl * 1_000, AGE_MS_MIN), limits.resolverAgeMs);
    this.#known.delete(name);
    if (this.#known.size >= limits.resolverNamesMax) this.#known.delete(this.#known.keys().next().value ?? '');
    this.#known.set(name, { addresses, until: now() + ageMs });
    return addresses;
  }

  /** Both versions at once. An answer of one does not wait long for the other, and its failure is no failure. */
  #both(name: string): Promise<Readonly<{ addresses: readonly Ip[]; ttl: number }>> {
    const { ask, limits } = this.#options;
    return new Promise((resolve, reject) => {
      const found: Ip[] = [];
      let ttl = Infinity;
      let open = 2;
      let failure: SallyportError | null = null;
      let late: NodeJS.Timeout | null = null;
      const settle = (): void => {
        clearTimeout(timer);
        if (late !== null) clearTimeout(late);
        if (found.length === 0 && failure !== null) reject(failure);
        else resolve({ addresses: found.slice(0, limits.destinationAddressesMax), ttl });
      };
      const timer = setTimeout(() => {
        failure ??= new SallyportError('resolver-timed-out', 'the resolver did not answer in time');
        settle();
      }, limits.resolverMs);
      const answered = (): void => {
        open -= 1;
        if (open === 0) settle();
        else if (found.length > 0) late = setTimeout(settle, OTHER_MS);
      };
      for (const version of [6, 4] as const) {
        ask(name, version).then(
          (records) => {
            for (const record of records) {
              const ip = parseIp(record.address);
              if (ip !== null) found.push(ip);
              ttl = Math.min(ttl, record.ttl);
            }
            answered();
          },
          (error: unknown) => {
            failure ??= failureOf(systemCode(error));
            answered();
          },
        );
      }
    });
  }
}

/** That there is no such record is an answer, not a failure. */
function failureOf(code: string | null): SallyportError | null {
  if (code === 'ENODATA' || code === 'ENOTFOUND') return null;
  if (code === 'ETIMEOUT') return new SallyportError('resolver-timed-out', 'the resolver did not answer in time');
  return new SallyportError('destination-unresolved', `the resolver failed (${code ?? 'unnamed'})`);
}

/** Asks name servers over the network: absolute names only, no search domains, no file of hosts. @param servers null for the system's */
export function networkAsk(servers: readonly string[] | null, { resolverMs }: Pick<Limits, 'resolverMs'>): Ask {
  const resolver = new Resolver({ timeout: Math.ceil(resolverMs / 3), tries: 2 });
  if (servers !== null) resolver.setServers(servers);
  return (name, version) => (version === 4 ? resolver.resolve4(name, { ttl: true }) : resolver.resolve6(name, { ttl: true }));
}
