/** A real nginx that lets 127.0.0.1 in and nobody else: who was let in by us is refused by it, and its owner is told the line to write. */

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { curl, withoutCurl } from './curl.ts';
import { freePort } from './free-port.ts';
import { text } from './lines.ts';
import { freshHome, runInside, runToEnd } from './program.ts';
import { startService } from './service.ts';

type Context = Parameters<typeof freshHome>[0];

const nginx = ['nginx', '/usr/sbin/nginx'].find((name) => spawnSync(name, ['-v'], { stdio: 'ignore' }).error === undefined);
const skip =
  process.platform !== 'linux' ? 'not run: 127.83.x.y is ours on Linux only' : nginx === undefined ? 'not run: no nginx' : withoutCurl;

/** With the access rule that protects most admin pages. */
async function startNginx(context: Context): Promise<number> {
  const place = await mkdtemp(join(tmpdir(), 'sallyport-nginx-'));
  const port = await freePort();
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${place}/${kind};`).join(' ');
  await writeFile(
    join(place, 'nginx.conf'),
    `daemon off; pid ${place}/pid; error_log ${place}/error.log; events {}
http { access_log off; ${temporary} server { listen 127.0.0.1:${port}; location / { allow 127.0.0.1; deny all; empty_gif; } } }`,
  );
  const child = spawn(nginx ?? '', ['-p', place, '-c', join(place, 'nginx.conf')], { stdio: 'ignore' });
  context.after(async () => {
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGTERM');
    await ended;
    await rm(place, { recursive: true, force: true });
  });
  while (!(await answers(port))) await new Promise((resolve) => setTimeout(resolve, 5));
  return port;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

test('a service that takes 127.0.0.1 alone: the owner is told the line to write, and status shows it', { skip }, async (context) => {
  const port = await startNginx(context);
  const home = await freshHome(context);
  const share = runInside(context, ['http', String(port), '--public'], { home });
  const ready = await share.line('ready');
  const { status } = await curl(['--cacert', text(ready, 'ca'), `${text(ready, 'url')}/`]);
  assert.equal(status, 403);
  const warning = await share.line('warning', ({ code }) => code === 'source-refused');
  assert.match(text(warning, 'message'), /it answers 127\.83\.\d+\.\d+ with 403, and 127\.0\.0\.1 with 200/);
  assert.match(text(warning, 'hint'), /allow 127\.83\.0\.0\/16;/);
  const { lines } = await runToEnd(context, ['status'], { home });
  assert.deepEqual((lines[0]?.['services'] as readonly { risks: unknown }[])[0]?.risks, ['source-refused']);
});

test('with from: 127.0.0.1 it answers, and status shows the risk', { skip }, async (context) => {
  const port = await startNginx(context);
  const home = await freshHome(context);
  const share = runInside(context, ['http', String(port), '--public', '--from', '127.0.0.1'], { home });
  assert.equal(text(await share.line('warning'), 'code'), 'source-local');
  const ready = await share.line('ready');
  const { status } = await curl(['--cacert', text(ready, 'ca'), `${text(ready, 'url')}/`]);
  assert.equal(status, 200);
  const told = await runToEnd(context, ['status'], { home, json: false });
  assert.match(told.lines.map((line) => String(line['text'])).join('\n'), /^Risk: .* is dialled from 127\.0\.0\.1/m);
});

test('a service sees no request but those of visitors', async (context) => {
  const { port, seen } = await startService(context);
  const share = runInside(context, ['http', String(port), '--public'], { home: await freshHome(context) });
  const ready = await share.line('ready');
  await curl(['--cacert', text(ready, 'ca'), `${text(ready, 'url')}/one`]);
  await share.stop();
  assert.deepEqual(
    seen.map(({ url }) => url),
    ['/one'],
  );
});

test('a port where nobody listens is said at once', { skip: process.platform !== 'linux' }, async (context) => {
  const share = runInside(context, ['http', String(await freePort())], { home: await freshHome(context) });
  assert.match(text(await share.line('warning'), 'message'), /^Nothing seems to listen on port \d+/);
  assert.deepEqual(await share.stop(), 0);
});
