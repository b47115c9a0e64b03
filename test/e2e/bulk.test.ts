/** Large bodies through the real program: whole, and in bounded memory. */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { curl, withoutCurl } from './curl.ts';
import { text } from './lines.ts';
import { peakBytes, withoutProc } from './memory.ts';
import { freshHome, run } from './program.ts';
import { patternHash, startService } from './service.ts';

const MB = 1_000_000;
const downloadBytes = 200 * MB;
const uploadBytes = 100 * MB;
/** Of relay and gateway together, in one process or in two. */
const memoryBytesMax = 250 * MB;

test('200 MB down and 100 MB up arrive whole through the embedded relay', { skip: withoutCurl }, async (context) => {
  const service = await startService(context);
  const home = await freshHome(context);
  const share = run(context, ['http', String(service.port), '--public'], { home });
  const ready = await share.line('ready');
  const [url, ca] = [text(ready, 'url'), text(ready, 'ca')];
  const down = await curl(['--cacert', ca, `${url}/download/${downloadBytes}`]);
  assert.deepEqual([down.status, down.bytes, down.sha256], [200, downloadBytes, patternHash(downloadBytes)]);
  const afterDownload = withoutProc === false ? peakBytes(share.pid) : null;

  // A file of zeros costs the disk nothing.
  const path = join(home, 'zeros');
  const file = await open(path, 'w');
  await file.truncate(uploadBytes);
  await file.close();
  const zeros = createHash('sha256');
  for (let left = uploadBytes; left > 0; left -= MB) zeros.update(Buffer.alloc(MB));
  const up = await curl(['--cacert', ca, '-T', path, `${url}/put`]);
  assert.equal(up.status, 200);
  assert.deepEqual([service.seen.at(-1)?.bytes, service.seen.at(-1)?.sha256], [uploadBytes, zeros.digest('hex')]);

  // Without a length: in chunks.
  const block = Buffer.from(Array.from({ length: 10_007 }, (_, at) => (at * 7) & 0xff));
  const chunked = await curl(['--cacert', ca, '-T', '-', `${url}/put`], Readable.from(Array.from({ length: 2_000 }, () => block)));
  assert.equal(chunked.status, 200);
  const expected = createHash('sha256');
  for (let count = 0; count < 2_000; count += 1) expected.update(block);
  assert.deepEqual([service.seen.at(-1)?.bytes, service.seen.at(-1)?.sha256], [2_000 * block.length, expected.digest('hex')]);

  await context.test('in less than 250 MB of memory', { skip: withoutProc }, (inner) => {
    const peak = peakBytes(share.pid);
    inner.diagnostic(`peak ${Math.round((afterDownload ?? 0) / MB)} MB after the download, ${Math.round(peak / MB)} MB after the uploads`);
    assert.ok(peak < memoryBytesMax, `${peak} bytes`);
  });
});

test('a visitor who does not read costs a window, and slows nobody', { skip: withoutCurl || withoutProc }, async (context) => {
  const service = await startService(context);
  const share = run(context, ['http', String(service.port), '--public'], { home: await freshHome(context) });
  const ready = await share.line('ready');
  const [url, ca] = [text(ready, 'url'), text(ready, 'ca')];
  // Eight visitors ask for 200 MB each and are stopped: each keeps its connection and reads no more.
  const stalled = Array.from({ length: 8 }, () => stalledVisitor(context, url, ca, `/download/${downloadBytes}`));
  await Promise.all(stalled);
  const before = peakBytes(share.pid);
  const down = await curl(['--cacert', ca, `${url}/download/${20 * MB}`]);
  assert.deepEqual([down.status, down.sha256], [200, patternHash(20 * MB)]);
  assert.ok(peakBytes(share.pid) < memoryBytesMax, `${before} bytes before, ${peakBytes(share.pid)} after`);
});

type Context = Parameters<typeof freshHome>[0];

/** Resolves when the first bytes of the answer have come; nothing is read after them. */
function stalledVisitor(context: Context, url: string, ca: string, path: string): Promise<void> {
  const { host, hostname, port } = new URL(url);
  const socket = connect({ host: '127.0.0.1', port: Number(port), servername: hostname, ca: readFileSync(ca) });
  context.after(async () => void socket.destroy());
  socket.on('error', () => undefined);
  socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  return new Promise((resolve) => {
    socket.once('data', () => {
      socket.pause();
      resolve();
    });
  });
}
