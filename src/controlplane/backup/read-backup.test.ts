/** Backups that somebody else made or changed: nothing comes out of them but what they may hold (archive path traversal). */

import { deepEqual, equal, rejects } from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { SallyportError } from '../../core/errors.ts';
import type { Code } from '../../core/errors.ts';
import { unpackBackup } from './read-backup.ts';
import { paddingOf, readTarHeader, tarBlockBytes, writeTarHeader } from './tar-header.ts';

const has = (code: Code) => (error: unknown) => error instanceof SallyportError && error.code === code;

type File = Readonly<{ name: string; text: string }>;

const part = (name: string, text: string): Buffer =>
  Buffer.concat([writeTarHeader({ name, bytes: text.length }, 0), Buffer.from(text), Buffer.alloc(paddingOf(text.length))]);

function listOf(files: readonly File[]): string {
  const sworn = files.map(({ name, text }) => ({ name, bytes: text.length, sha256: createHash('sha256').update(text).digest('hex') }));
  return JSON.stringify({ format: 'sallyport-backup-1', made: '2026-01-01T00:00:00Z', files: sworn });
}

function archive(files: readonly File[], list = listOf(files)): Buffer {
  return Buffer.concat([part('backup.json', list), ...files.map(({ name, text }) => part(name, text)), Buffer.alloc(2 * tarBlockBytes)]);
}

const good: readonly File[] = [
  { name: 'keys/gateway.pem', text: 'key' },
  { name: 'keys/ca/01.json', text: '{}' },
  { name: 'store.sqlite', text: 'x'.repeat(5_000) },
];

describe('a backup', () => {
  let place: string;
  let count = 0;
  before(async () => {
    place = await mkdtemp(join(tmpdir(), 'sallyport-backup-'));
  });
  after(() => rm(place, { recursive: true }));

  const unpack = async (bytes: Uint8Array, mode = 0o600): Promise<string> => {
    const folder = join(place, String((count += 1)));
    await mkdir(folder);
    await writeFile(`${folder}.tar`, bytes);
    await chmod(`${folder}.tar`, mode);
    await unpackBackup(`${folder}.tar`, folder);
    return folder;
  };

  it('comes out as it went in', async () => {
    const folder = await unpack(archive(good));
    for (const { name, text } of good) equal(await readFile(join(folder, name), 'utf8'), text);
  });

  it('puts nothing anywhere else', async () => {
    const names = [
      '../x',
      '/x',
      'keys/../../x',
      'keys/a/b/c',
      'keys/.ssh',
      'keys//x',
      './store.sqlite',
      'log/x',
      'run/1.sock',
      'KEYS/x',
      'keys/..',
      'x',
    ];
    for (const name of names) await rejects(unpack(archive([{ name, text: 'evil' }])), has('backup-malformed'), name);
    // The list is honest, and the archive is not.
    const honest = listOf([{ name: 'keys/gateway.pem', text: 'evil' }]);
    for (const name of names) await rejects(unpack(archive([{ name, text: 'evil' }], honest)), has('backup-malformed'), name);
    deepEqual(
      (await readdir(place)).filter((name) => !/^\d+(?:\.tar)?$/.test(name)),
      [],
    );
  });

  it('holds regular files only', async () => {
    for (const kind of ['1', '2', '3', '5', 'x', 'L', '\0']) {
      const bytes = archive([{ name: 'keys/gateway.pem', text: 'key' }]);
      const at = bytes.indexOf('keys/gateway.pem\0');
      const header = Buffer.from(bytes.subarray(at, at + tarBlockBytes));
      header.write(kind, 156, 'latin1');
      header.fill(0x20, 148, 156);
      header.write(
        `${header
          .reduce((sum, byte) => sum + byte, 0)
          .toString(8)
          .padStart(6, '0')}\0 `,
        148,
        'latin1',
      );
      bytes.set(header, at);
      equal(readTarHeader(header), null, kind);
      await rejects(unpack(bytes), has('backup-malformed'), kind);
    }
  });

  it('is refused when it is cut off anywhere or a byte of it has changed', async () => {
    const whole = archive(good);
    for (let end = 0; end < whole.length - tarBlockBytes; end += 256)
      await rejects(unpack(whole.subarray(0, end)), has('backup-malformed'), String(end));
    const list = listOf(good);
    const places = [0, 124, 130, 148, 200, ...good.map(({ text }) => whole.lastIndexOf(text)), whole.indexOf(list) + list.length - 70];
    for (const at of places) {
      const changed = Buffer.from(whole);
      changed[at] = (changed[at] ?? 0) ^ 1;
      await rejects(unpack(changed), has('backup-malformed'), String(at));
    }
    for (const bytes of [Buffer.from('SQLite format 3\0'), Buffer.alloc(4_096), Buffer.concat([whole.subarray(0, -1_024), part('x', 'y')])])
      await rejects(unpack(bytes), has('backup-malformed'));
  });

  it('is refused with a list that says too much', async () => {
    const twice = [...good, { name: 'keys/gateway.pem', text: 'other' }];
    await rejects(unpack(archive(twice)), has('backup-malformed'));
    await rejects(unpack(archive([{ name: 'keys/gateway.pem', text: 'k'.repeat(1_048_577) }])), has('backup-malformed'));
    for (const list of ['', '{}', '[]', listOf(good).replace('backup-1', 'backup-2'), listOf([]), listOf(good).replace('{', '{"more":1,')])
      await rejects(unpack(archive(good, list)), has('backup-malformed'), list.slice(0, 30));
  });

  it('is not taken where others may have read it, and is a file', async () => {
    await rejects(unpack(archive(good), 0o640), has('home-exposed'));
    await rejects(unpackBackup(place, place), has('backup-malformed'));
    await rejects(unpackBackup(join(place, 'none'), place), has('file-missing'));
    await symlink('/dev/zero', join(place, 'zero.tar'));
    await rejects(unpackBackup(join(place, 'zero.tar'), place), has('backup-malformed'));
    await rm(join(place, 'zero.tar'));
  });
});
