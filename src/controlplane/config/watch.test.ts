/** When a configuration file counts as changed. */

import assert from 'node:assert/strict';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { watchConfig } from './watch.ts';

async function watched(context: { after: (end: () => Promise<unknown>) => void }) {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-watch-'));
  const path = join(folder, 'sallyport.yaml');
  await writeFile(path, 'one');
  let told = Promise.withResolvers<void>();
  let count = 0;
  const stop = watchConfig({
    path,
    text: 'one',
    quietMs: 10,
    changed: () => {
      count += 1;
      told.resolve();
      told = Promise.withResolvers<void>();
    },
  });
  context.after(async () => {
    stop();
    await rm(folder, { recursive: true });
  });
  return { folder, path, next: () => told.promise, count: () => count };
}

test('tells of a file that was written, and of one that was put in its place', async (context) => {
  const file = await watched(context);
  const written = file.next();
  await writeFile(file.path, 'two');
  await written;
  const replaced = file.next();
  await writeFile(join(file.folder, 'sallyport.yaml.new'), 'three');
  await rename(join(file.folder, 'sallyport.yaml.new'), file.path);
  await replaced;
  assert.equal(file.count(), 2);
});

test('the same text again, another file, and a file that goes away are no change', async (context) => {
  const file = await watched(context);
  const changed = file.next();
  await writeFile(file.path, 'one');
  await writeFile(join(file.folder, 'other.yaml'), 'x');
  await rm(file.path);
  await writeFile(file.path, 'two');
  await changed;
  assert.equal(file.count(), 1);
});
