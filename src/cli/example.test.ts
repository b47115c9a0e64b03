/** The bundled example as the command runs it. */

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startExample } from './example.ts';

test('starts the blog on a port of its own, keeps its posts, and ends it', async (context) => {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-example-'));
  context.after(() => rm(folder, { recursive: true }));

  const first = await startExample(folder);
  await fetch(`http://127.0.0.1:${first.port}/posts/1/comments`, { method: 'POST', body: 'name=Ana&text=Kept', redirect: 'manual' });
  await first.close();
  await first.close();
  await assert.rejects(fetch(`http://127.0.0.1:${first.port}/`));

  const second = await startExample(folder);
  assert.match(await (await fetch(`http://127.0.0.1:${second.port}/posts/1`)).text(), /Kept/);
  await second.close();
});
