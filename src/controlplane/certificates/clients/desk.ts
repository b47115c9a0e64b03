/** All authorities of client certificates that a gateway knows: its own, and those of files. */

import type {
  Authority,
  AuthorityPlan,
  CertificateFound,
  ClientCertificates,
  OwnAuthority,
} from '../../../contracts/client-certificates.ts';
import type { Closable } from '../../../contracts/stream.ts';
import { SallyportError } from '../../../core/errors.ts';
import { certificateSubject } from '../../../core/policy/certificate-subject.ts';
import type { Limits } from '../../../core/limits.ts';
import { FileAuthority } from './file-authority.ts';
import { loadX509 } from '../x509.ts';
import { outOfTime, Prover } from './prover.ts';
import type { ClientRegister } from './register.ts';

export interface ClientDesk extends ClientCertificates, Closable {
  /** A configuration is read from here on. */
  begin(): void;
  /** Resolves when the lists of all that it named are read. Errors: `file-missing`, `certificate-unusable`. */
  settled(): Promise<void>;
  /** Whether nothing has come up against it since it was let in. */
  stands(fingerprint: string): boolean;
  /** Called when somebody may not stand any more, with the subjects of which that is known. */
  watch(changed: (ended: readonly string[]) => void): void;
}

export type ClientDeskOptions = Readonly<{
  register: ClientRegister;
  limits: Limits;
  now: () => number;
  /** A list cannot be used. Once for each mistake. */
  failed: (error: SallyportError) => void;
  /** A list is near its end, and no newer one has come. */
  ending?: (path: string, at: number) => void;
  /** How often files are looked at. */
  lookMs?: number;
}>;

/** So often all that runs is held against what stands, whoever it was. */
const looksPerSweep = 60;
/** So many certificates are held against the time with each look: what runs ends with its certificate, and not a minute later. */
const watchedMax = 1_000;
/** Names of one certificate at different services: one of each kind. */
const subjectsMax = 4;

export function createClientDesk(options: ClientDeskOptions): ClientDesk {
  return new Desk(options);
}

class Desk implements ClientDesk {
  readonly #options: ClientDeskOptions;
  readonly #files = new Map<string, FileAuthority>();
  readonly #listeners = new Set<(ended: readonly string[]) => void>();
  /** By fingerprint: who was let in by it. */
  readonly #subjects = new Map<string, Set<string>>();
  readonly #looking: NodeJS.Timeout;
  readonly #prover: Prover;
  #fresh: FileAuthority[] = [];
  #looks = 0;
  readonly own: OwnAuthority;

  constructor(options: ClientDeskOptions) {
    this.#options = options;
    const { register, now, limits } = options;
    this.#prover = new Prover(
      () => register.authorities(),
      (path) => outOfTime(path, now()) ?? (register.find(path.holder.fingerprint) === null ? taken : null),
      limits.clientCertificatesMax,
    );
    let known: Readonly<{ of: unknown; pem: readonly string[] }> | null = null;
    this.own = {
      roots: () => {
        const authorities = register.authorities();
        if (known?.of !== authorities) known = { of: authorities, pem: authorities.map((each) => each.toString()) };
        return known.pem;
      },
      judge: (shown) => this.#prover.judge(shown),
      find: (fingerprint) => register.find(fingerprint),
      list: () => register.all().filter(({ revokedAt }) => revokedAt === null),
    };
    register.watch((name) => this.#tell([certificateSubject(name)]));
    this.#looking = setInterval(() => this.#look(), options.lookMs ?? 1_000).unref();
  }

  readonly authority = (plan: AuthorityPlan): Authority => {
    const key = JSON.stringify(plan);
    const there = this.#files.get(key);
    // Files of authorities are read with each configuration: the same names may hold others.
    const made = new FileAuthority({
      plan,
      now: this.#options.now,
      newest: this.#options.register.newest,
      listBytesMax: this.#options.limits.revocationListBytesMax,
      heldMax: this.#options.limits.clientCertificatesMax,
      failed: this.#options.failed,
      ending: this.#options.ending,
      changed: () => this.#tell(),
    });
    if (there !== undefined && there.roots().join() === made.roots().join()) {
      this.#fresh.push(there);
      return there;
    }
    if (there === undefined && this.#files.size >= this.#options.limits.clientAuthoritiesMax)
      throw new SallyportError(
        'config-malformed',
        `mtls names more than ${this.#options.limits.clientAuthoritiesMax} different sets of files.`,
      );
    this.#files.set(key, made);
    this.#fresh.push(made);
    return made;
  };

  readonly letIn = (fingerprint: string, subject: string): void => {
    const there = this.#subjects.get(fingerprint);
    if (there !== undefined) return void (there.size < subjectsMax && there.add(subject));
    // Whoever is forgotten by the authorities is forgotten here, with the next look.
    if (this.#subjects.size < this.#options.limits.clientCertificatesMax) this.#subjects.set(fingerprint, new Set([subject]));
  };

  begin(): void {
    this.#fresh = [];
  }

  async settled(): Promise<void> {
    // Now, and not with the first visitor in some weeks: its files may be others by then.
    if (this.#fresh.length > 0 || this.#options.register.authorities().length > 0) await loadX509();
    for (const authority of this.#fresh) await authority.load();
  }

  stands(fingerprint: string): boolean {
    const said = [this.#prover, ...this.#files.values()].map((each) => each.stands(fingerprint)).filter((each) => each !== null);
    return said.length > 0 && said.every(Boolean);
  }

  watch(changed: (ended: readonly string[]) => void): void {
    this.#listeners.add(changed);
  }

  async close(): Promise<void> {
    clearInterval(this.#looking);
    this.#listeners.clear();
    this.#options.register.close();
  }

  #look(): void {
    for (const authority of this.#files.values()) void authority.look();
    this.#looks += 1;
    if (this.#looks % looksPerSweep === 0 || this.#anyEnded()) this.#tell();
  }

  #anyEnded(): boolean {
    if (this.#subjects.size > watchedMax) return false;
    for (const fingerprint of this.#subjects.keys()) if (!this.stands(fingerprint)) return true;
    return false;
  }

  #tell(known: readonly string[] = []): void {
    const ended = new Set(known);
    for (const [fingerprint, subjects] of this.#subjects) {
      if (this.stands(fingerprint)) continue;
      this.#subjects.delete(fingerprint);
      for (const subject of subjects) ended.add(subject);
    }
    for (const listener of this.#listeners) listener([...ended]);
  }
}

const taken: Exclude<CertificateFound, { is: 'good' }> = { is: 'wrong', why: 'the certificate was revoked, or is none that was made here' };
