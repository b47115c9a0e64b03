/** Certificates of an authority for a running gateway: keeps to what the configuration says, and begins when visitors can come. */

import type { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { CertificateSource, Material } from '../../contracts/certificate.ts';
import type { Closable } from '../../contracts/stream.ts';
import type { Store } from '../../contracts/store.ts';
import { parseIp } from '../../core/address.ts';
import { SallyportError } from '../../core/errors.ts';
import { fileFault, systemCode } from '../../core/system-error.ts';
import type { Limits } from '../../core/limits.ts';
import { loadX509 } from '../certificates/x509.ts';
import { shareAnswers, type SharedAnswers } from './answers.ts';
import { createCaHttps } from './https.ts';
import { Keeper, type AcmeEvent } from './keeper.ts';
import { letsEncrypt, letsEncryptStaging, type AcmePlan } from './plan.ts';
import type { ChallengeKind } from './replies.ts';
import { ForeignWatch, plainSerial, type Foreign } from './foreign.ts';

export type AcmeDeskOptions = Readonly<{
  store: Store;
  limits: Limits;
  now: () => number;
  env: NodeJS.ProcessEnv;
  chance: () => number;
  onEvent: (event: AcmeEvent) => void;
}>;

/** What is asked for: null orders nothing, and what the store has is not shown. */
export type AcmeWanted = Readonly<{ plan: AcmePlan; names: readonly string[]; ways: readonly ChallengeKind[] }> | null;

export async function openAcmeDesk(options: AcmeDeskOptions): Promise<AcmeDesk> {
  return new AcmeDesk(options, await shareAnswers(options.store.records, options.now));
}

/**
 * Whether a certificate can be ordered for a name. A public authority gives none for names that are nobody's (Baseline
 * Requirements 4.2.2; RFC 6761, 6762, 8375, 9476); one of a company may.
 */
export function isOrderable(name: string, { directory }: Pick<AcmePlan, 'directory'>): boolean {
  const host = name.replace(/^\*\./, '');
  if (parseIp(host) !== null || !host.includes('.') || host.endsWith('.localhost')) return false;
  const isPublic = directory === letsEncrypt || directory === letsEncryptStaging;
  return !isPublic || !/(?:^|\.)(?:local|internal|home\.arpa|test|example|invalid|onion|alt|lan)$/.test(host);
}

export class AcmeDesk implements CertificateSource, Closable {
  readonly answers: SharedAnswers;
  readonly #options: AcmeDeskOptions;
  readonly #listeners = new Set<() => void>();
  readonly #reachable = Promise.withResolvers<void>();
  readonly #stop = new AbortController();
  #onForeign: (foreign: Foreign) => Promise<void> = async () => undefined;
  #running: Readonly<{ key: string; keeper: Keeper; foreign: ForeignWatch; unwatch: () => void }> | null = null;

  constructor(options: AcmeDeskOptions, answers: SharedAnswers) {
    this.#options = options;
    this.answers = answers;
  }

  /** From now on these: what the store has is there when it resolves. Errors: `file-missing` (`ca`), `config-malformed`, `store-unavailable`. */
  async use(wanted: AcmeWanted, onForeign: (foreign: Foreign) => Promise<void>): Promise<void> {
    this.#onForeign = onForeign;
    const key = wanted === null ? '' : JSON.stringify([wanted.plan, wanted.ways]);
    if (this.#running?.key !== key) {
      const before = this.#running;
      this.#running = wanted === null ? null : await this.#start(wanted, key);
      before?.unwatch();
      before?.foreign.close();
      await before?.keeper.close();
    }
    await this.#running?.keeper.keep(wanted?.names ?? []);
    this.#running?.foreign.follow(wanted?.names ?? []);
  }

  /** Visitors can come: nothing is ordered before, for the authority comes as one. */
  reachable(): void {
    this.#reachable.resolve();
  }

  current(): readonly Material[] {
    return this.#running?.keeper.current() ?? [];
  }

  watch(changed: () => void): () => void {
    this.#listeners.add(changed);
    return () => void this.#listeners.delete(changed);
  }

  /** For `status`. */
  risksOf(hosts: readonly string[]): readonly string[] {
    return hosts.some((host) => this.#running?.keeper.fails(host) === true) ? ['certificate-failed'] : [];
  }

  /** Orders anew, at once; what comes of it is told and kept. Errors: `name-unknown`. */
  begin(name: string): void {
    if (this.#running?.keeper.holds(name) !== true)
      throw new SallyportError('name-unknown', `This process orders no certificate for ${name}.`, {
        hint: 'sallyport certificates list shows the names; acme: in the configuration turns it on.',
      });
    this.#running.keeper.renew(name).catch(() => undefined);
  }

  /** A certificate that is shown where visitors come in, and is not the one that we show. */
  async seen(name: string, shown: X509Certificate): Promise<void> {
    // Our own local CA's is another process's of ours, or ours of a moment ago. No public authority calls itself so.
    if (shown.checkHost(name) === undefined || shown.issuer.startsWith('CN=Sallyport local CA ')) return;
    await this.#running?.foreign.seen(name, plainSerial(shown.serialNumber), shown.issuer);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    const running = this.#running;
    this.#running = null;
    running?.unwatch();
    running?.foreign.close();
    await running?.keeper.close();
    await this.answers.close();
  }

  async #start({ plan, ways }: NonNullable<AcmeWanted>, key: string) {
    // Now, and not with a renewal in three months: its files may be others by then.
    await loadX509();
    const { store, limits, now, env, chance, onEvent } = this.#options;
    const ca = plan.ca === null ? null : await readCa(plan.ca);
    const { signal } = this.#stop;
    const { records, counters } = store;
    const keeper = new Keeper({
      plan,
      records,
      counters,
      https: createCaHttps({ ca, signal }),
      answers: this.answers,
      limits,
      now,
      env,
      ways,
      chance,
      reachable: this.#reachable.promise,
      onEvent,
    });
    const foreign = new ForeignWatch({
      plan,
      records,
      https: createCaHttps({ ca, signal, bytesMax: 8_388_608 }),
      now,
      chance,
      reachable: this.#reachable.promise,
      // The configuration of that moment knows which services there are.
      onForeign: (found) => this.#onForeign(found),
      onEvent,
    });
    const unwatch = keeper.watch(() => {
      for (const listener of this.#listeners) listener();
    });
    return { key, keeper, foreign, unwatch };
  }
}

/** Errors: `file-missing`, `home-unwritable` (may not be read). */
export async function readCa(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') throw new SallyportError('file-missing', `There is no ${path}.`, { cause: error });
    throw fileFault(error, 'reading', path);
  }
}
