/** Orders for a name under its lease: one process does it, and the others find what it wrote. */

import type { Counters, Records } from '../../contracts/store.ts';
import { SallyportError } from '../../core/errors.ts';
import type { Limits } from '../../core/limits.ts';
import { openAccount, registerAgain, type AccountOptions } from './account.ts';
import type { SharedAnswers } from './answers.ts';
import { AuthorityRefusal, type Authority } from './authority.ts';
import type { CaHttps } from './https.ts';
import { renewalId } from './issued.ts';
import { findCertificate, keepCertificate, type KeptCertificate } from './kept.ts';
import { underLease } from './lease.ts';
import { obtain, orderRecord } from './obtain.ts';
import { keyOf, type AcmePlan } from './plan.ts';
import type { ChallengeKind } from './replies.ts';

export type OrderingOptions = Readonly<{
  plan: AcmePlan;
  records: Records;
  counters: Counters;
  https: CaHttps;
  answers: SharedAnswers;
  limits: Limits;
  now: () => number;
  env: NodeJS.ProcessEnv;
  /** Ends what runs. */
  signal: AbortSignal;
}>;

const hourMs = 3_600_000;

export class Ordering {
  readonly #options: OrderingOptions;
  #authority: Promise<Authority> | null = null;

  constructor(options: OrderingOptions) {
    this.#options = options;
  }

  /** With our account; made when it is first needed. Errors: `terms-unaccepted`, those of the authority and the store. */
  authority(): Promise<Authority> {
    this.#authority ??= openAccount(this.#account());
    this.#authority.catch(() => (this.#authority = null));
    return this.#authority;
  }

  /**
   * A certificate newer than `before`: ordered now, or found because another process was faster. Null while another orders.
   * Errors: those of `obtain`, `terms-unaccepted`, `certificate-refused` when this hour's orders are used up.
   */
  order(name: string, kind: ChallengeKind, before: KeptCertificate | null): Promise<KeptCertificate | null> {
    const { records, limits } = this.#options;
    const lease = { key: `acme-leases/${keyOf(name)}`, ttlMs: limits.acmeLeaseMs };
    return underLease(records, lease, async (lost) => {
      const there = await findCertificate(records, name);
      if (there !== null && there.directory === this.#options.plan.directory && there.at > (before?.at ?? 0)) return there;
      await this.#count(name);
      const authority = await this.authority();
      return this.#obtain(name, kind, there, authority, lost).catch(async (error: unknown) => {
        if (!(error instanceof AuthorityRefusal) || error.type !== 'accountDoesNotExist') throw error;
        await registerAgain(authority, this.#account());
        return this.#obtain(name, kind, there, authority, lost);
      });
    });
  }

  async #obtain(
    name: string,
    kind: ChallengeKind,
    there: KeptCertificate | null,
    authority: Authority,
    lost: AbortSignal,
  ): Promise<KeptCertificate> {
    const { plan, records, answers, limits, now, env, signal } = this.#options;
    const directory = await authority.directory();
    const follows = directory.renewalInfo !== undefined && there?.directory === plan.directory ? await renewalId(there.chain) : null;
    const material = await obtain(name, {
      records,
      authority,
      answers,
      kind,
      hook: plan.hook,
      profile: plan.profile,
      replaces: follows,
      limits,
      now,
      env,
      signal: AbortSignal.any([signal, lost]),
    });
    const kept = await keepCertificate(records, { name, directory: plan.directory, material, before: there, at: now() });
    await records.delete(orderRecord(name));
    return kept;
  }

  async #count(name: string): Promise<void> {
    const { counters, limits } = this.#options;
    if ((await counters.add('acme-orders', 1, hourMs)) > limits.acmeOrdersPerHourMax)
      throw new SallyportError('certificate-refused', `${name} waits: there were ${limits.acmeOrdersPerHourMax} orders within an hour.`);
  }

  #account(): AccountOptions {
    const { plan, records, https, now } = this.#options;
    return { records, https, now, directory: plan.directory, email: plan.email, agree: plan.agree };
  }
}
