import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { storeConforms } from '../../../test/conformance/store.ts';
import { openSqliteStore } from './sqlite.ts';

storeConforms('sqlite', async (now) => {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-store-'));
  return {
    handle: () => openSqliteStore({ path: join(folder, 'store.sqlite'), now, pollMs: 20 }),
    clean: () => rm(folder, { recursive: true }),
  };
});
