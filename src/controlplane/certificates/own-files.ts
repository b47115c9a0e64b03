/** Certificates and keys in files of the operator's: certbot's, or a company's. Bounded, and keys that others may read are refused. */

import { createPrivateKey, X509Certificate } from 'node:crypto';
import { open } from 'node:fs/promises';
import { SallyportError } from '../../core/errors.ts';
import { fileFault, systemCode } from '../../core/system-error.ts';
import type { Named } from './material.ts';

/** A chain of ten certificates has some 20 KB. */
const fileBytesMax = 262_144;

/**
 * Both PEM, checked to belong together. A key that everybody on this machine may read is refused.
 * Errors: `file-missing`, `config-unsafe`, `config-malformed`, `home-unwritable` (may not be read).
 */
export async function readCertificateFiles(
  certificatePath: string,
  keyPath: string,
): Promise<Readonly<{ certificate: string; key: string }>> {
  const { text: certificate } = await readPemFile(certificatePath);
  const { text: key } = await readKeyFile(keyPath);
  if (!belong(certificate, key))
    throw new SallyportError('config-malformed', `${certificatePath} and ${keyPath} are no certificate and its key.`, {
      hint: 'Both are PEM: the chain with the own certificate first, and an unencrypted private key.',
    });
  return { certificate, key };
}

function belong(certificate: string, key: string): boolean {
  try {
    return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key));
  } catch {
    return false;
  }
}

/** `exposed`: everybody on this machine may read it. */
export type PemText = Named & Readonly<{ exposed: boolean }>;

/** A file that holds a private key. Errors: as `readPemFile`, and `config-unsafe`. */
export async function readKeyFile(path: string): Promise<PemText> {
  const read = await readPemFile(path);
  assertPrivate(read);
  return read;
}

/** Error: `config-unsafe`. */
export function assertPrivate({ where, exposed }: PemText): void {
  if (!exposed) return;
  throw new SallyportError('config-unsafe', `Everybody on this machine may use the private key ${where}.`, {
    hint: `Take that away: chmod o= ${where}`,
  });
}

/** Errors: `file-missing`, `home-unwritable` (may not be read). */
export async function readPemFile(path: string): Promise<PemText> {
  try {
    const file = await open(path, 'r');
    try {
      const found = await file.stat();
      if (!found.isFile() || found.size > fileBytesMax) throw new SallyportError('file-missing', `${path} is no certificate or key.`);
      const text = await file.readFile('utf8');
      return { text, where: path, exposed: process.platform !== 'win32' && (found.mode & 0o007) !== 0 };
    } finally {
      await file.close();
    }
  } catch (error) {
    if (systemCode(error) === 'ENOENT') throw new SallyportError('file-missing', `There is no ${path}.`, { cause: error });
    throw fileFault(error, 'reading', path);
  }
}
