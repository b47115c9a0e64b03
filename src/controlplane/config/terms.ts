/** The terms that clients of a proxy accept: read with the configuration. */

import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { SallyportError } from '../../core/errors.ts';
import type { TermsPlan } from './clients-keys.ts';

export type Terms = Readonly<{ version: string; hash: string; text: string }>;

/** Errors: `file-missing`; `config-malformed` for a file that is longer than `bytesMax`, or empty. */
export function readTerms({ file, version }: TermsPlan, bytesMax: number): Terms {
  let bytes: Buffer;
  try {
    const { size } = statSync(file);
    if (size > bytesMax || size === 0)
      throw new SallyportError('config-malformed', `${file} has ${size} bytes, and terms have ${bytesMax} at most, and some.`);
    bytes = readFileSync(file);
  } catch (error) {
    if (error instanceof SallyportError) throw error;
    throw new SallyportError('file-missing', `The terms ${file} cannot be read.`, {
      hint: 'Look at clients: { terms: { file } }.',
      cause: error,
    });
  }
  const hash = createHash('sha256').update(bytes).digest('hex');
  return { version: version ?? hash.slice(0, 12), hash, text: bytes.toString('utf8') };
}
