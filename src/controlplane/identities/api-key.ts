/** The text of an API key: a prefix that secret scanners find, chance, and a checksum that tells a typing error from a guess. */

import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { apiKeyPrefix } from '../../core/policy/credentials.ts';

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
/** 192 bits of chance in base 62 are 33 digits at most; a CRC-32 is six. */
const chanceBytes = 24;
const chanceDigits = 33;
const sumDigits = 6;
const form = new RegExp(`^${apiKeyPrefix}([0-9A-Za-z]{${chanceDigits}})([0-9A-Za-z]{${sumDigits}})$`);

/** A new key. It is shown once and kept as its digest. */
export function newKey(randomBytes: (count: number) => Uint8Array): string {
  const chance = digits(BigInt(`0x${Buffer.from(randomBytes(chanceBytes)).toString('hex')}`), chanceDigits);
  return `${apiKeyPrefix}${chance}${checksum(chance)}`;
}

/**
 * What a key is found by; null for text of another form or with another checksum, which costs no look-up. The checksum is no
 * secret: anybody can make a text that has it (GitHub, "Behind GitHub's new authentication token formats", 2021).
 */
export function keyDigest(text: string): string | null {
  const [, chance = '', sum] = form.exec(text) ?? [];
  return sum === undefined || checksum(chance) !== sum ? null : hash('sha256', text, 'base64url');
}

function checksum(chance: string): string {
  return digits(BigInt(crc32(chance)), sumDigits);
}

function digits(value: bigint, count: number): string {
  let text = '';
  for (let rest = value; text.length < count; rest /= 62n) text = (alphabet[Number(rest % 62n)] ?? '') + text;
  return text;
}
