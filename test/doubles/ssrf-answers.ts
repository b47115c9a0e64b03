/** The names of test/vectors/ssrf-dns.json, as a name server of a test's own says them. */

import type { Answers } from './address-server.ts';

export type NamedCase = Readonly<{ name: string; answers?: readonly (readonly string[])[] | null | string; http?: string }>;

/** What `<own public ip>` means, where a machine of the test has it. */
export const ownPublicIp = '203.0.114.7';

/** Two of them are written as people read them. */
const words: Readonly<Record<string, string>> = { '<own public ip>': ownPublicIp, '::ffff:127.0.0.1': '::ffff:7f00:1' };

export function answersOf({ answers }: NamedCase): Answers {
  if (answers === null || answers === undefined) return 'servfail';
  if (typeof answers === 'string') return answers === 'timeout' ? 'silent' : 'servfail';
  return answers.map((each) => each.map((address) => words[address] ?? address));
}
