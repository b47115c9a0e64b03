/** Tells the owner when a service takes visitors for local ones, or refuses them because they do not look local. */

import type { AuditEvent } from '../../core/audit/event.ts';
import type { ServicePlan } from '../config/plan.ts';
import { isLoopbackHost } from '../config/presets.ts';
import type { GatewayEvent } from '../config/running.ts';
import { ownSource } from '../config/source.ts';
import { whoListens } from './listening.ts';
import { probeSource } from './loopback.ts';

/** What the owner should know of a service: codes that `status` shows. */
export type Risk = 'source-local' | 'source-shared' | 'source-refused';

export type SourcesOptions = Readonly<{
  platform: string;
  onEvent: (event: GatewayEvent) => void;
  /** Handed in by tests. */
  probe?: typeof probeSource;
  listening?: typeof whoListens;
}>;

/** An answer that says "not you". */
const REFUSALS: ReadonlySet<number> = new Set([401, 403, 407, 421]);
/** A service that closes without a word may be broken; one that never did anything else may be refusing us. */
const BROKEN_MAX = 3;

type Watched = {
  readonly plan: ServicePlan;
  readonly host: string;
  readonly port: number;
  /** Our own address towards it; null where the system has none for us. */
  readonly source: string | null;
  listened: boolean;
  answered: boolean;
  broken: number;
  /** Both addresses were tried, or are being tried: once for each configuration. */
  probed: boolean;
  risks: readonly Risk[];
};

/**
 * Sends nothing to a service unasked: who was shut out is no reason to knock. Only when a service refuses somebody
 * whom we let in are both addresses tried, once, with a GET of `/` each.
 */
export class Sources {
  readonly #options: Required<SourcesOptions>;
  #watched: ReadonlyMap<string, Watched> = new Map();

  constructor(options: SourcesOptions) {
    this.#options = { probe: probeSource, listening: whoListens, ...options };
  }

  /** From now on exactly these. What did not change is not asked again. */
  watch(plans: readonly ServicePlan[]): void {
    const before = this.#watched;
    this.#watched = new Map(
      plans.flatMap((plan) => {
        const old = before.get(plan.name);
        if (old !== undefined && isSame(old.plan, plan)) return [[plan.name, old] as const];
        const fresh = watchedOf(plan, this.#options.platform);
        return fresh === null ? [] : [[plan.name, fresh] as const];
      }),
    );
  }

  risksOf(service: string): readonly Risk[] {
    return this.#watched.get(service)?.risks ?? [];
  }

  /** Everything that happens to the gateway; what does not matter here costs one look. */
  hear(event: GatewayEvent): void {
    if (event.event === 'exchange') this.#exchange(event.record);
    else if (event.event === 'ready') void this.#ready(event.service);
  }

  async #ready(service: string): Promise<void> {
    const watched = this.#watched.get(service);
    if (watched === undefined || watched.listened) return;
    watched.listened = true;
    if (watched.source === null && watched.plan.from === null) {
      this.#share(watched, `this system has no second loopback address`);
      return;
    }
    const found = await this.#options.listening(watched.port);
    if (found === 'v6' && watched.host === 'localhost') this.#share(watched, 'it listens on ::1 alone, and there is one ::1 only');
    if (found !== 'nobody') return;
    // Looked at once more when it has answered: which address it took is not known before.
    watched.listened = false;
    if (watched.answered) return;
    this.#warn(
      'upstream-refused',
      `Nothing seems to listen on port ${watched.port} of this machine yet.`,
      `Start ${service}, or check the port. Until then visitors see a page that tries again by itself.`,
    );
  }

  #exchange({ service, verdict, status, code }: AuditEvent): void {
    if (service === null) return;
    const watched = this.#watched.get(service);
    if (watched === undefined || watched.probed) return;
    if (code === 'upstream-broken' && !watched.answered) {
      watched.broken += 1;
      if (watched.broken >= BROKEN_MAX) void this.#probe(watched);
    }
    if (verdict !== 'pass' || code !== null || status === null) return;
    if (!watched.answered) {
      watched.answered = true;
      void this.#ready(service);
    }
    if (REFUSALS.has(status)) void this.#probe(watched);
  }

  async #probe(watched: Watched): Promise<void> {
    const { source, port, host, plan } = watched;
    if (source === null) return;
    watched.probed = true;
    const found = await this.#options.probe({ host: host === 'localhost' ? '127.0.0.1' : host, port, source, speaks: 'http' });
    if (found.is === 'not-possible-here') this.#share(watched, found.why);
    if (found.is !== 'source-refused') return;
    watched.risks = [...watched.risks, 'source-refused'];
    this.#warn('source-refused', `${plan.name} does not take us as it takes 127.0.0.1: ${found.why}.`, found.lines.join(' '));
  }

  #share(watched: Watched, why: string): void {
    if (watched.risks.includes('source-shared')) return;
    watched.risks = [...watched.risks, 'source-shared'];
    const { name } = watched.plan;
    this.#warn(
      'source-shared',
      `${name} sees every visitor come from this machine: ${why}.`,
      `Who is local must not be asked by address there. The visitor's own is in X-Forwarded-For.`,
    );
  }

  #warn(code: string, message: string, hint: string): void {
    this.#options.onEvent({ event: 'warning', code, message, hint });
  }
}

/** Null where there is nothing to ask: a folder, another machine, an address that its owner has chosen. */
function watchedOf(plan: ServicePlan, platform: string): Watched | null {
  const { behind } = plan;
  // With a PROXY header it knows who comes, and takes nothing that does not begin with one.
  if (behind.is !== 'http' || behind.socket !== undefined || plan.proxy !== null || !isLoopbackHost(behind.host)) return null;
  const local = plan.from?.startsWith('127.0.0.') === true;
  if (plan.from !== null && !local) return null;
  return {
    plan,
    host: behind.host.endsWith('localhost') ? 'localhost' : behind.host,
    port: behind.port,
    source: plan.from === null ? ownSource(plan.name, behind.host, platform) : null,
    listened: false,
    answered: false,
    broken: 0,
    probed: local,
    risks: local ? ['source-local'] : [],
  };
}

function isSame(one: ServicePlan, other: ServicePlan): boolean {
  if (one.behind.is !== 'http' || other.behind.is !== 'http' || one.from !== other.from || one.proxy !== other.proxy) return false;
  return one.behind.host === other.behind.host && one.behind.port === other.behind.port;
}
