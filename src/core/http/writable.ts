/** The last look at what we write into a head ourselves: nothing in a value may begin another line. */

import { SallyportError } from '../errors.ts';
import { consistsOf, valueOctet, tokenOctet } from './octets.ts';

/** `name: value`; throws `program-failed` when either could not be read back as it is. */
export function writableField(name: string, value: string): string {
  // The name and the value are not in the message: they may be a stranger's.
  if (name.length === 0 || !consistsOf(name, tokenOctet))
    throw new SallyportError('program-failed', 'A reply has a field name that is no token.');
  return `${name}: ${writableValue(value)}`;
}

/** The value itself; throws `program-failed` for controls and characters beyond Latin-1. */
export function writableValue(value: string): string {
  if (!consistsOf(value, valueOctet)) throw new SallyportError('program-failed', 'A field value holds a character that cannot be written.');
  return value;
}
