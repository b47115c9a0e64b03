/** A certificate and its key from files of the operator's: certbot's, or a company's. */

import { createPrivateKey, X509Certificate } from 'node:crypto';
import { open } from 'node:fs/promises';
import { SallyportError } from '../../core/errors.ts';
import { fileFault, systemCode } from '../../core/system-error.ts';

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
  const certificate = await read(certificatePath, false);
  const key = await read(keyPath, true);
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

async function read(path: string, secret: boolean): Promise<string> {
  try {
    const file = await open(path, 'r');
    try {
      const found = await file.stat();
      if (!found.isFile() || found.size > fileBytesMax) throw new SallyportError('file-missing', `${path} is no certificate or key.`);
      if (secret && process.platform !== 'win32' && (found.mode & 0o007) !== 0)
        throw new SallyportError('config-unsafe', `Everybody on this machine may use the private key ${path}.`, {
          hint: `Take that away: chmod o= ${path}`,
        });
      return await file.readFile('utf8');
    } finally {
      await file.close();
    }
  } catch (error) {
    if (systemCode(error) === 'ENOENT') throw new SallyportError('file-missing', `There is no ${path}.`, { cause: error });
    throw fileFault(error, 'reading', path);
  }
}
