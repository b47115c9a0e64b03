/** Several backends of one service, as real processes: killed, hung and revived under load. */

import assert from 'node:assert/strict';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { GatewayEvent } from '../../src/controlplane/config/running.ts';
import { startAwake } from '../doubles/awake.ts';
import { ask, startBackend, startCrowd } from './backends.ts';
import { startService } from './service.ts';
import { isReady, ownFolder, startWritten, type WrittenGateway } from './written-gateway.ts';

type News = Extract<GatewayEvent, { event: 'backend' }>;

/** The first of its kind: each test has one of both. */
function news(written: WrittenGateway, state: 'up' | 'down'): Promise<News> {
  return written.event((event): event is News => event.event === 'backend' && event.state === state);
}

async function start(context: TestContext, service: string): Promise<Readonly<{ written: WrittenGateway; port: number; text: string }>> {
  const text = `listen: http://127.0.0.1:0\nnetwork: trusted\nservices:\n  web: { access: [public], ${service} }\n`;
  const written = await startWritten(context, { folder: await ownFolder(context), text });
  const { url } = await written.event(isReady);
  return { written, port: Number(new URL(url).port), text };
}

test('a backend that is killed costs no idempotent request, and has its share again when it is back', async (context) => {
  const [one, two] = await Promise.all([startBackend(context, 'one'), startBackend(context, 'two')]);
  const { written, port } = await start(context, `to: [${one.where}, ${two.where}], balance: { check: { every: 1s, within: 1s } }`);
  const crowd = startCrowd(context, port, 12);
  await crowd.more(100, 'two');
  await two.kill();
  const gone = await news(written, 'down');
  assert.equal(gone.backend, `http://localhost:${two.where}`);
  await crowd.more(200, 'one');
  assert.deepEqual(
    written.gateway.status().services[0]?.backends?.map(({ state }) => state),
    ['up', 'down'],
  );
  await startBackend(context, 'two', two.where);
  const awake = startAwake(context);
  await news(written, 'up');
  const waited = awake();
  await crowd.more(100, 'two');
  await crowd.leave();
  assert.deepEqual(crowd.failures, []);
  // A round of checks, and what a busy machine adds to it.
  assert.ok(waited < 2_500, `${waited} ms until it was taken back`);
  context.diagnostic(`${[...crowd.answers].join(' ')} answered, 0 failed; back after ${Math.round(waited)} ms`);
});

test('a backend that hangs costs no idempotent request, whoever waits for it is led elsewhere', async (context) => {
  const [one, two] = await Promise.all([startBackend(context, 'one'), startBackend(context, 'two')]);
  const { written, port } = await start(
    context,
    `to: [${one.where}, ${two.where}], balance: { check: { path: /health, every: 1s, within: 1s, fails: 1 } }`,
  );
  const crowd = startCrowd(context, port, 12);
  await crowd.more(100, 'two');
  two.signal('SIGSTOP');
  // All of them wait for it in the end, and go on when it is known to hang: long before an answer would have been due.
  const gone = await news(written, 'down');
  assert.equal(gone.code, 'upstream-timed-out');
  await crowd.more(200, 'one');
  two.signal('SIGCONT');
  await news(written, 'up');
  await crowd.more(100, 'two');
  await crowd.leave();
  assert.deepEqual(crowd.failures, []);
  context.diagnostic(`${[...crowd.answers].join(' ')} answered, 0 failed`);
});

test('without a path to ask for, the time for an answer tells that a backend hangs', async (context) => {
  const [one, two] = await Promise.all([startBackend(context, 'one'), startBackend(context, 'two')]);
  const { written, port } = await start(
    context,
    `to: [${one.where}, ${two.where}], timeouts: { answer: 1s }, balance: { check: { every: 1s, within: 1s } }`,
  );
  const crowd = startCrowd(context, port, 12);
  await crowd.more(50, 'two');
  two.signal('SIGSTOP');
  await news(written, 'down');
  await crowd.more(100, 'one');
  two.signal('SIGCONT');
  await news(written, 'up');
  await crowd.leave();
  assert.deepEqual(crowd.failures, []);
});

test('a backend that is taken out of the list ends what it carries, and gets nobody new', async (context) => {
  const folder = await ownFolder(context);
  const [one, two] = await Promise.all([startBackend(context, 'one', join(folder, 'one.sock')), startBackend(context, 'two')]);
  const { written, port, text } = await start(context, `to: ['unix:${one.where}', ${two.where}]`);
  const running = [1, 2].map(() => ask({ port, path: '/?ms=400' }));
  const isCarried = (): boolean => written.gateway.status().services[0]?.backends?.every(({ live }) => live === 1) === true;
  while (!isCarried()) await new Promise((resolve) => setTimeout(resolve, 5));
  await written.rewrite(text.replace(`'unix:${one.where}', `, ''));
  const answers = await Promise.all(running);
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 200],
  );
  assert.deepEqual(answers.map(({ body }) => body).toSorted(), ['one', 'two']);
  const next = await Promise.all([1, 2, 3].map(() => ask({ port })));
  assert.deepEqual(
    next.map(({ body }) => body),
    ['two', 'two', 'two'],
  );
});

test('a visitor comes back to the same backend by a cookie that no service sees', async (context) => {
  const [one, two] = await Promise.all([startService(context), startService(context)]);
  const { port } = await start(context, `to: [${one.port}, ${two.port}], balance: { sticky: cookie }`);
  const first = await ask({ port });
  assert.equal(first.cookies.length, 1);
  const [pair = ''] = (first.cookies[0] ?? '').split(';');
  assert.match(pair, /^sallyport-way-[\w-]{8}=[\w-]{22}$/, 'in the clear a browser would not take __Host-');
  const chosen = one.seen.length === 1 ? one : two;
  for (let turn = 0; turn < 4; turn += 1) assert.deepEqual((await ask({ port, headers: { cookie: `theme=dark; ${pair}` } })).cookies, []);
  assert.equal(chosen.seen.length, 5);
  assert.equal(one.seen.length + two.seen.length, 5);
  const said = chosen.seen.flatMap(({ headers }) => headers);
  assert.equal(
    said.some((text) => text.includes('sallyport-way')),
    false,
  );
  assert.equal(said.filter((text) => text === 'theme=dark').length, 4);
});

test('retry of what may have begun: a POST whose backend breaks is never sent to another, a GET is', async (context) => {
  const seen: string[] = [];
  const breaking = await Promise.all(
    ['one', 'two'].map(async (name) => {
      const server = createServer((socket) => {
        socket
          .on('error', () => undefined)
          .once('data', (bytes: Buffer) => {
            seen.push(`${name} ${bytes.toString('latin1').split(' ')[0] ?? ''}`);
            socket.destroy();
          });
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      context.after(() => new Promise<void>((resolve) => void server.close(() => resolve())));
      return (server.address() as AddressInfo).port;
    }),
  );
  const { port } = await start(
    context,
    `to: ['127.0.0.1:${breaking[0]}', '127.0.0.1:${breaking[1]}'], balance: { check: { every: 1h, fails: 100 } }`,
  );
  assert.equal((await ask({ port, method: 'POST' })).status, 502);
  assert.equal(seen.length, 1);
  assert.equal((await ask({ port })).status, 502);
  assert.deepEqual(seen.slice(1).toSorted(), ['one GET', 'two GET'], 'by each once, and by none again');
});
