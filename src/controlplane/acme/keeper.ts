/** Keeps a certificate of a public authority for each name: ordered, renewed ahead of its end, and the old one shown until then. */

import type { CertificateSource, Material } from '../../contracts/certificate.ts';
import type { Closable } from '../../contracts/stream.ts';
import { SallyportError, type Code } from '../../core/errors.ts';
import { AuthorityRefusal } from './authority.ts';
import { renewalId } from './issued.ts';
import {
  certificatesPrefix,
  findCertificate,
  findState,
  keepState,
  materialOf,
  readCertificate,
  type FailedState,
  type KeptCertificate,
} from './kept.ts';
import { Ordering, type OrderingOptions } from './order-once.ts';
import { challengeKinds, type ChallengeKind } from './replies.ts';
import { askAgainMs, momentIn, renewAt, retryMs } from './schedule.ts';

/** Told to the operator. `until` is the end of what is shown to visitors meanwhile, null when that is the local CA's. */
export type AcmeEvent =
  | Readonly<{ event: 'certificate'; name: string; change: 'ordered' | 'renewed'; expires: string; authority: string }>
  | Readonly<{ event: 'error'; code: Code; message: string; hint: string | null }>;

export type KeeperOptions = Omit<OrderingOptions, 'signal'> &
  Readonly<{
    /** What `challenge: auto` may try, the best first. */
    ways: readonly ChallengeKind[];
    /** From 0 up to, and without, 1. */
    chance: () => number;
    /** Nothing is ordered before: the authority comes as a visitor. Left out: at once. */
    reachable?: Promise<void>;
    onEvent: (event: AcmeEvent) => void;
  }>;

type Held = {
  readonly name: string;
  kept: KeptCertificate | null;
  material: Material | null;
  failed: FailedState;
  /** When it is to be renewed, and when the CA is asked for that again. */
  due: number;
  askAt: number;
  /** The window that `due` was chosen from. */
  window: string;
  timer: NodeJS.Timeout | null;
  /** What runs for it now. */
  turn: Promise<void>;
};

/** Timers cannot be longer than 24 days; a machine that slept notices within half a day. */
const lookMsMax = 43_200_000;
/** A window that has always passed must not make us order without end. */
const renewalPauseMs = 3_600_000;
/** Orders of this process at one moment. */
const lanesMax = 2;

export class Keeper implements CertificateSource, Closable {
  readonly #options: KeeperOptions;
  readonly #ordering: Ordering;
  readonly #stop = new AbortController();
  readonly #stopped = new Promise<void>((resolve) => this.#stop.signal.addEventListener('abort', () => resolve(), { once: true }));
  readonly #held = new Map<string, Held>();
  readonly #listeners = new Set<() => void>();
  readonly #watch: { close(): void };
  readonly #lanes: Promise<unknown>[] = Array.from({ length: lanesMax }, () => Promise.resolve());
  #lane = 0;

  constructor(options: KeeperOptions) {
    this.#options = options;
    this.#ordering = new Ordering({ ...options, signal: this.#stop.signal });
    this.#watch = options.records.watch(certificatesPrefix, ({ entry }) => {
      const kept = readCertificate(entry);
      const held = kept === null ? undefined : this.#held.get(kept.name);
      if (kept !== null && held !== undefined) this.#take(held, kept);
    });
  }

  /** From now on exactly these names. What the store has of them is there when it resolves; the rest follows. */
  async keep(names: readonly string[]): Promise<void> {
    const { limits, records } = this.#options;
    if (names.length > limits.acmeNamesMax)
      throw new SallyportError('config-malformed', `Certificates are ordered for ${limits.acmeNamesMax} names at most.`);
    for (const [name, held] of this.#held) {
      if (names.includes(name)) continue;
      clearTimeout(held.timer ?? undefined);
      this.#held.delete(name);
    }
    for (const name of names.filter((each) => !this.#held.has(each))) {
      const failed = await findState(records, name);
      const held: Held = { name, kept: null, material: null, failed, due: 0, askAt: 0, window: '', timer: null, turn: Promise.resolve() };
      this.#held.set(name, held);
      const kept = await findCertificate(records, name);
      if (kept !== null) this.#take(held, kept);
      this.#schedule(held);
    }
  }

  current(): readonly Material[] {
    return [...this.#held.values()].flatMap(({ material }) => material ?? []);
  }

  watch(changed: () => void): () => void {
    this.#listeners.add(changed);
    return () => void this.#listeners.delete(changed);
  }

  /** Whether the last order failed. */
  fails(name: string): boolean {
    return (this.#held.get(name)?.failed.failures ?? 0) > 0;
  }

  holds(name: string): boolean {
    return this.#held.has(name);
  }

  /** Orders anew, at once, whatever the calendar says. Errors: those of an order, and `name-unknown`. */
  async renew(name: string): Promise<void> {
    const held = this.#held.get(name);
    if (held === undefined) throw new SallyportError('name-unknown', `No certificate is ordered for ${name} here.`);
    await this.#inTurn(held, async () => {
      await this.#order(held);
      if (held.failed.failures > 0) throw new SallyportError(held.failed.code as Code, held.failed.why);
    });
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#watch.close();
    for (const { timer } of this.#held.values()) clearTimeout(timer ?? undefined);
    await Promise.all([...this.#held.values()].map(({ turn }) => turn.catch(() => undefined)));
    this.#held.clear();
    await this.#options.https.close();
  }

  #take(held: Held, kept: KeptCertificate): void {
    const { now, chance, plan } = this.#options;
    const material = materialOf(kept, now());
    if (material === null || material.fingerprint === held.material?.fingerprint) return;
    held.kept = kept;
    held.material = material;
    // Another authority was chosen since: this one is shown until that one has given its own.
    held.due = kept.directory === plan.directory ? renewAt(material, chance()) : 0;
    held.askAt = 0;
    held.window = '';
    for (const listener of this.#listeners) listener();
  }

  #schedule(held: Held): void {
    if (this.#stop.signal.aborted || this.#held.get(held.name) !== held) return;
    const { now } = this.#options;
    const next = Math.min(Math.max(held.due, held.failed.next), held.material === null ? Infinity : held.askAt);
    clearTimeout(held.timer ?? undefined);
    const look = (): void => {
      this.#inTurn(held, () => this.#look(held)).catch((error: unknown) => this.#tell(held, error));
    };
    held.timer = setTimeout(look, Math.min(Math.max(next - now(), 0), lookMsMax)).unref();
  }

  /** One thing at a time for a name. */
  #inTurn(held: Held, work: () => Promise<void>): Promise<void> {
    const run = held.turn.then(work).finally(() => this.#schedule(held));
    held.turn = run.catch(() => undefined);
    return run;
  }

  async #look(held: Held): Promise<void> {
    const { now } = this.#options;
    if (held.kept !== null && held.askAt <= now()) await this.#askWindow(held, held.kept);
    if (Math.max(held.due, held.failed.next) <= now()) await this.#order(held);
  }

  /** RFC 9773: an early window is how a CA says that this certificate will be revoked. That it does not answer changes nothing. */
  async #askWindow(held: Held, kept: KeptCertificate): Promise<void> {
    const { now, chance, plan } = this.#options;
    held.askAt = now() + askAgainMs(null);
    if (kept.directory !== plan.directory) return;
    try {
      const id = await renewalId(kept.chain);
      const told = id === null ? null : await (await this.#ordering.authority()).renewalInfo(id);
      if (told === null) return;
      held.askAt = now() + askAgainMs(told.retryMs);
      const window = `${told.value.start} ${told.value.end}`;
      // The same window keeps its moment: choosing again each time would come ever earlier.
      if (window !== held.window) held.due = Math.max(momentIn(told.value, chance()), kept.at + renewalPauseMs);
      held.window = window;
    } catch (error) {
      if (!(error instanceof SallyportError)) throw error;
    }
  }

  async #order(held: Held): Promise<void> {
    const { now, records, limits, chance } = this.#options;
    const before = held.kept;
    await Promise.race([this.#options.reachable, this.#stopped]);
    if (this.#stop.signal.aborted) return;
    try {
      const kept = await this.#inLane(() => this.#ordering.order(held.name, this.#wayOf(held), before));
      if (kept === null) {
        // Another process does it: what it writes is told by the store.
        held.failed = { ...held.failed, next: now() + limits.acmeLeaseMs / 2 };
        return;
      }
      this.#take(held, kept);
      held.failed = { ...held.failed, failures: 0, next: 0, code: '', why: '' };
      await keepState(records, held.failed);
      this.#options.onEvent({
        event: 'certificate',
        name: held.name,
        change: before === null ? 'ordered' : 'renewed',
        expires: new Date(held.material?.notAfter ?? now()).toISOString(),
        authority: new URL(kept.directory).host,
      });
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      const failures = held.failed.failures + 1;
      const wanted = error instanceof AuthorityRefusal ? error.retryAfterMs : null;
      const bounds = { firstMs: limits.acmeRetryMs, mostMs: limits.acmeRetryMsMax };
      const next = now() + retryMs(failures, bounds, chance(), wanted);
      const known = error instanceof SallyportError;
      held.failed = { name: held.name, failures, next, code: known ? error.code : 'program-failed', why: messageOf(error).slice(0, 1_000) };
      this.#tell(held, error);
      await keepState(records, held.failed);
    }
  }

  /** `auto` tries one way after the other. A name with `*` has one only (RFC 8555, 8.4 and Baseline Requirements 3.2.2.4). */
  #wayOf({ name, failed }: Held): ChallengeKind {
    const { plan, ways } = this.#options;
    if (plan.challenge !== 'auto') return plan.challenge;
    const able = name.startsWith('*.') ? (['dns-01'] as const) : ways.length === 0 ? challengeKinds : ways;
    return able[failed.failures % able.length] ?? 'tls-alpn-01';
  }

  #inLane<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#lane = (this.#lane + 1) % lanesMax;
    const run = (this.#lanes[this.#lane] ?? Promise.resolve()).then(work);
    this.#lanes[this.#lane] = run.catch(() => undefined);
    return run;
  }

  #tell({ name, material, failed }: Held, error: unknown): void {
    const { onEvent, now } = this.#options;
    const shown =
      material === null || material.notAfter <= now()
        ? 'Visitors see the certificate of the local CA.'
        : `The one that is there goes on until ${new Date(material.notAfter).toISOString()}.`;
    onEvent({
      event: 'error',
      code: error instanceof SallyportError ? error.code : 'program-failed',
      message: `No new certificate for ${name}: ${messageOf(error)} ${shown} Next try: ${new Date(failed.next).toISOString()}.`,
      hint: error instanceof SallyportError ? error.hint : null,
    });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
