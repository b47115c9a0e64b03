/** What a backup holds: a list with checksums first, then keys, the CA's certificate and the store. */

import { z } from 'zod';

export const listName = 'backup.json';
export const storeName = 'store.sqlite';
export const caName = 'ca.pem';

export const listBytesMax = 65_536;
export const entriesMax = 200;
/** Keys and certificates have some kilobytes; the store's own limit is 1 GiB. */
export const smallFileBytesMax = 1_048_576;
const storeBytesMax = 1_073_741_824;

/** Where a name of a backup may lie in a home: no other name comes out of one. */
export function isBackedUp(name: string): boolean {
  return name === storeName || name === caName || /^keys\/(?:[a-z0-9-]{1,20}\/)?[a-z0-9][a-z0-9.-]{0,60}$/.test(name);
}

export const backupList = z.strictObject({
  format: z.literal('sallyport-backup-1'),
  /** RFC 3339, UTC. */
  made: z.string().max(40),
  files: z
    .array(
      z.strictObject({
        name: z.string().max(100).refine(isBackedUp),
        bytes: z.int().min(0).max(storeBytesMax),
        sha256: z.string().regex(/^[0-9a-f]{64}$/),
      }),
    )
    .min(1)
    .max(entriesMax),
});
export type BackupList = z.infer<typeof backupList>;
