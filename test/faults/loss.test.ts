/** Whole programs on a way of 60 ms: fifty streams while one packet in a hundred is lost, and one while none is. */

import { ok } from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { text } from '../e2e/lines.ts';
import { freshHome, run, runToEnd } from '../e2e/program.ts';
import { lossyWay, noWay, type LossyWay, type Side } from './lossy-way.ts';

type Context = Parameters<typeof freshHome>[0];

/** What is promised holds over half a minute. It is over as soon as it holds for this long: `SALLYPORT_LOSS_SECONDS=30` sees all of it. */
const leastSeconds = Number(process.env['SALLYPORT_LOSS_SECONDS'] ?? 5);
const mostSeconds = 30;
const streams = 50;

/** A program of ours at one side. */
function at(context: Context, { under }: Side, words: readonly string[]): ChildProcess {
  const [first = '', ...rest] = [...under, process.execPath, fileURLToPath(new URL('lossy-way-ends.ts', import.meta.url)), ...words];
  const child = spawn(first, rest, { stdio: ['pipe', 'pipe', 'inherit'] });
  context.after(async () => {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'close');
  });
  return child;
}

function linesOf(child: ChildProcess): AsyncIterator<string> {
  if (child.stdout === null) throw new Error('a child without output');
  return createInterface({ input: child.stdout })[Symbol.asyncIterator]();
}

type Place = Readonly<{ url: string; ca: string }>;

/** The relay and its visitors stand at one end, the gateway and its service at the other. */
async function place(context: Context, { near, far }: LossyWay): Promise<Place> {
  const [relayHome, home] = [await freshHome(context), await freshHome(context)];
  const words = ['relay', '--listen', `${near.address}:8443`, '--domain', 'example.test'];
  const relay = run(context, words, { home: relayHome, under: near.under });
  const service = String((await linesOf(at(context, far, ['service'])).next()).value);
  await relay.line('listening');
  const invited = await runToEnd(context, ['relay', 'invite', 'blog'], { home: relayHome, under: near.under });
  const joining = run(context, ['join', '-'], { home, under: far.under });
  joining.child.stdin?.end(`${text(invited.lines[0], 'code')}\n`);
  await joining.line('joined');
  const gateway = run(context, ['http', service, '--name', 'blog', '--public'], { home, under: far.under });
  const ready = await gateway.line('ready');
  return { url: text(ready, 'url'), ca: text(ready, 'ca') };
}

type Count = Readonly<{ at: number; got: readonly number[] }>;

/** What visitors have, again and again. */
async function* counts(context: Context, { near }: LossyWay, { url, ca }: Place, count: number): AsyncGenerator<Count> {
  const visitors = at(context, near, ['visitors', String(count), url, near.address, ca]);
  try {
    const lines = linesOf(visitors);
    for (let line = await lines.next(); line.done !== true; line = await lines.next()) yield JSON.parse(line.value) as Count;
    throw new Error('the visitors ended');
  } finally {
    visitors.kill('SIGKILL');
  }
}

const reason = noWay();

test('a long way', { skip: reason === null ? false : `not run: ${reason}`, timeout: 120_000 }, async (context) => {
  const way = await lossyWay(context, { delayMs: 30, mtu: 1_500 });
  const there = await place(context, way);

  await context.test('that loses 1 % gives each of 50 streams half of the mean', async (each) => {
    way.lose(1);
    let first: Count | null = null;
    for await (const count of counts(context, way, there, streams)) {
      // From when all of them run.
      if (first === null && count.got.every((bytes) => bytes > 0)) first = count;
      if (first === null || count.at - first.at < leastSeconds * 1_000) continue;
      const before = first;
      const seconds = (count.at - before.at) / 1_000;
      const got = count.got.map((bytes, index) => bytes - (before.got[index] ?? 0));
      const mean = got.reduce((sum, one) => sum + one, 0) / streams;
      const least = Math.min(...got) / mean;
      if (least < 0.5 && seconds < mostSeconds) continue;
      const mbits = (mean * streams * 8) / seconds / 1e6;
      each.diagnostic(`${Math.round(mbits)} Mbit/s in ${Math.round(seconds)} s, the least ${least.toFixed(2)} of the mean`);
      ok(least >= 0.5, `the least got ${least.toFixed(2)} of the mean`);
      break;
    }
  });

  await context.test('of 60 ms gives one stream 200 Mbit/s and more', async (each) => {
    way.lose(0);
    let best = 0;
    let last: Count | null = null;
    const began = performance.now();
    for await (const count of counts(context, way, there, 1)) {
      if (last !== null) best = Math.max(best, (((count.got[0] ?? 0) - (last.got[0] ?? 0)) * 8) / (count.at - last.at) / 1_000);
      last = count;
      // As soon as it was seen; a busy machine may need some time.
      if (best >= 200 || performance.now() - began > 20_000) break;
    }
    each.diagnostic(`${Math.round(best)} Mbit/s after ${((performance.now() - began) / 1_000).toFixed(1)} s`);
    ok(best >= 200, `${Math.round(best)} Mbit/s`);
  });
});
