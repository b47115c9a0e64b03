/** The words of the command line: whose command they are, and how secrets among them are hidden. */

import { isPageKite } from './pagekite-words.ts';

export type Spoken =
  | Readonly<{ is: 'nothing' }>
  | Readonly<{ is: 'command'; words: readonly string[] }>
  | Readonly<{ is: 'pagekite'; words: readonly string[] }>;

/**
 * `sallyport 3000` is `sallyport http 3000`, and PageKite's words are PageKite's.
 * @param commands the names of all commands
 * @param valued options that take the next word: it is no command
 */
export function readArguments(words: readonly string[], commands: ReadonlySet<string>, valued: ReadonlySet<string>): Spoken {
  // Every command answers to this, so ours does.
  if (words[0] === '--version' || words[0] === '-V') return { is: 'command', words: ['version', ...words.slice(1)] };
  const first = firstWord(words, valued);
  if (first === null) return words.some((word) => !['--json'].includes(word)) ? { is: 'command', words } : { is: 'nothing' };
  if (commands.has(first)) return { is: 'command', words };
  const plain = words.filter((word) => word !== '--json');
  if (isPageKite(plain) && !plain.some((word) => word.startsWith('--'))) return { is: 'pagekite', words: plain };
  // What looks like something to share is shared; anything else is a command that was misspelt.
  const shared = /^-?\d/.test(first) || first.includes(':') || first.startsWith('[');
  return { is: 'command', words: shared ? ['http', ...words] : words };
}

function firstWord(words: readonly string[], valued: ReadonlySet<string>): string | null {
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    if (!word.startsWith('-') || /^-\d/.test(word)) return word;
    if (valued.has(word)) at += 1;
  }
  return null;
}

/**
 * Takes a secret out of the command line, as far as Node can: on Linux, setting the title overwrites all
 * of the process's arguments. Who looked in the first milliseconds, and shell histories, have seen it.
 */
export function hideArguments(secret: string): string {
  process.title = 'sallyport';
  for (let at = 2; at < process.argv.length; at += 1) process.argv[at] = '…';
  return secret;
}
