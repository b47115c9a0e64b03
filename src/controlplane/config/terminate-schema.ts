/** `terminate:` of a relay's file: the names whose TLS ends there, and what is shown for them. */

import { z } from 'zod';
import { readHostName } from './forms.ts';
import { formed } from './pieces.ts';

/** Names, or `*.` and a name for one label more; PEM files by path. */
export type TerminatePlan = Readonly<{ names: readonly string[]; certificate: string; key: string }>;

const nameExpected = 'a name like shop.example.org or *.shop.example.org';
const entryExpected = 'a name, or { names: [shop.example.org], certificate: FILE, key: FILE }';

/** One label may stand for any; a relay ends no TLS of `*.org`. */
function readName(text: string): string | null {
  const wild = text.startsWith('*.');
  const name = readHostName(wild ? text.slice(2) : text);
  if (name === null || /^[\d.[]/.test(name) || !name.includes('.')) return null;
  return wild ? `*.${name}` : name;
}

export function pemPath() {
  const expected = 'the path of a PEM file';
  return z.string({ error: expected }).min(1, expected).max(4096, 'a shorter path');
}

export function terminateSchema() {
  const name = formed(readName, nameExpected);
  const entry = z.strictObject(
    {
      names: z
        .array(name, { error: 'a list of names' })
        .min(1, 'at least one name')
        .max(1_000, 'at most 1,000 names')
        .describe('The names, or *. and a name for one label more.'),
      certificate: pemPath().describe('The chain that visitors are shown.'),
      key: pemPath().describe('Its key.'),
    },
    { error: entryExpected },
  );
  return z.array(z.union([name, entry], { error: entryExpected }), { error: 'a list of names' }).max(100, 'at most 100 entries');
}

type Checked = z.output<ReturnType<typeof terminateSchema>>;

/** Whether some of it is to be shown with the relay's own certificate. */
export function needsOwnCertificate(entries: Checked | undefined): boolean {
  return (entries ?? []).some((entry) => typeof entry === 'string');
}

/** @param own the relay's own certificate: for names that stand alone */
export function settleTerminate(
  entries: Checked | undefined,
  own: Readonly<{ certificate: string; key: string }> | null,
  absolute: (path: string) => string,
): readonly TerminatePlan[] {
  const alone = (entries ?? []).filter((entry) => typeof entry === 'string');
  const named = (entries ?? []).filter((entry) => typeof entry !== 'string');
  return [
    ...(own === null || alone.length === 0 ? [] : [{ names: alone, ...own }]),
    ...named.map(({ names, certificate, key }) => ({ names, certificate: absolute(certificate), key: absolute(key) })),
  ];
}
