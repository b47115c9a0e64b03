/** `sallyport import`: the configuration of another program as one of ours. */

import { writeFile } from 'node:fs/promises';
import { basename, isAbsolute, resolve } from 'node:path';
import { configOrThrow } from '../../controlplane/config/parse.ts';
import { importPageKite } from '../../controlplane/import/pagekite.ts';
import { importPound, type Imported } from '../../controlplane/import/pound.ts';
import { SallyportError } from '../../core/errors.ts';
import { systemCode } from '../../core/system-error.ts';
import type { Cli } from '../cli.ts';
import { newCommand, newGroup } from '../cli.ts';
import { parser } from '../configuration.ts';
import { readFileText } from '../file-text.ts';

export function importCommand(cli: Cli) {
  return newGroup(
    {
      usage: 'import',
      summary: 'take over the configuration of another program',
      examples: [
        'sallyport import pound /etc/pound/pound.cfg > sallyport.yaml',
        'sallyport import pagekite ~/.pagekite.rc > sallyport.yaml',
      ],
    },
    [pageKite(cli), pound(cli)],
  );
}

function pound(cli: Cli) {
  return newCommand({
    usage: 'pound <file>',
    summary: 'a configuration of Pound 1, 2 or 4 as a sallyport.yaml',
    description:
      'Prints our configuration, with a comment for each line that says something else here or has no counterpart. A service whose conditions cannot be said is left out: nothing takes more than it did. See docs/from-pound.md.',
    examples: [
      'sallyport import pound /etc/pound/pound.cfg > sallyport.yaml',
      'sallyport import pound pound.cfg --output sallyport.yaml --json',
    ],
  })
    .option('--output <file>', 'write it there, over nothing')
    .action((file: string, options: Options) =>
      take(cli, file, options, { from: importPound, hint: 'Name the configuration of Pound, like /etc/pound/pound.cfg.' }),
    );
}

function pageKite(cli: Cli) {
  return newCommand({
    usage: 'pagekite <file>',
    summary: 'a configuration of PageKite as a sallyport.yaml',
    description:
      'Prints our configuration, with a comment for each line that says something else here or has no counterpart. No secret and no password is copied, and nothing lets in more than it did. Several files (/etc/pagekite.d) are put into one before. See docs/from-pagekite.md.',
    examples: [
      'sallyport import pagekite ~/.pagekite.rc > sallyport.yaml',
      'cat /etc/pagekite.d/*.rc > all.rc && sallyport import pagekite all.rc --output sallyport.yaml',
    ],
  })
    .option('--output <file>', 'write it there, over nothing')
    .action((file: string, options: Options) =>
      take(cli, file, options, { from: importPageKite, hint: 'Name the configuration of PageKite, like ~/.pagekite.rc.' }),
    );
}

type Options = Readonly<{ output?: string }>;
type Source = Readonly<{ from: (text: string, named: string) => Imported; hint: string }>;

async function take(cli: Cli, file: string, { output }: Options, { from, hint }: Source): Promise<void> {
  const cwd = cli.terminal.cwd();
  const { path, text } = await readFileText(file, cwd, hint);
  const { yaml, services, unlike } = from(text, basename(file));
  // Ours must be right whatever theirs was: a fault here is a fault of the import.
  configOrThrow(parser.parse(yaml, path), 'What came of it');
  if (output === undefined && !cli.reporter().json) return cli.terminal.out(yaml);
  if (output !== undefined) await writeNew(isAbsolute(output) ? output : resolve(cwd, output), yaml);
  return cli.reporter().say({ event: 'imported', from: file, path: output ?? null, services, unlike });
}

async function writeNew(path: string, text: string): Promise<void> {
  await writeFile(path, text, { flag: 'wx', mode: 0o644 }).catch((error: unknown) => {
    if (systemCode(error) !== 'EEXIST') throw error;
    throw new SallyportError('name-taken', `${path} is there already.`, { hint: 'Move it away, or name another --output.' });
  });
}
