/** Whose certificates are trusted for an issuer, where the configuration names a file. */

import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { SallyportError } from '../../core/errors.ts';

/** Some thousand certificates; the list of a whole system has 200 KB. */
const bytesMax = 1_048_576;

/** Null without a file. Errors: `file-missing`; `config-malformed` for a file without a certificate: it fails closed. */
export function readTrust(path: string | undefined): string | null {
  if (path === undefined) return null;
  let pem: string;
  try {
    pem = readFileSync(path, 'latin1');
  } catch (cause) {
    throw new SallyportError('file-missing', `The file ${path}, which an issuer's ca names, cannot be read.`, { cause });
  }
  try {
    if (pem.length > bytesMax) throw new RangeError('too long');
    void new X509Certificate(pem);
    return pem;
  } catch (cause) {
    throw new SallyportError('config-malformed', `The file ${path}, which an issuer's ca names, holds no certificate.`, { cause });
  }
}
