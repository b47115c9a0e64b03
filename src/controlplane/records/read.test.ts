import assert from 'node:assert/strict';
import { appendFile, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { auditLine, droppedLine } from '../../core/audit/line.ts';
import type { AuditEvent } from '../../core/audit/event.ts';
import { followRecords, lastRecords, parseRecord, type Recorded } from './read.ts';
import { recordWords, shown } from './words.ts';

const event = (id: string, changes: Partial<AuditEvent> = {}): AuditEvent => ({
  time: '2026-11-21T10:00:00.000Z',
  id,
  service: 'blog',
  listener: 'https://127.0.0.1:8443',
  visitor: '192.0.2.1',
  viaRelay: false,
  who: 'user:ana',
  method: 'GET',
  host: 'blog.localhost',
  path: '/posts',
  verdict: 'pass',
  code: null,
  why: null,
  status: 200,
  bytesIn: 0,
  bytesOut: 12_400,
  durationMs: 31.4,
  ...changes,
});
const idOf = (record: Recorded): string => (record.is === 'event' ? record.event.id : `dropped ${record.count}`);

describe('records', () => {
  let folder: string;
  let count = 0;
  const fresh = (): string => join(folder, `log-${(count += 1)}.jsonl`);
  const part = (path: string, number: number): string => path.replace('.jsonl', `.${number}.jsonl`);
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-read-'));
  });
  after(() => rm(folder, { recursive: true }));

  it('are the last ones over all parts, the oldest first', async () => {
    const path = fresh();
    await writeFile(part(path, 10), auditLine(event('too old')));
    await writeFile(part(path, 2), auditLine(event('1')) + auditLine(event('2')));
    await writeFile(part(path, 1), auditLine(event('3')) + droppedLine('2026-11-21T10:00:00.000Z', 5));
    await writeFile(path, auditLine(event('4')));
    assert.deepEqual((await lastRecords(path, 4)).map(idOf), ['2', '3', 'dropped 5', '4']);
    assert.deepEqual((await lastRecords(path, 1)).map(idOf), ['4']);
    assert.equal((await lastRecords(path, 100)).length, 6);
    assert.deepEqual(await lastRecords(fresh(), 10), []);
  });

  it('are found at the end of a long file without reading all of it', async () => {
    const path = fresh();
    await writeFile(path, Array.from({ length: 3_000 }, (_, index) => auditLine(event(`${index}`))).join(''));
    assert.deepEqual(
      (await lastRecords(path, 700)).map(idOf),
      Array.from({ length: 700 }, (_, index) => `${index + 2_300}`),
    );
  });

  it('are followed over every rotation, and none comes twice', { timeout: 20_000 }, async () => {
    const path = fresh();
    await writeFile(path, auditLine(event('old')) + auditLine(event('0')));
    const done = new AbortController();
    const seen: string[] = [];
    const next = { wanted: 1, reached: Promise.withResolvers<void>() };
    const until = (wanted: number): Promise<void> => {
      Object.assign(next, { wanted, reached: Promise.withResolvers<void>() });
      if (seen.length >= wanted) next.reached.resolve();
      return next.reached.promise;
    };
    const following = (async () => {
      for await (const record of followRecords(path, { last: 1, signal: done.signal })) {
        seen.push(idOf(record));
        if (seen.length >= next.wanted) next.reached.resolve();
      }
    })();
    await until(1);
    // Half a line is none until its end has come.
    const line = auditLine(event('1'));
    await appendFile(path, line.slice(0, 20));
    await appendFile(path, line.slice(20));
    await until(2);
    await appendFile(path, auditLine(event('2')));
    await rename(path, part(path, 1));
    await writeFile(path, auditLine(event('3')));
    await until(4);
    await appendFile(path, auditLine(event('4')));
    await until(5);
    done.abort();
    await following;
    assert.deepEqual(seen, ['0', '1', '2', '3', '4']);
  });

  it('are ours or nothing', () => {
    assert.equal(parseRecord('{"time":"2026-11-21T10:00:00.000Z","id":"half'), null);
    assert.equal(parseRecord('[]'), null);
    assert.equal(parseRecord('{"id":7}'), null);
    const record = parseRecord(auditLine(event('x')).replace('"code":null', '"code":"of-another-version"'));
    assert.equal(record?.is === 'event' ? record.event.code : '', null);
  });

  it('are a line for people that cannot move a cursor or turn the writing round (log injection)', () => {
    const words = recordWords({
      is: 'event',
      event: event('x', { viaRelay: true, verdict: 'refuse', code: 'path-denied', why: 'firewall', status: 403 }),
    });
    assert.match(
      words,
      /^\d\d:\d\d:\d\d blog 192\.0\.2\.1 \(says the relay\) user:ana GET \/posts 403 12 kB 31 ms refused: path-denied \(firewall\)$/,
    );
    const nasty = recordWords({
      is: 'event',
      event: event('x', { path: '/\r\n\u001b[2J\u202e\u2066\0\u200b\ud800', service: '\u009b31m' }),
    });
    assert.doesNotMatch(nasty, /[\p{Cc}\p{Cf}\p{Cs}]/u);
    assert.ok(nasty.includes('\\u{1b}[2J\\u{202e}'));
    assert.equal(shown('Grüße, 世界'), 'Grüße, 世界');
  });
});
