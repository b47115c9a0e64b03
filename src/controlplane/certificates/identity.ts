/** The long-lived key of a relay or a gateway, and the self-made certificate that shows it on a carrier. */

import { X509Certificate, createHash, createPrivateKey, createPublicKey, randomBytes } from 'node:crypto';
import { link, lstat, mkdir, open, readFile, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { SallyportError } from '../../core/errors.ts';
import type { MachineIdentity } from '../../contracts/tunnel.ts';
import { selfNamed } from './signing.ts';

/**
 * Reads `folder/NAME.pem` (private key and certificate, 0600), or makes it. The key never leaves the
 * machine; only its fingerprint does. Two processes that start at once end up with one key.
 *
 * Errors: `home-exposed` when others may read the file, `home-unwritable` when it cannot be read or made.
 */
export async function loadIdentity(folder: string, name: string): Promise<MachineIdentity> {
  const path = join(folder, `${name}.pem`);
  const found = await readIdentity(path);
  if (found !== null) return found;
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeOnce(path, await makePem());
  } catch (cause) {
    throw new SallyportError('home-unwritable', `The key ${path} cannot be written.`, {
      cause,
      hint: 'Check the rights and the space of the state directory.',
    });
  }
  const made = await readIdentity(path);
  if (made === null) throw new SallyportError('home-unwritable', `The key ${path} was written and is not there.`);
  return made;
}

/** Where the key that comes after NAME's lies. */
export function nextName(name: string): string {
  return `${name}-next`;
}

/** The key as `loadIdentity` reads it; null when there is none. Makes nothing. */
export function findIdentity(folder: string, name: string): Promise<MachineIdentity | null> {
  return readIdentity(join(folder, `${name}.pem`));
}

/** Makes the next key the key, in one step that is on the disk when it is done. Error: `home-unwritable`. */
export async function promoteIdentity(folder: string, name: string): Promise<void> {
  try {
    await rename(join(folder, `${nextName(name)}.pem`), join(folder, `${name}.pem`));
    const handle = await open(folder, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (cause) {
    throw new SallyportError('home-unwritable', `The next key ${nextName(name)} cannot be put in place.`, {
      cause,
      hint: 'Check the rights and the space of the state directory.',
    });
  }
}

/** SHA-256 of a public key (SPKI, DER) in hex: what both ends of a carrier pin. */
export function fingerprintOf(spki: Uint8Array): string {
  return createHash('sha256').update(spki).digest('hex');
}

async function readIdentity(path: string): Promise<MachineIdentity | null> {
  let pem: string;
  try {
    const facts = await lstat(path);
    if (!facts.isFile() || (facts.mode & 0o077) !== 0)
      throw new SallyportError('home-exposed', `The key ${path} can be read by others.`, { hint: `Run: chmod 600 ${path}` });
    pem = await readFile(path, 'utf8');
  } catch (cause) {
    if (cause instanceof SallyportError) throw cause;
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return null;
    throw new SallyportError('home-unwritable', `The key ${path} cannot be read.`, { cause });
  }
  return parsePem(pem, path);
}

function parsePem(pem: string, path: string): MachineIdentity {
  try {
    const privateKey = createPrivateKey(pem);
    const certificate = new X509Certificate(pem.slice(pem.indexOf('-----BEGIN CERTIFICATE-----')));
    if (!certificate.checkPrivateKey(privateKey)) throw new Error('key and certificate do not belong together');
    const spki = createPublicKey(pem).export({ type: 'spki', format: 'der' });
    return {
      privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }),
      certificate: certificate.toString(),
      fingerprint: fingerprintOf(spki),
    };
  } catch (cause) {
    // A new key would be a new identity: grants and pins of the old one are lost. That is the owner's to decide.
    throw new SallyportError('home-unwritable', `The key ${path} is damaged.`, {
      cause,
      hint: 'Restore it from a backup, or remove it and enrol again.',
    });
  }
}

async function makePem(): Promise<string> {
  // Pinned by its key: names and dates say nothing. RFC 5280, 4.1.2.5: this end date means "none".
  const { key, cert } = await selfNamed({
    commonName: 'Sallyport carrier',
    notBefore: Date.parse('2020-01-01T00:00:00Z'),
    notAfter: Date.parse('9999-12-31T23:59:59Z'),
  });
  return `${key}\n${cert}\n`;
}

/** Written whole beside it and linked into place: who comes second keeps what the first has made. */
async function writeOnce(path: string, text: string): Promise<void> {
  const beside = `${path}.${randomBytes(6).toString('hex')}`;
  const file = await open(beside, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    await link(beside, path);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  } finally {
    await unlink(beside);
  }
}
