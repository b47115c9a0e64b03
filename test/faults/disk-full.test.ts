/** A disk that is really full (a small one of its own, in a mount namespace): nothing is lost, and it is said in one sentence. */

import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const mounted = 'mount -t tmpfs -o size=768k,mode=0755 none "$1"';
const possible = (): boolean => spawnSync('unshare', ['-rm', 'sh', '-c', mounted, 'sh', '/mnt'], { stdio: 'ignore' }).status === 0;

it(
  'keeps store, keys and records whole on a full disk, says disk-full, and goes on when there is room',
  { skip: possible() ? false : 'not run: no mount namespace for a small disk', timeout: 30_000 },
  async () => {
    const place = await mkdtemp(join(tmpdir(), 'sallyport-full-'));
    try {
      const script = fileURLToPath(new URL('on-full-disk.ts', import.meta.url));
      const command = `${mounted} && exec "$2" "$3" "$1"`;
      const { stdout } = await promisify(execFile)('unshare', ['-rm', 'sh', '-c', command, 'sh', place, process.execPath, script]);
      assert.deepEqual(JSON.parse(stdout), {
        full: { store: 'disk-full', key: 'disk-full', ca: 'disk-full', secondHome: 'disk-full' },
        kept: 'as it was',
        troubles: ['disk-full', 'well again'],
        recorded: 302,
        inOrder: true,
        again: { large: true, key: 'the old key', ca: 'done' },
      });
    } finally {
      await rm(place, { recursive: true });
    }
  },
);
