/** The configuration file, as commands read it: with the guards of the registry. */

import { configParser } from '../controlplane/config/parse.ts';
import type { Parsed } from '../controlplane/config/parse.ts';
import { guards } from '../registry.ts';
import { readFileText } from './file-text.ts';

export const parser = configParser([...guards.values()]);

/** What stands in the file, and what it means. Errors: `config-missing`, and those of reading. */
export async function readConfigFile(named: string, cwd: string): Promise<Readonly<{ path: string; text: string; parsed: Parsed }>> {
  const { path, text } = await readFileText(named, cwd);
  return { path, text, parsed: parser.parse(text, path) };
}
