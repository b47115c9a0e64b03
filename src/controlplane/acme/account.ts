/** The account at a certificate authority: its key is in the store before the authority hears of it, so there is never a second. */

import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Records } from '../../contracts/store.ts';
import { SallyportError } from '../../core/errors.ts';
import { Authority } from './authority.ts';
import type { CaHttps } from './https.ts';
import { accountKey, newKeyPem } from './jws.ts';

const kept = z.object({ directory: z.string(), key: z.string(), url: z.string().nullable(), agreed: z.string().nullable() });
export type KeptAccount = z.infer<typeof kept>;

export type AccountOptions = Readonly<{
  records: Records;
  https: CaHttps;
  directory: string;
  email: string | null;
  agree: boolean;
  now: () => number;
}>;

export function accountRecord(directory: string): string {
  return `acme-accounts/${createHash('sha256').update(directory).digest('hex').slice(0, 32)}`;
}

/** What is known of our account there; null before the first order. */
export async function readAccount(records: Records, directory: string): Promise<KeptAccount | null> {
  const entry = await records.get(accountRecord(directory));
  return entry === null ? null : (kept.safeParse(entry.value).data ?? null);
}

/**
 * The authority, spoken to with our account, which is made when there is none.
 * Errors: `terms-unaccepted`, those of the authority and of the store.
 */
export async function openAccount(options: AccountOptions): Promise<Authority> {
  const { records, https, directory, agree, now } = options;
  const mine = await keptOrNew(records, directory);
  const authority = new Authority({ directoryUrl: directory, https, key: await accountKey(mine.key), now });
  const { meta } = await authority.directory();
  const terms = meta?.termsOfService ?? null;
  if (mine.url !== null) authority.useAccount(mine.url);
  else {
    if (terms !== null && !agree)
      throw new SallyportError('terms-unaccepted', `The certificate authority has terms of service: ${shownTerms(terms)}`, {
        hint: 'Read them. When you agree, write agree: true below acme: in the configuration.',
      });
    if (meta?.externalAccountRequired === true)
      throw new SallyportError(
        'certificate-refused',
        `${new URL(directory).host} gives certificates to accounts that were made at its site only.`,
        {
          hint: 'External account binding is not supported: choose another authority.',
        },
      );
    await remember(authority, options, { ...mine, agreed: terms });
  }
  return authority;
}

/** After the authority has lost the account: the same key, so the same account if it is found again. */
export async function registerAgain(authority: Authority, options: AccountOptions): Promise<void> {
  await remember(authority, options, await keptOrNew(options.records, options.directory));
}

async function remember(authority: Authority, { records, directory, email }: AccountOptions, mine: KeptAccount): Promise<void> {
  const url = await authority.register(email === null ? [] : [`mailto:${email}`]);
  await records.put(accountRecord(directory), { ...mine, url });
}

/** Of several that begin at once all end with the same key. */
async function keptOrNew(records: Records, directory: string): Promise<KeptAccount> {
  const there = await readAccount(records, directory);
  if (there !== null) return there;
  const made: KeptAccount = { directory, key: newKeyPem(), url: null, agreed: null };
  try {
    await records.put(accountRecord(directory), made, { ifVersion: 0 });
    return made;
  } catch (error) {
    const other = error instanceof SallyportError && error.code === 'record-conflicted' ? await readAccount(records, directory) : null;
    if (other === null) throw error;
    return other;
  }
}

function shownTerms(text: string): string {
  return URL.canParse(text) ? text.replaceAll(/[\p{C}\s]/gu, '') : 'at its site.';
}
