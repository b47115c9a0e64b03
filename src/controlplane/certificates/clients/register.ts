/** The client certificates that we made, and the authorities that signed them: kept in the store, found in memory. */

import { X509Certificate } from 'node:crypto';
import { z } from 'zod';
import type { OwnCertificate } from '../../../contracts/client-certificates.ts';
import type { Json, Records } from '../../../contracts/store.ts';
import { SallyportError } from '../../../core/errors.ts';
import type { Limits } from '../../../core/limits.ts';
import { Mirror } from '../../identities/mirror.ts';
import type { NewestLists } from './file-authority.ts';
import { fingerprintOf } from './path.ts';

/** No key of anything lies here. */
export interface ClientRegister {
  /** Null when unknown, revoked or over. */
  find(fingerprint: string): OwnCertificate | null;
  /** All that have not ended, the revoked ones too, by name. */
  all(): readonly OwnCertificate[];
  /** The authorities that are in time. The same list as long as nothing changes. */
  authorities(): readonly X509Certificate[];
  /** Errors: `usage-wrong` (too many), `store-unavailable`. */
  add(made: OwnCertificate): Promise<void>;
  addAuthority(cert: string): Promise<void>;
  /** All of that name, or the one of that fingerprint. Returns those that stood until now. */
  revoke(which: string): Promise<readonly OwnCertificate[]>;
  readonly newest: NewestLists;
  /** Told whose certificate stands no more, here or by another process. */
  watch(ended: (name: string) => void): void;
  close(): void;
}

const certificateRecord = z.strictObject({
  name: z.string(),
  roles: z.array(z.string()),
  createdAt: z.number(),
  expires: z.number(),
  revokedAt: z.number().nullable(),
});
const authorityRecord = z.strictObject({ cert: z.string() });
const listRecord = z.strictObject({ thisUpdate: z.number() });

export async function openClientRegister(
  tools: Readonly<{ records: Records; now: () => number; limits: Limits }>,
): Promise<ClientRegister> {
  const { records, now, limits } = tools;
  const listeners = new Set<(name: string) => void>();
  let roots: readonly X509Certificate[] | null = null;
  const certificates = await Mirror.open<Omit<OwnCertificate, 'fingerprint'>>({
    records,
    prefix: 'client-certificates/',
    read: (value) => certificateRecord.safeParse(value).data ?? null,
    changed: (before, after) => {
      if (before !== null && before.revokedAt === null && after?.revokedAt !== null) listeners.forEach((listener) => listener(before.name));
    },
  });
  const authorities = await Mirror.open<X509Certificate>({
    records,
    prefix: 'client-authorities/',
    read: readAuthority,
    changed: () => (roots = null),
  });
  const lists = await Mirror.open<number>({
    records,
    prefix: 'client-lists/',
    read: (value) => listRecord.safeParse(value).data?.thisUpdate ?? null,
  });
  const all = (): readonly OwnCertificate[] =>
    certificates
      .names()
      .flatMap((fingerprint) => {
        const kept = certificates.get(fingerprint);
        return kept === null || kept.expires <= now() ? [] : [{ fingerprint, ...kept }];
      })
      .toSorted((one, other) => (one.name === other.name ? one.createdAt - other.createdAt : one.name < other.name ? -1 : 1));
  const put = ({ fingerprint, ...kept }: OwnCertificate): Promise<void> =>
    certificates.put(fingerprint, { ...kept } satisfies Json, { ttlMs: Math.max(1, kept.expires - now()) });
  return {
    all,
    find: (fingerprint) => {
      const kept = certificates.get(fingerprint);
      return kept === null || kept.revokedAt !== null || kept.expires <= now() ? null : { fingerprint, ...kept };
    },
    authorities: () => (roots ??= authorities.values()),
    add: async (made) => {
      if (certificates.size >= limits.clientCertificatesMax)
        throw new SallyportError(
          'usage-wrong',
          `There are ${limits.clientCertificatesMax} client certificates already, which is the most.`,
        );
      await put(made);
    },
    addAuthority: async (cert) => {
      const certificate = new X509Certificate(cert);
      const ttlMs = Math.max(1, certificate.validToDate.getTime() - now());
      await authorities.put(fingerprintOf(certificate), { cert }, { ttlMs });
    },
    revoke: async (which) => {
      const stood = all().filter(({ name, fingerprint, revokedAt }) => revokedAt === null && (name === which || fingerprint === which));
      for (const each of stood) await put({ ...each, revokedAt: now() });
      return stood;
    },
    newest: newestIn(lists),
    watch: (changed) => void listeners.add(changed),
    close: () => {
      listeners.clear();
      for (const mirror of [certificates, authorities, lists]) mirror.close();
    },
  };
}

function readAuthority(value: Json): X509Certificate | null {
  const kept = authorityRecord.safeParse(value).data;
  try {
    return kept === undefined ? null : new X509Certificate(kept.cert);
  } catch {
    return null;
  }
}

function newestIn(lists: Mirror<number>): NewestLists {
  // By this process, and perhaps not written yet. As many as there are authorities.
  const noted = new Map<string, number>();
  return {
    of: (key) => {
      const [kept, fresh] = [lists.get(key), noted.get(key)];
      return kept === null || fresh === undefined ? (fresh ?? kept) : Math.max(kept, fresh);
    },
    // A store that is away forgets it with this process, and refuses nobody.
    note: (key, thisUpdate) => {
      noted.set(key, thisUpdate);
      lists.put(key, { thisUpdate }).catch(() => undefined);
    },
  };
}
