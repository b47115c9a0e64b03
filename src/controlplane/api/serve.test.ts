import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, realpath, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { SallyportError } from '../../core/errors.ts';
import { openHome, type Home } from '../home.ts';
import { callControl, callControlOrFail } from './call.ts';
import { serveControl } from './serve.ts';
import { placesOf } from './socket-path.ts';
import type { ControlVerbs } from './verbs.ts';

describe('the control socket', () => {
  let place: string;
  let count = 0;
  const freshHome = (name = `h${(count += 1)}`): Promise<Home> => openHome({ SALLYPORT_HOME: join(place, name) });
  const faults: unknown[] = [];
  const onFault = (error: unknown): void => void faults.push(error);
  const env = { XDG_RUNTIME_DIR: undefined };

  before(async () => {
    place = await realpath(await mkdtemp(join(tmpdir(), 'sallyport-control-')));
  });
  after(() => rm(place, { recursive: true }));

  const raw = (socketPath: string, method: string, path: string, body: string): Promise<Readonly<{ status: number; text: string }>> =>
    new Promise((resolve, reject) => {
      const call = request({ socketPath, method, path, agent: false }, (response) => {
        let text = '';
        response
          .setEncoding('utf8')
          .on('data', (piece: string) => (text += piece))
          .on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      });
      call.on('error', reject);
      call.end(body);
    });

  it('is for its owner alone from the first moment on (class Z: a unix socket, 0600)', async () => {
    const umask = process.umask(0);
    try {
      const home = await freshHome();
      const serving = await serveControl(home, {}, { onFault, env });
      assert.equal((await stat(join(home.run, `${process.pid}.sock`))).mode & 0o777, 0o600);
      assert.equal(process.umask(), 0);
      await serving.close();
      assert.deepEqual(await readdir(home.run), []);
    } finally {
      process.umask(umask);
    }
  });

  it('carries a verb and its answer to every process of the home', async () => {
    const home = await freshHome();
    const verbs = (name: string): ControlVerbs => ({ status: () => ({ name }), close: async ({ service }) => `${name} closed ${service}` });
    const one = await serveControl(home, verbs('one'), { onFault, env, pid: 1_000_001 });
    const two = await serveControl(home, verbs('two'), { onFault, env, pid: 1_000_002 });
    assert.deepEqual(await callControl(home, 'status', {}), [
      { pid: 1_000_001, is: 'answer', answer: { name: 'one' } },
      { pid: 1_000_002, is: 'answer', answer: { name: 'two' } },
    ]);
    assert.deepEqual(await callControlOrFail(home, 'close', { service: 'blog' }), [
      { pid: 1_000_001, answer: 'one closed blog' },
      { pid: 1_000_002, answer: 'two closed blog' },
    ]);
    await one.close();
    await one.close();
    assert.equal((await callControl(home, 'status', {})).length, 1);
    await two.close();
    assert.deepEqual(await callControl(home, 'status', {}), []);
    await assert.rejects(callControlOrFail(home, 'status', {}), { code: 'process-missing' });
  });

  it('tells an error of ours with its code and hint, and nothing of a bug', async () => {
    const home = await freshHome();
    const verbs: ControlVerbs = {
      open: () => {
        throw new SallyportError('service-missing', 'There is no service blog.', { hint: 'See sallyport status.' });
      },
      reload: async () => {
        throw new TypeError('secret inner words');
      },
    };
    const serving = await serveControl(home, verbs, { onFault, env });
    await assert.rejects(callControlOrFail(home, 'open', { service: 'blog' }), {
      code: 'service-missing',
      message: 'There is no service blog.',
      hint: 'See sallyport status.',
    });
    await assert.rejects(
      callControlOrFail(home, 'reload', {}),
      (error: SallyportError) => error.code === 'program-failed' && !error.message.includes('secret'),
    );
    assert.match(String(faults.at(-1)), /secret inner words/);
    // Who does not know a verb is not there for it.
    await assert.rejects(callControlOrFail(home, 'status', {}), { code: 'process-missing' });
    await serving.close();
  });

  it('takes known verbs by POST with what their schema says, and no more', async () => {
    const home = await freshHome();
    const serving = await serveControl(home, { status: () => 'ok', close: () => 'closed' }, { onFault, env });
    const socket = join(home.run, `${process.pid}.sock`);
    assert.deepEqual(await raw(socket, 'POST', '/v1/status', '{}'), { status: 200, text: '{"answer":"ok"}' });
    for (const [method, path] of [
      ['GET', '/v1/status'],
      ['POST', '/v1/unknown'],
      ['POST', '/v1/__proto__'],
      ['POST', '/v1/constructor'],
      ['POST', '/'],
      ['POST', '/v1/open'],
      ['POST', '/v2/status'],
    ] as const)
      assert.equal((await raw(socket, method, path, '{}')).status, 404, `${method} ${path}`);
    for (const body of [
      '',
      'null',
      '[]',
      '{"service":7}',
      '{"service":"a","extra":1}',
      '{',
      '{"service":""}',
      `{"service":"${'a'.repeat(201)}"}`,
    ])
      assert.equal((await raw(socket, 'POST', '/v1/close', body)).status, 400, body);
    const long = await raw(socket, 'POST', '/v1/close', `{"service":"${'a'.repeat(70_000)}"}`).catch(() => ({ status: 422 }));
    assert.equal(long.status, 422);
    await serving.close();
  });

  it('moves beside a home whose path is too long for a socket, and is found there (107 bytes)', async () => {
    const home = await freshHome(join('x'.repeat(90), 'home'));
    for (const runtime of [undefined, join(place, 'runtime'), join(place, 'open-runtime')]) {
      if (runtime !== undefined)
        await (await import('node:fs/promises')).mkdir(runtime, { mode: runtime.includes('open') ? 0o755 : 0o700 });
      const serving = await serveControl(home, { status: () => 'ok' }, { onFault, env: { XDG_RUNTIME_DIR: runtime } });
      const [found] = await placesOf(home);
      assert.ok(found !== undefined && Buffer.byteLength(found.socket) <= 107);
      assert.equal(found.socket.startsWith(join(place, 'runtime')), runtime === join(place, 'runtime'));
      assert.equal((await stat(found.socket)).mode & 0o777, 0o600);
      assert.equal((await stat(dirname(found.socket))).mode & 0o077, 0);
      assert.equal((await stat(found.record)).mode & 0o777, 0o600);
      assert.deepEqual(await callControl(home, 'status', {}), [{ pid: process.pid, is: 'answer', answer: 'ok' }]);
      await serving.close();
      assert.deepEqual(await readdir(home.run), []);
      await assert.rejects(stat(found.socket), { code: 'ENOENT' });
    }
  });

  it('is cleared away behind a killed process, by the next caller and by the next of its number', async () => {
    const home = await freshHome();
    const leave = async (pid: number): Promise<string> => {
      const path = join(home.run, `${pid}.sock`);
      const child = spawn(
        process.execPath,
        ['-e', `process.umask(0o177); require('net').createServer().listen(${JSON.stringify(path)}, () => console.log('up'))`],
        { stdio: ['ignore', 'pipe', 'inherit'] },
      );
      await once(child.stdout, 'data');
      const closed = once(child, 'close');
      child.kill('SIGKILL');
      await closed;
      return path;
    };
    const old = await leave(2_000_001);
    // A young one may be about to listen: it stays.
    assert.deepEqual(await callControl(home, 'status', {}), []);
    assert.deepEqual(await readdir(home.run), ['2000001.sock']);
    await utimes(old, 1, 1);
    assert.deepEqual(await callControl(home, 'status', {}), []);
    assert.deepEqual(await readdir(home.run), []);

    await leave(2_000_002);
    const serving = await serveControl(home, { status: () => 'new' }, { onFault, env, pid: 2_000_002 });
    assert.deepEqual(await callControl(home, 'status', {}), [{ pid: 2_000_002, is: 'answer', answer: 'new' }]);
    // Over one home that two containers share, two live processes may have one number.
    const twin = await serveControl(home, { status: () => 'twin' }, { onFault, env, pid: 2_000_002 });
    assert.deepEqual(
      new Set((await callControl(home, 'status', {})).map((one) => (one.is === 'answer' ? one.answer : one.code))),
      new Set(['new', 'twin']),
    );
    await serving.close();
    await twin.close();
  });

  it('says so when a process hangs up or talks nonsense, and asks the others all the same', async () => {
    const home = await freshHome();
    const serving = await serveControl(home, { status: () => 'ok' }, { onFault, env, pid: 3 });
    const { createServer } = await import('node:net');
    const rude = createServer((socket) => socket.on('error', () => {}).end('SSH-2.0-nonsense\r\n'));
    await new Promise<void>((resolve) => {
      rude.listen(join(home.run, '4.sock'), resolve);
    });
    await writeFile(join(home.run, 'unrelated.txt'), '', { mode: 0o600 });
    const answers = await callControl(home, 'status', {});
    assert.deepEqual(
      answers.map((one) => [one.pid, one.is]),
      [
        [3, 'answer'],
        [4, 'error'],
      ],
    );
    assert.equal((await callControlOrFail(home, 'status', {})).length, 1);
    rude.close();
    await serving.close();
  });
});
