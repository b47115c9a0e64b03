import assert from 'node:assert/strict';
import { chmod, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createPrivate, readPrivate, replacePrivate } from './private-file.ts';

describe('a private file', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-private-'));
  });
  after(() => rm(folder, { recursive: true }));

  it('is written for its owner alone, and leaves nothing beside it', async () => {
    const path = join(folder, 'a');
    await replacePrivate(path, 'one');
    await replacePrivate(path, 'two');
    assert.equal(await readPrivate(path, 10), 'two');
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    assert.deepEqual(await readdir(folder), ['a']);
  });

  it('is made by exactly one of many who start at once, and whole', async () => {
    const path = join(folder, 'raced');
    const text = 'x'.repeat(100_000);
    const made = await Promise.all(Array.from({ length: 16 }, (_, index) => createPrivate(path, `${index}${text}`)));
    assert.equal(made.filter(Boolean).length, 1);
    assert.equal(await readFile(path, 'utf8'), `${made.indexOf(true)}${text}`);
    assert.deepEqual(
      (await readdir(folder)).filter((name) => name.startsWith('raced')),
      ['raced'],
    );
  });

  it('is not read through a link, by other modes than its own, or when it is longer than it can be', async () => {
    const path = join(folder, 'b');
    await writeFile(path, 'secret', { mode: 0o600 });
    await symlink(path, join(folder, 'link'));
    await assert.rejects(readPrivate(join(folder, 'link'), 100), { code: 'home-exposed' });
    await assert.rejects(readPrivate(path, 5), { code: 'home-exposed' });
    await chmod(path, 0o604);
    await assert.rejects(readPrivate(path, 100), { code: 'home-exposed', hint: `chmod 0600 ${path}` });
    assert.equal(await readPrivate(join(folder, 'none'), 100), null);
  });

  it('says where it could not be written', async () => {
    await assert.rejects(replacePrivate(join(folder, 'b', 'c'), ''), { code: 'home-unwritable' });
    await assert.rejects(replacePrivate('/dev/full/x', ''), { code: 'home-unwritable' });
  });
});
