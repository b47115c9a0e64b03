/** A secret from standard input: seen by no other user, and in no history. */

import { SallyportError } from '../core/errors.ts';
import type { Terminal } from './terminal.ts';

const bytesMax = 4_096;

/** All of it, without the white space around it. Errors: `usage-wrong` when it is too long. */
export async function standardInput({ stdin }: Terminal): Promise<string> {
  let text = '';
  for await (const piece of stdin) {
    text += String(piece);
    if (text.length > bytesMax)
      throw new SallyportError('usage-wrong', 'What came on standard input is too long.', { hint: 'Hand in one line.' });
  }
  return text.trim();
}
