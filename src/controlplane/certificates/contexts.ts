/** Which certificate a visitor sees: by the canonical name asked for, ready before the first one comes, renewed ahead of its end. */

import { randomBytes } from 'node:crypto';
import type { SecureContext } from 'node:tls';
import type { CertificateSource, Material } from '../../contracts/certificate.ts';
import type { Closable } from '../../contracts/stream.ts';
import { chosenFor, wildcardOf } from './choice.ts';
import type { Leaf } from './local-ca.ts';
import { isPublicChain } from './public-roots.ts';
import { Shown, type Facts } from './shown.ts';
import { sharedBy, ticketKeysMs, type Shared, type TlsPolicy } from './tls-settings.ts';

/** How often the ends of the certificates are looked at. */
const lookMs = 3_600_000;
/** A leaf is renewed when less than a third of its life is left: two days and more to notice that it fails. */
const renewMs = (7 * 86_400_000) / 3;
/** Of a certificate that we do not renew ourselves: the last fifth of its life, three weeks at most. Whoever renews it did so at a third. */
const endingShare = 1 / 5;
const endingMsMax = 21 * 86_400_000;

export type ContextsOptions = Readonly<{
  /** `LocalCa.leafFor`: for names that no source has a certificate for. */
  leafFor: (names: readonly string[]) => Promise<Leaf>;
  /** The operator's files, an ACME account, in this order: the first that has a certificate for a name is shown, and all go before our own. */
  sources?: readonly CertificateSource[];
  now: () => number;
  /** Called when a certificate was made: for `ready` events and for notices. */
  made?: (names: readonly string[], leaf: Leaf) => void;
  /** Called when a renewal failed; the old certificate goes on as long as it lives. */
  failed?: (names: readonly string[], error: unknown) => void;
  /** A certificate that others must renew is near its end, or beyond it. Once a look. */
  ending?: (material: Material) => void;
  /** Whether every browser takes a chain. */
  isPublic?: (chain: string) => boolean;
}>;

/** What is to be shown, and how. */
export type Wanted = Readonly<{
  /** Canonical names, wildcards too: for each alone (a visitor of one learns nothing of the others). */
  hosts: readonly string[];
  /** Shown together to clients that send no name. */
  addresses: readonly string[];
  /** Whether a name that only a source's certificate has is ours as well: a service that answers to every name. */
  any?: boolean;
  policy?: TlsPolicy;
}>;

export interface Contexts extends Closable {
  /** From now on exactly these. Resolves when all are there; when one cannot be made, throws and leaves everything as it was. */
  serve(wanted: Wanted): Promise<void>;
  /** For a canonical host, or for none. Null: no certificate, so no handshake. Synchronous: stands on the road. */
  contextFor(host: string | null): SecureContext | null;
  /** The same, where the visitor is asked for a client certificate of one of these authorities (PEM). No session is resumed there. */
  askingFor(host: string | null, roots: readonly string[]): SecureContext | null;
  /** Without a certificate: what a handshake begins with until the name is known. */
  base(): SecureContext;
  /** What a visitor of that name is shown. */
  leafOf(host: string | null): Facts | null;
  /** Whether every browser takes what a visitor of that name is shown. */
  isPublic(host: string): boolean;
}

type All = Readonly<{ byName: ReadonlyMap<string | null, Shown>; wanted: Wanted }>;

export function createContexts(options: ContextsOptions): Contexts {
  return new Certificates(options);
}

class Certificates implements Contexts {
  readonly #options: ContextsOptions;
  /** One for the process: a ticket of one name's listener is good at another's, and OpenSSL asks for the name again. */
  readonly #sessionIdContext = randomBytes(16).toString('hex');
  readonly #ends: (() => void)[] = [];
  #all: All = { byName: new Map(), wanted: { hosts: [], addresses: [] } };
  #shared: Shared;
  /** One after the other. */
  #turn: Promise<void> = Promise.resolve();

  constructor(options: ContextsOptions) {
    this.#options = options;
    this.#shared = sharedBy('intermediate', this.#sessionIdContext);
    const looking = setInterval(() => void this.#look(), lookMs).unref();
    const turning = setInterval(() => this.#turnKeys(), ticketKeysMs).unref();
    this.#ends.push(() => (clearInterval(looking), clearInterval(turning)));
    for (const source of options.sources ?? []) this.#ends.push(source.watch(() => void this.#again()));
  }

  serve(wanted: Wanted): Promise<void> {
    const serving = this.#turn.then(() => this.#serve(wanted));
    this.#turn = serving.catch(() => undefined);
    return serving;
  }

  contextFor(host: string | null): SecureContext | null {
    return this.#shownFor(host)?.contextFor(this.#shared) ?? null;
  }

  askingFor(host: string | null, roots: readonly string[]): SecureContext | null {
    return this.#shownFor(host)?.askingFor(this.#shared, roots) ?? null;
  }

  base(): SecureContext {
    return this.#shared.base;
  }

  leafOf(host: string | null): Facts | null {
    return this.#shownFor(host)?.facts ?? null;
  }

  isPublic(host: string): boolean {
    return this.#shownFor(host)?.facts.isPublic ?? false;
  }

  async close(): Promise<void> {
    for (const end of this.#ends) end();
    this.#all = { byName: new Map(), wanted: { hosts: [], addresses: [] } };
  }

  #shownFor(host: string | null): Shown | null {
    const { byName } = this.#all;
    const exact = byName.get(host);
    if (exact !== undefined || host === null) return exact ?? null;
    const wildcard = wildcardOf(host);
    return (wildcard === null ? undefined : byName.get(wildcard)) ?? null;
  }

  async #serve(wanted: Wanted): Promise<void> {
    const materials = this.#materials();
    const byName = new Map<string | null, Shown>();
    const names = new Map<string | null, readonly string[]>(wanted.hosts.map((host) => [host, [host]]));
    if (wanted.any === true) for (const name of materials.flatMap((each) => each.names)) names.set(name, [name]);
    if (wanted.addresses.length > 0 || materials.some(({ isDefault }) => isDefault === true)) names.set(null, wanted.addresses);
    for (const [host, asked] of names) byName.set(host, this.#chosen(host, asked) ?? (await this.#local(host, asked)));
    const policy = wanted.policy ?? 'intermediate';
    if (policy !== (this.#all.wanted.policy ?? 'intermediate')) this.#shared = sharedBy(policy, this.#sessionIdContext);
    this.#all = { byName, wanted };
  }

  #materials(): readonly Material[] {
    return (this.#options.sources ?? []).flatMap((source) => source.current());
  }

  /** Of the first source that has one in time; what has ended is better than none. */
  #materialFor(host: string | null, names: readonly string[]): Material | null {
    const now = this.#options.now();
    const found = (this.#options.sources ?? []).map((source) => chosenFor(source.current(), host, names, now));
    return found.find((each) => each !== null && each.notAfter > now) ?? found.find((each) => each !== null) ?? null;
  }

  /** What a source has for it, the same as before where it is the same. */
  #chosen(host: string | null, names: readonly string[]): Shown | null {
    const material = this.#materialFor(host, names);
    if (material === null) return null;
    for (const shown of this.#all.byName.values()) if (shown.material === material) return shown;
    const isPublic = (this.#options.isPublic ?? isPublicChain)(material.chain);
    return new Shown(material, names, { issuer: isPublic ? null : material.chain, isPublic, isLocal: false });
  }

  async #local(host: string | null, names: readonly string[]): Promise<Shown> {
    const there = this.#all.byName.get(host);
    const same = there?.facts.isLocal === true && there.names.join() === names.join();
    return same && !this.#isDue(there) ? there : this.#make(names);
  }

  #isDue({ material }: Shown): boolean {
    return material.notAfter - this.#options.now() <= renewMs;
  }

  async #make(names: readonly string[]): Promise<Shown> {
    const leaf = await this.#options.leafFor(names);
    const material: Material = { ...leaf, names, notBefore: this.#options.now() };
    const shown = new Shown(material, names, { issuer: leaf.issuer, isPublic: false, isLocal: true });
    // What TLS does not take is found here, and not when a visitor comes.
    shown.contextFor(this.#shared);
    this.#options.made?.(names, leaf);
    return shown;
  }

  /** A source has another certificate. */
  async #again(): Promise<void> {
    try {
      await this.serve(this.#all.wanted);
    } catch (error) {
      this.#options.failed?.(this.#all.wanted.hosts, error);
    }
  }

  async #look(): Promise<void> {
    const said = new Set<Material>();
    for (const [host, old] of this.#all.byName) {
      if (!old.facts.isLocal) {
        if (this.#isEnding(old.material) && !said.has(old.material)) this.#options.ending?.(old.material);
        said.add(old.material);
      } else if (this.#isDue(old)) await this.#renew(host, old);
    }
  }

  #isEnding({ notBefore, notAfter }: Material): boolean {
    return notAfter - this.#options.now() < Math.min(endingMsMax, (notAfter - notBefore) * endingShare);
  }

  async #renew(host: string | null, old: Shown): Promise<void> {
    try {
      const fresh = await this.#make(old.names);
      const { byName, wanted } = this.#all;
      // Only if nobody served something else meanwhile.
      if (byName.get(host) === old) this.#all = { byName: new Map(byName).set(host, fresh), wanted };
    } catch (error) {
      this.#options.failed?.(old.names, error);
    }
  }

  #turnKeys(): void {
    this.#shared = sharedBy(this.#all.wanted.policy ?? 'intermediate', this.#sessionIdContext);
  }
}
