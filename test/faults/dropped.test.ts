/** Thousands of visitors who come and go at every stage leave nothing behind: no open file, no memory, no place in the caps. */

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { ask } from '../e2e/ask.ts';
import { freePort } from '../e2e/free-port.ts';
import { text } from '../e2e/lines.ts';
import { openFiles, residentBytes, withoutProc } from '../e2e/memory.ts';
import { freshHome, run, type Program } from '../e2e/program.ts';
import { startBreakingService } from './breaking-service.ts';
import { breakAt, breakHandshake, points, type Place } from './breaking-visitor.ts';

const atOnce = 40;
const MB = 1_000_000;
/** A connection costs some 30 KB of memory at least: two thousand that stay would be seen. */
const memoryBytesMax = 50 * MB;

async function times(count: number, visit: () => Promise<unknown>): Promise<void> {
  let left = count;
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while ((left -= 1) >= 0) await visit();
    }),
  );
}

const leave = (socket: Socket): void => void socket.destroy();

/** Waits until the program has as many files open as before, but for a pool's worth. */
async function settled(program: Program, filesBefore: number): Promise<number> {
  const most = filesBefore + 3;
  for (const end = performance.now() + 10_000; openFiles(program.pid) > most && performance.now() < end;)
    await new Promise((resolve) => setTimeout(resolve, 20));
  return openFiles(program.pid) - most;
}

/**
 * With a small heap garbage is collected and not gathered: what stays is what is kept. So small a heap needs a young generation that
 * fits into it beside the rest: with one of the usual size V8 marks the whole heap each time that it would look at the young one, and
 * that costs more than all visitors.
 */
const env = { NODE_OPTIONS: '--max-old-space-size=64 --max-semi-space-size=4' };

const stages = ['before a byte', 'in the head', 'at the head of the answer', 'in a body that flows', 'in a WebSocket'];

test(
  'thousands of visitors dropped at each stage leave no open file and no memory',
  { skip: withoutProc, timeout: 90_000 },
  async (context) => {
    const port = await startBreakingService(context);
    const home = await freshHome(context);
    const [plain, tls] = [await freePort(), await freePort()];
    const config = join(home, 'sallyport.yaml');
    await writeFile(
      config,
      [
        `listen: [http://127.0.0.1:${plain}, https://127.0.0.1:${tls}]`,
        'network: trusted',
        // Who ends their side may still read: an event stream stays for them as long as an answer may take.
        'limits: { answerMs: 1000 }',
        `services: { work: { at: work.test, to: ${port}, access: [public] } }`,
        '',
      ].join('\n'),
    );
    const gateway = run(context, ['gateway', '--config', config], { home, env });
    const ca = text(await gateway.line('ready'), 'ca');
    const door: Place = { port: plain, host: `work.test:${plain}`, tls: false };
    const secure: Place = { port: tls, host: `work.test:${tls}`, tls: true };
    const work: readonly (readonly [name: string, count: number, visit: () => Promise<unknown>])[] = [
      ...stages.map((name) => [name, 200, () => breakAt(door, points[name]!, leave)] as const),
      ...stages.map((name) => [`${name}, by a reset`, 200, () => breakAt(door, points[name]!)] as const),
      ['in a stream of events', 100, () => breakAt(door, points['in a stream of events']!, leave)],
      ['in a stream of events, by a reset', 200, () => breakAt(door, points['in a stream of events']!)],
      ['in the hello', 400, () => breakHandshake(secure, 'in the hello')],
      ['after the handshake', 100, () => breakAt(secure, points['before a byte']!, leave)],
      ['in a stream of events, over TLS', 100, () => breakAt(secure, points['in a stream of events']!)],
    ];
    const files = openFiles(gateway.pid);
    // Once to warm up: code is compiled, and the heap has its size.
    for (const [, count, visit] of work) await times(count / 10, visit);
    assert.ok((await settled(gateway, files)) <= 0);
    const before = residentBytes(gateway.pid);
    for (const [name, count, visit] of work) {
      await times(count, visit);
      assert.ok((await settled(gateway, files)) <= 0, `${name}: ${openFiles(gateway.pid)} open files, ${files} before`);
    }
    const grown = residentBytes(gateway.pid) - before;
    context.diagnostic(`${Math.round(before / MB)} MB before, ${Math.round(grown / MB)} MB more after`);
    assert.ok(grown < memoryBytesMax, `${grown} bytes more`);
    assert.equal((await ask(`https://work.test:${tls}/ok`, { ca })).body, 'ok');
    assert.deepEqual([gateway.stderr(), gateway.lines.filter(({ event }) => event === 'error')], ['', []]);
  },
);

test('visitors dropped behind a relay likewise', { skip: withoutProc, timeout: 60_000 }, async (context) => {
  const port = await startBreakingService(context);
  const share = run(context, ['http', String(port), '--name', 'demo', '--public'], { home: await freshHome(context), env });
  const ready = await share.line('ready');
  const [url, ca] = [text(ready, 'url'), text(ready, 'ca')];
  const { host, port: relayPort } = new URL(url);
  const place = { port: Number(relayPort), host, tls: true };
  const files = openFiles(share.pid);
  for (const name of ['before a byte', 'in the head', 'at the head of the answer', 'in a WebSocket']) {
    await times(150, () => breakAt(place, points[name]!, leave));
    assert.ok((await settled(share, files)) <= 0, `${name}: ${openFiles(share.pid)} open files, ${files} before`);
  }
  // Who only ends their side may still read; who resets the connection does not.
  await times(150, () => breakAt(place, points['in a stream of events']!));
  assert.ok((await settled(share, files)) <= 0, `${openFiles(share.pid)} open files, ${files} before`);
  assert.equal((await ask(`${url}/ok`, { ca })).body, 'ok');
  assert.deepEqual([share.stderr(), share.lines.map(({ event }) => event)], ['', ['ready']]);
});
