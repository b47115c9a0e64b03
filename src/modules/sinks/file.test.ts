import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, readdir, realpath, rename, rm, stat, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { AuditEvent } from '../../core/audit/event.ts';
import type { SallyportError } from '../../core/errors.ts';
import { defaults } from '../../core/limits.ts';
import { openFileSink, type FileSinkOptions } from './file.ts';
import { openLogFile } from './file-rotation.ts';
import { createMemorySink } from './memory.ts';

const run = promisify(execFile);
const writer = fileURLToPath(new URL('../../../test/faults/log-writer.ts', import.meta.url));

function eventOf(id: string): AuditEvent {
  return {
    time: '2026-11-21T10:00:00.000Z',
    id,
    service: 'blog',
    listener: 'https://127.0.0.1:8443',
    visitor: '192.0.2.1',
    viaRelay: false,
    who: null,
    method: 'GET',
    host: 'blog.localhost',
    path: '/',
    verdict: 'pass',
    code: null,
    why: null,
    status: 200,
    bytesIn: 0,
    bytesOut: 1,
    durationMs: 1,
  };
}

describe('the file of records', () => {
  let folder: string;
  let count = 0;
  before(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), 'sallyport-sink-')));
  });
  after(() => rm(folder, { recursive: true }));

  const sink = async (limits: Partial<FileSinkOptions['limits']> = {}, at = join(folder, `log-${(count += 1)}.jsonl`)) => {
    const troubles: (SallyportError | null)[] = [];
    const log = await openFileSink({
      path: at,
      now: () => 0,
      limits: { ...defaults, ...limits },
      trouble: (error) => troubles.push(error),
    });
    return { log, path: at, troubles };
  };
  const lines = async (path: string): Promise<readonly { readonly id?: string; readonly dropped?: number }[]> =>
    (await readFile(path, 'utf8'))
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as { id?: string });

  it('holds what was recorded, in order, once flush resolves, and is for its owner alone (secrets at rest)', async () => {
    const { log, path } = await sink();
    for (let index = 0; index < 1_000; index += 1) log.record(eventOf(`${index}`));
    await log.flush();
    assert.deepEqual(
      (await lines(path)).map((line) => line.id),
      Array.from({ length: 1_000 }, (_, index) => `${index}`),
    );
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    log.record(eventOf('last'));
    await log.close();
    await log.close();
    assert.equal((await lines(path)).at(-1)?.id, 'last');
  });

  it('is written by itself when nobody asks', async () => {
    const { log, path } = await sink();
    log.record(eventOf('alone'));
    while ((await stat(path)).size === 0) await new Promise(setImmediate);
    assert.equal((await lines(path))[0]?.id, 'alone');
    await log.close();
  });

  it('takes whole lines of several processes at once, over rotations', { timeout: 60_000 }, async () => {
    const path = join(folder, 'shared.jsonl');
    await Promise.all(['a', 'b', 'c'].map((name) => run(process.execPath, [writer, path, name, '600'])));
    const names = (await readdir(folder)).filter((name) => name.startsWith('shared'));
    assert.ok(names.length > 3, names.join());
    const ids = (await Promise.all(names.map((name) => lines(join(folder, name))))).flat().map((line) => line.id);
    assert.equal(ids.length, 1_800);
    assert.equal(new Set(ids).size, 1_800);
    for (const name of names) assert.equal((await stat(join(folder, name))).mode & 0o777, 0o600);
  });

  it('keeps as many files as it may, the newest', async () => {
    const { log, path } = await sink({ logBytesMax: 1_000, logFilesMax: 3 });
    for (let index = 0; index < 40; index += 1) {
      log.record(eventOf(`${index}`));
      await log.flush();
    }
    await log.close();
    const stem = path.slice(0, -'.jsonl'.length);
    const names = (await readdir(folder))
      .map((name) => join(folder, name))
      .filter((name) => name.startsWith(`${stem}.`))
      .toSorted();
    assert.deepEqual(names, [`${stem}.1.jsonl`, `${stem}.2.jsonl`, path]);
    assert.equal((await lines(path)).at(-1)?.id, '39');
  });

  it('goes on in a new file when somebody moved or removed the old one', async () => {
    const { log, path } = await sink();
    log.record(eventOf('before'));
    await log.flush();
    await rename(path, `${path}.moved`);
    log.record(eventOf('after'));
    await log.close();
    assert.deepEqual(
      (await lines(path)).map((line) => line.id),
      ['after'],
    );
  });

  it('drops and counts what would not fit into memory, and a later line says so', async () => {
    const { log, path } = await sink({ logQueueBytesMax: 1_000 });
    for (let index = 0; index < 10; index += 1) log.record(eventOf(`${index}`));
    await log.flush();
    log.record(eventOf('next'));
    await log.close();
    const kept = await lines(path);
    const dropped = kept.find((line) => line.dropped !== undefined)?.dropped ?? 0;
    assert.ok(dropped > 0);
    assert.equal(kept.length - 1 + dropped, 11);
    assert.equal(kept.at(-1)?.id, 'next');
  });

  it('never stops the road when it cannot write: says so once, keeps what fits, and writes it later', async () => {
    const { log, path, troubles } = await sink({ logQueueBytesMax: 2_000 });
    await rm(path);
    await symlink(join(folder, 'elsewhere'), path);
    for (let round = 0; round < 3; round += 1) {
      log.record(eventOf(`${round}`));
      await log.flush();
    }
    for (let index = 0; index < 20; index += 1) log.record(eventOf('too many'));
    assert.equal(troubles.length, 1);
    assert.ok(troubles[0] !== null);
    await rm(path);
    await log.flush();
    assert.deepEqual([troubles.length, troubles[1]], [2, null]);
    const kept = await lines(path);
    assert.deepEqual(
      kept.filter((line) => line.id?.length === 1).map((line) => line.id),
      ['0', '1', '2'],
    );
    await log.close();
  });

  it('never follows a link that was put in its place (class V)', async () => {
    const target = join(folder, 'target');
    const path = join(folder, 'linked.jsonl');
    await symlink(target, path);
    await assert.rejects(sink({}, path), { code: 'home-unwritable' });
    await assert.rejects(stat(target), { code: 'ENOENT' });
  });

  it('is rotated by one process at a time, and again when one was killed over it', async () => {
    const path = join(folder, 'locked.jsonl');
    const file = await openLogFile(path, { logBytesMax: 5, logFilesMax: 3 });
    await file.append(Buffer.from('{"a":1}\n'));
    await writeFile(`${path}.lock`, '');
    await file.append(Buffer.from('{"a":2}\n'));
    await assert.rejects(stat(join(folder, 'locked.1.jsonl')), { code: 'ENOENT' });
    await utimes(`${path}.lock`, 1, 1);
    await file.append(Buffer.from('{"a":3}\n'));
    await file.append(Buffer.from('{"a":4}\n'));
    await file.close();
    assert.equal(await readFile(join(folder, 'locked.1.jsonl'), 'utf8'), '{"a":1}\n{"a":2}\n{"a":3}\n');
    assert.equal(await readFile(path, 'utf8'), '{"a":4}\n');
  });

  it('begins a new line behind the half of one that a full disk left', async () => {
    const path = join(folder, 'torn.jsonl');
    const file = await openLogFile(path, defaults);
    assert.equal(await file.append(Buffer.from('{"a":1}\n{"b"')), 8);
    assert.equal(await file.append(Buffer.from('{"b":2}\n')), 8);
    await file.close();
    assert.equal(await readFile(path, 'utf8'), '{"a":1}\n{"b"\n{"b":2}\n');
    await truncate(path);
  });
});

describe('the records in memory', () => {
  it('are the last ones', () => {
    const log = createMemorySink({ eventsMax: 3 });
    for (let index = 0; index < 10; index += 1) log.record(eventOf(`${index}`));
    assert.deepEqual(
      log.last().map((event) => event.id),
      ['7', '8', '9'],
    );
  });
});
