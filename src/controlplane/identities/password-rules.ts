/** Which passwords are taken: long, not among those that everybody tries, not the name. */

import type { Limits } from '../../core/limits.ts';
import { guessedPasswords } from './guessed-passwords.ts';

/** What is wrong with a new password, in words for its owner; null when it will do. No rules on its composition (NIST 800-63B, 3.1.1.2). */
export function passwordFault(password: string, name: string, limits: Limits): string | null {
  const characters = Array.from(password.normalize('NFC'));
  if (characters.length < limits.passwordCharsMin) return `it is shorter than ${limits.passwordCharsMin} characters`;
  if (Buffer.byteLength(password, 'utf8') > limits.passwordBytesMax) return `it is longer than ${limits.passwordBytesMax} bytes`;
  // Control characters cannot be sent by Basic (RFC 7617, 2).
  // eslint-disable-next-line no-control-regex -- control characters are what is refused
  if (/[\u0000-\u001f\u007f]/.test(password)) return 'it has control characters';
  const folded = password.toLowerCase();
  if (folded === name.toLowerCase()) return 'it is the name itself';
  if (new Set(characters).size < 4) return 'it is one or a few characters again and again';
  if (guessedPasswords.has(folded) || guessedPasswords.has(folded.replace(/[^a-z0-9]/g, '')) || isRun(folded))
    return 'it is one of those that everybody tries first';
  return null;
}

/** `abcdefghijkl`, `987654321098`: each character follows the one before. */
function isRun(text: string): boolean {
  for (const step of [1, -1]) {
    let follows = 0;
    for (let at = 1; at < text.length; at += 1) {
      const difference = text.charCodeAt(at) - text.charCodeAt(at - 1);
      if (difference === step || difference === -9 * step) follows += 1;
    }
    if (follows === text.length - 1) return true;
  }
  return false;
}
