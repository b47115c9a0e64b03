/** The pairs of certificate and key in a folder, found by what is in the files and not by what they are called. */

import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Material } from '../../contracts/certificate.ts';
import { SallyportError } from '../../core/errors.ts';
import { fileFault, systemCode } from '../../core/system-error.ts';
import { certificatesIn, holdsKey, keyIn, makeMaterial, unusable, type Placed } from './material.ts';
import { assertPrivate, readPemFile, type PemText } from './own-files.ts';
import { readPem } from './pem.ts';

/** What certificates and keys are called. Anything else in the folder (a README, a script) is none of ours. */
const endings: readonly string[] = ['.pem', '.crt', '.cer', '.key'];

type Chain = Readonly<{ file: PemText; placed: readonly Placed[] }>;

/**
 * A folder of pairs (`blog.crt` and `blog.key`), of files with both, or with a folder for each name, as certbot's `live`. Of
 * several chains of one certificate (certbot's `cert.pem` and `fullchain.pem`) the longest counts. Certificates of CAs beside
 * them, and keys without a certificate, are passed over.
 * Errors: `file-missing`, `certificate-unusable`, `config-unsafe`, `home-unwritable`.
 */
export async function readFolder(folder: string, now: number, filesMax: number): Promise<readonly Material[]> {
  const { files, folders } = await list(folder);
  const found: Material[] = [...(await pairs(files, now))];
  let count = files.length;
  for (const below of folders) {
    const inside = (await list(below)).files;
    count += inside.length;
    if (count > filesMax) throw unusable(folder, null, `it holds more than ${filesMax} files`, 'Leave out what is not served.');
    found.push(...(await pairs(inside, now)));
  }
  if (found.length === 0)
    throw unusable(folder, null, 'it holds no certificate with its key', 'Put both there, as .pem, .crt, .cer or .key.');
  return found;
}

/** Folders below it count one deep, for changes are watched there. */
export async function foldersOf(folder: string): Promise<readonly string[]> {
  return [folder, ...(await list(folder)).folders];
}

async function list(folder: string): Promise<Readonly<{ files: readonly string[]; folders: readonly string[] }>> {
  try {
    const files: string[] = [];
    const folders: string[] = [];
    for (const name of (await readdir(folder)).toSorted()) {
      if (name.startsWith('.')) continue;
      const path = join(folder, name);
      // Links are followed: certbot's files are links. One that leads nowhere is passed over.
      const facts = await stat(path).catch(() => null);
      if (facts?.isDirectory() === true) folders.push(path);
      else if (facts?.isFile() === true && endings.some((ending) => name.endsWith(ending))) files.push(path);
    }
    return { files, folders };
  } catch (error) {
    if (systemCode(error) === 'ENOENT') throw new SallyportError('file-missing', `There is no ${folder}.`, { cause: error });
    throw fileFault(error, 'reading', folder);
  }
}

async function pairs(paths: readonly string[], now: number): Promise<readonly Material[]> {
  const keys: PemText[] = [];
  const chains: Chain[] = [];
  for (const path of paths) {
    const file = await readPemFile(path);
    const read = readPem(file.text);
    if (!read.ok) throw unusable(path, read.line, read.why, 'Copy it again, whole, from BEGIN to END.');
    if (holdsKey(read.blocks)) keys.push(file);
    const placed = certificatesIn(file);
    if (placed.length > 0) chains.push({ file, placed });
  }
  keys.forEach(assertPrivate);
  const known = keys.map((file) => ({ file, key: keyIn(file) }));
  const longest = new Map<string, Readonly<{ chain: Chain; key: PemText }>>();
  for (const chain of chains) {
    const key = known.find((each) => chain.placed.some(({ certificate }) => certificate.checkPrivateKey(each.key)));
    const own = chain.placed[0];
    if (own === undefined) continue;
    if (key === undefined) {
      if (own.certificate.ca) continue;
      throw unusable(own.where, own.line, 'no key beside it is its own', 'Put the key of this certificate into the same folder.');
    }
    const id = key.file.where;
    const there = longest.get(id);
    if (there === undefined || there.chain.placed.length < chain.placed.length) longest.set(id, { chain, key: key.file });
  }
  return [...longest.values()].map(({ chain, key }) => makeMaterial(chain.file, key, now));
}
