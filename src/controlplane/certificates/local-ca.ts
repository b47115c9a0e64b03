/** The CA of one state directory: made on first use, able to sign for its own names only, known to nobody until somebody trusts it. */

import { X509Certificate, randomBytes } from 'node:crypto';
import { mkdir, readdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { SallyportError } from '../../core/errors.ts';
import { fileFault, systemCode } from '../../core/system-error.ts';
import type { Home } from '../home.ts';
import { createPrivate, readPrivate, replacePrivate } from '../private-file.ts';
import { certificateName, domainsFor, permits, type CertificateName } from './permitted-names.ts';
import { certificateFingerprint, makeAuthority, makeLeaf } from './signing.ts';

const dayMs = 86_400_000;
/**
 * Two years: who trusted it by hand does it again every other year, and a key that was copied unseen ends.
 * (mkcert takes ten years without constraints; browsers leave the life of hand-trusted roots to their owner.)
 */
const authorityLifeMs = 730 * dayMs;
/** A successor is made so long before the end, and is in `ca.pem` from then on, so that it can be trusted in time. */
const authorityRenewMs = 30 * dayMs;
/** A leaf's key lives in memory only. Seven days is what short-lived public certificates settle on: no revocation needed. */
const leafLifeMs = 7 * dayMs;
const fileBytesMax = 65_536;
/** Each is made by hand of its owner, through a new name: more is a program that goes round in circles. */
const authoritiesMax = 99;

/** PEM but for the fingerprint. */
export type Leaf = Readonly<{
  key: string;
  cert: string;
  /** What the server sends: the leaf. The root is left out (RFC 8446, 4.4.2): who trusts it has it. */
  chain: string;
  /** SHA-256 of the leaf's DER, 64 lower-case hex digits. */
  fingerprint: string;
  /** Milliseconds since 1970. */
  notAfter: number;
  /** The CA that signed it, PEM. */
  issuer: string;
  /** What the owner must be told: a new CA was made for this name, and must be trusted anew where the old one was. */
  notice: string | null;
}>;

export type Authority = Readonly<{
  /** SHA-256 of its DER, 64 lower-case hex digits. */
  fingerprint: string;
  cert: string;
  notAfter: number;
  /** Domains whose names (and all below) it may sign for; loopback and private addresses always. */
  domains: readonly string[];
  addresses: readonly string[];
}>;

export interface LocalCa {
  /** A file with the certificates of all of `authorities`, for `curl --cacert`. */
  readonly path: string;
  /** Those that are valid now, the oldest first. */
  readonly authorities: () => readonly Authority[];
  /**
   * A fresh key and certificate for the names, of the oldest CA that permits all of them, or of a new one.
   * Errors: `name-malformed`, `disk-full`, `home-unwritable`, `home-exposed`.
   */
  readonly leafFor: (names: readonly string[]) => Promise<Leaf>;
  /** Whether a leaf for the name needs no new CA. Errors: `name-malformed`. */
  readonly permits: (name: string) => boolean;
}

const kept = z.strictObject({
  version: z.literal(1),
  domains: z.array(z.string()).readonly(),
  addresses: z.array(z.string()).readonly(),
  key: z.string(),
  cert: z.string(),
});
type Kept = z.infer<typeof kept> & { readonly number: number; readonly notBefore: number; readonly notAfter: number };

/**
 * Opens the CA of a home; the first is made with its constraints around `names` (configured and granted ones).
 * Two processes that start at once end with the same CA. Keys lie in `keys/ca`, 0600.
 * Errors: `name-malformed`, `disk-full`, `home-unwritable`, `home-exposed`.
 */
export async function openLocalCa(
  home: Home,
  options: { readonly names: readonly string[]; readonly now: () => number },
): Promise<LocalCa> {
  const folder = join(home.keys, 'ca');
  await mkdir(folder, { mode: 0o700 }).catch((error: unknown) => {
    if (systemCode(error) !== 'EEXIST') throw fileFault(error, 'making', folder);
  });
  let all = await readAll(folder);
  const valid = (): readonly Kept[] => {
    const now = options.now();
    return all.filter((one) => one.notBefore <= now && now < one.notAfter);
  };
  const fitting = (names: readonly CertificateName[]): Kept | undefined =>
    valid().find((one) => one.notAfter - options.now() > leafLifeMs && names.every((name) => permits(one.domains, one.addresses, name)));
  const succeeded = (): boolean => valid().some((one) => one.notAfter - options.now() > authorityRenewMs);

  /** Either ours was made, or another process's is read: it may not fit, and then ours is made in the next round. */
  const authorityFor = async (names: readonly CertificateName[]): Promise<{ readonly authority: Kept; readonly made: boolean }> => {
    for (;;) {
      const there = fitting(names);
      if (there !== undefined && succeeded()) return { authority: there, made: false };
      const number = (all.at(-1)?.number ?? 0) + 1;
      if (number > authoritiesMax) throw tooMany(folder);
      const made = await createPrivate(fileOf(folder, number), await newAuthority(valid(), names, options.now()));
      all = await readAll(folder);
      await writeBundle(home.ca, folder, valid);
      const authority = fitting(names);
      if (made && authority !== undefined) return { authority, made: number > 1 };
    }
  };

  // With one there already, a name that it does not permit makes another when it is served, and that is said.
  await authorityFor(all.length === 0 ? options.names.map(certificateName) : []);
  await writeBundle(home.ca, folder, valid);
  return {
    path: home.ca,
    authorities: () =>
      valid().map(({ cert, notAfter, domains, addresses }) => ({
        fingerprint: certificateFingerprint(cert),
        cert,
        notAfter,
        domains,
        addresses,
      })),
    permits: (name) => fitting([certificateName(name)]) !== undefined,
    leafFor: async (wanted) => {
      const names = wanted.map(certificateName);
      const { authority, made } = await authorityFor(names);
      const leaf = await makeLeaf(authority, { names, now: options.now(), lifeMs: leafLifeMs });
      return {
        ...leaf,
        chain: leaf.cert,
        fingerprint: certificateFingerprint(leaf.cert),
        notAfter: new X509Certificate(leaf.cert).validToDate.getTime(),
        issuer: authority.cert,
        notice: made
          ? `A new local CA was made for ${wanted.join(', ')}: where the old one is trusted, trust this one too (sallyport ca).`
          : null,
      };
    },
  };
}

/** What the valid ones permit already goes on to be permitted by the newest. */
async function newAuthority(older: readonly Kept[], names: readonly CertificateName[], now: number): Promise<string> {
  const last = older.at(-1);
  const wanted = names.filter((name) => !permits(domainsFor([]), [], name));
  const domains = domainsFor([
    ...(last?.domains ?? []),
    ...wanted.filter((name) => name.is === 'dns').map((name) => name.text.replace(/^\*\./, '')),
  ]);
  const addresses = [...new Set([...(last?.addresses ?? []), ...wanted.filter((name) => name.is === 'ip').map((name) => name.text)])];
  // Told apart in a trust store by the machine and four digits.
  const title = `Sallyport local CA ${hostname().slice(0, 32)} ${randomBytes(2).toString('hex')}`;
  const made = await makeAuthority({ title, domains, addresses, now, lifeMs: authorityLifeMs });
  return `${JSON.stringify({ version: 1, domains, addresses, ...made } satisfies z.infer<typeof kept>)}\n`;
}

async function readAll(folder: string): Promise<readonly Kept[]> {
  const numbers = (await readdir(folder)).flatMap((name) => /^(\d{2})\.json$/.exec(name)?.[1] ?? []).toSorted();
  const all: Kept[] = [];
  for (const number of numbers) {
    const path = fileOf(folder, Number(number));
    const text = await readPrivate(path, fileBytesMax);
    if (text === null) continue;
    try {
      const read = kept.parse(JSON.parse(text));
      const cert = new X509Certificate(read.cert);
      all.push({ ...read, number: Number(number), notBefore: cert.validFromDate.getTime(), notAfter: cert.validToDate.getTime() });
    } catch (cause) {
      throw new SallyportError('home-unwritable', `The local CA ${path} is damaged.`, {
        cause,
        hint: 'Restore it from a backup, or remove it: a new one is made, to be trusted anew.',
      });
    }
  }
  return all;
}

/** Written again when another process added one meanwhile: the last writer has seen all. */
async function writeBundle(path: string, folder: string, valid: () => readonly Kept[]): Promise<void> {
  for (let before = -1, count = (await readdir(folder)).length; before !== count; before = count, count = (await readdir(folder)).length) {
    const text = valid()
      .map((one) => `${one.cert.trim()}\n`)
      .join('');
    if ((await readPrivate(path, fileBytesMax * authoritiesMax)) !== text) await replacePrivate(path, text);
  }
}

function fileOf(folder: string, number: number): string {
  return join(folder, `${String(number).padStart(2, '0')}.json`);
}

function tooMany(folder: string): SallyportError {
  return new SallyportError('home-unwritable', `${folder} holds ${authoritiesMax} local CAs already.`, {
    hint: 'Remove those that nobody trusts any more.',
  });
}
