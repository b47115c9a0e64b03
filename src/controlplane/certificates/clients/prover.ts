/** What a connection's certificate came to: worked out once for the connection, and held against the time and the lists with each request. */

import type { X509Certificate } from 'node:crypto';
import type { CertificateFound } from '../../../contracts/client-certificates.ts';
import type { ClientCertificate } from '../../../core/policy/exchange.ts';
import { loadX509 } from '../x509.ts';
import { findPath, type Path } from './path.ts';

type Fault = Exclude<CertificateFound, { is: 'good' }>;
type Proved = Readonly<{ is: 'path'; path: Path }> | Fault;

/** What can change while a path stays: its time, what was taken back. Null: it stands. */
export type Standing = (path: Path) => Fault | null;

export class Prover {
  readonly #roots: () => readonly X509Certificate[];
  readonly #standing: Standing;
  readonly #held: number;
  readonly #proved = new WeakMap<ClientCertificate, Proved | Promise<Proved>>();
  /** Those that were found good, by fingerprint: what runs by them is held against the lists without a request. */
  readonly #paths = new Map<string, Path>();

  /** @param held how many are remembered; of more the one shown first is forgotten, and does not stand */
  constructor(roots: () => readonly X509Certificate[], standing: Standing, held: number) {
    this.#roots = roots;
    this.#standing = standing;
    this.#held = held;
  }

  judge(shown: ClientCertificate): CertificateFound | Promise<CertificateFound> {
    const known = this.#proved.get(shown);
    if (known !== undefined) return known instanceof Promise ? known.then((proved) => this.#now(proved)) : this.#now(known);
    const proving = this.#prove(shown).then((proved) => {
      this.#proved.set(shown, proved);
      return proved;
    });
    this.#proved.set(shown, proving);
    return proving.then((proved) => this.#now(proved));
  }

  /** Null where it was never found good. */
  stands(fingerprint: string): boolean | null {
    const path = this.#paths.get(fingerprint);
    return path === undefined ? null : this.#standing(path) === null;
  }

  /** TLS has held it against every extension and constraint that OpenSSL knows: nothing is read of what it did not take. */
  async #prove(shown: ClientCertificate): Promise<Proved> {
    if (shown.fault === 'CERT_HAS_EXPIRED') return { is: 'expired', why: 'the certificate has ended' };
    if (shown.fault !== null) return wrong(`TLS found no path to an authority of this name (${shown.fault.slice(0, 60)})`);
    try {
      const path = findPath(await loadX509(), shown, this.#roots());
      return typeof path === 'string' ? wrong(path) : { is: 'path', path };
    } catch {
      return wrong('it cannot be read');
    }
  }

  #now(proved: Proved): CertificateFound {
    if (proved.is !== 'path') return proved;
    const { path } = proved;
    const fault = this.#standing(path);
    if (fault !== null) return fault;
    this.#remember(path);
    return { is: 'good', holder: path.holder };
  }

  #remember(path: Path): void {
    const { fingerprint } = path.holder;
    if (this.#paths.get(fingerprint) === path) return;
    this.#paths.delete(fingerprint);
    this.#paths.set(fingerprint, path);
    for (const oldest of this.#paths.keys()) {
      if (this.#paths.size <= this.#held) break;
      this.#paths.delete(oldest);
    }
  }
}

/** Of a path as a whole: a root that has ended ends all below it. */
export function outOfTime({ begins, ends }: Path, now: number): Fault | null {
  if (ends <= now) return { is: 'expired', why: 'the certificate, or an authority above it, has ended' };
  return begins > now ? wrong('the certificate, or an authority above it, is not valid yet') : null;
}

function wrong(why: string): Fault {
  return { is: 'wrong', why };
}
