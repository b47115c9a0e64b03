/** The text of a file that a command is pointed at. */

import { open } from 'node:fs/promises';
import { isAbsolute, resolve } from 'node:path';
import { SallyportError } from '../core/errors.ts';
import { defaults } from '../core/limits.ts';
import { fileFault, systemCode } from '../core/system-error.ts';

/** Where a configuration is looked for when none is named. */
export const configName = 'sallyport.yaml';

/** What to do where our own configuration is missing. */
const ownFile = 'Write one (docs/configuration.md), or name another: --config FILE';

/** The text of a configuration, and where it lies. `otherwise` is what to do where there is none. Errors: `config-missing`, `config-malformed`, and those of reading. */
export async function readFileText(named: string, cwd: string, otherwise = ownFile): Promise<Readonly<{ path: string; text: string }>> {
  const path = isAbsolute(named) ? named : resolve(cwd, named);
  return { path, text: await textOf(path, named, otherwise) };
}

async function textOf(path: string, named: string, otherwise: string): Promise<string> {
  try {
    const file = await open(path, 'r');
    try {
      // One byte more than is taken: what is longer is never held whole.
      const buffer = Buffer.alloc(defaults.configBytesMax + 1);
      let length = 0;
      for (;;) {
        const { bytesRead } = await file.read(buffer, length, buffer.length - length, null);
        length += bytesRead;
        if (bytesRead === 0 || length === buffer.length) break;
      }
      return decoded(buffer.subarray(0, length), named);
    } finally {
      await file.close();
    }
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT')
      throw new SallyportError('config-missing', `There is no ${named}.`, {
        hint: otherwise,
        cause: error,
      });
    if (code === 'EISDIR')
      throw new SallyportError('config-missing', `${named} is a directory.`, {
        hint: `Name the file: --config ${named.replace(/\/+$/, '')}/${configName}`,
        cause: error,
      });
    throw error instanceof SallyportError ? error : fileFault(error, 'reading', path);
  }
}

function decoded(bytes: Uint8Array, named: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new SallyportError('config-malformed', `${named} is not UTF-8 text.`, { hint: 'Save it as UTF-8.', cause: error });
  }
}
