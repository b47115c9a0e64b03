/** What the Connection field says about this connection (RFC 9110, 7.6.1), and what else is bound to one. */

import type { Fields } from './fields.ts';

export type ConnectionOptions = Readonly<{ close: boolean; keepAlive: boolean; upgrade: boolean }>;

/** Reads the joined values of all Connection fields; null when none was sent. */
export function readConnection(value: string | null): ConnectionOptions {
  if (value === null) return silent;
  const known = usual.get(value);
  if (known !== undefined) return known;
  const options = new Set(connectionNames(value));
  return { close: options.has('close'), keepAlive: options.has('keep-alive'), upgrade: options.has('upgrade') };
}

/**
 * Whether a request signs in its whole connection, as NTLM and Negotiate do against RFC 9110, 11.6.2 (RFC 4559, 6): the
 * service then takes whoever comes next on it for the same person.
 */
export function signsInConnection(fields: Fields): boolean {
  for (const { lower, value } of fields) {
    if (lower === 'authorization' && signing.test(value)) return true;
  }
  return false;
}

const signing = /^(?:ntlm|negotiate)(?:[ \t]|$)/i;

/** The options in lower case; empty ones are skipped. */
export function connectionNames(value: string): readonly string[] {
  const names: string[] = [];
  for (const part of value.toLowerCase().split(',')) {
    const name = part.trim();
    if (name !== '') names.push(name);
  }
  return names;
}

const silent: ConnectionOptions = { close: false, keepAlive: false, upgrade: false };
const usual = new Map<string, ConnectionOptions>();
for (const [spelling, options] of [
  ['keep-alive', { ...silent, keepAlive: true }],
  ['Keep-Alive', { ...silent, keepAlive: true }],
  ['close', { ...silent, close: true }],
  ['upgrade', { ...silent, upgrade: true }],
  ['Upgrade', { ...silent, upgrade: true }],
  ['keep-alive, Upgrade', { close: false, keepAlive: true, upgrade: true }],
] as const) {
  usual.set(spelling, options);
}
