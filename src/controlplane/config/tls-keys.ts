/** The keys of a configuration that say which certificates are shown, and which TLS is spoken. */

import { z } from 'zod';
import type { CertificateEntry } from '../certificates/files.ts';
import type { TlsPolicy } from '../certificates/tls-settings.ts';

export type TlsPlan = Readonly<{
  policy: TlsPolicy;
  certificates: readonly CertificateEntry[];
  /** Whether browsers are told to insist on HTTPS, where that is sound; `subdomains` means all names below as well. */
  hsts: 'on' | 'off' | 'subdomains';
}>;

export const usualTls: TlsPlan = Object.freeze({ policy: 'intermediate', certificates: [], hsts: 'on' });

const expected = 'a folder, a file with both, or { cert: FILE, key: FILE }';

export function tlsKeys() {
  const path = z.string({ error: expected }).min(1, expected).max(4_096, 'a shorter path');
  const pair = z.strictObject(
    {
      cert: path.describe('PEM: the own certificate first, then the one that signed it, and so on.'),
      key: path.optional().describe('PEM, unencrypted, unreadable for others. Left out: it stands in the same file.'),
      default: z.literal(true, { error: 'true' }).optional().describe('Shown to who sends no name as well, as old programs do.'),
    },
    { error: expected },
  );
  return {
    certificates: z
      .array(z.union([path, pair], { error: expected }), { error: `a list of: ${expected}` })
      .max(100, 'at most 100 entries; a folder holds more')
      .optional()
      .describe(
        'Certificates and their keys, in files or folders that are read again when they change. Names without one get one of the local CA.',
      ),
    tls: z
      .enum(['intermediate', 'modern'], { error: 'one of intermediate, modern' })
      .prefault('intermediate')
      .describe('modern: TLS 1.3 only. intermediate: TLS 1.2 as well, with forward secrecy.'),
    hsts: z
      .enum(['on', 'off', 'subdomains'], { error: 'one of on, off, subdomains' })
      .prefault('on')
      .describe(
        'Whether browsers are told to insist on HTTPS: in `network: hostile`, on port 443, with a certificate that every browser takes.',
      ),
  };
}

type Checked = Readonly<{
  certificates?: readonly (string | Readonly<{ cert: string; key?: string | undefined; default?: true | undefined }>)[] | undefined;
  tls: TlsPolicy;
  hsts: TlsPlan['hsts'];
}>;

/** @param absolute makes a path of the file absolute, seen from the file's own folder */
export function settleTls(file: Checked, absolute: (path: string) => string): TlsPlan {
  const certificates = (file.certificates ?? []).map((entry): CertificateEntry => {
    if (typeof entry === 'string') return { is: 'path', path: absolute(entry) };
    const pair = { is: 'pair', cert: absolute(entry.cert), key: absolute(entry.key ?? entry.cert) } as const;
    return entry.default === true ? { ...pair, isDefault: true } : pair;
  });
  return Object.freeze({ policy: file.tls, certificates, hsts: file.hsts });
}
