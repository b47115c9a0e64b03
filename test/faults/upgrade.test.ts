/** A relay that is upgraded, stopped and killed under load: the listening socket stays, and nobody who comes is refused. */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { WebSocket } from 'ws';
import { ask } from '../e2e/ask.ts';
import { text } from '../e2e/lines.ts';
import type { RelayProgram } from '../e2e/machines.ts';
import { invitation, joinedHome, relayProgram, shareInside } from '../e2e/machines.ts';
import type { Line, freshHome } from '../e2e/program.ts';
import { runToEnd } from '../e2e/program.ts';
import { patternHash, startService } from '../e2e/service.ts';
import { echoed, openWebSocket } from '../e2e/websocket.ts';

type Context = Parameters<typeof freshHome>[0];
type Place = Readonly<{ relay: RelayProgram; url: string; ca: string }>;

async function place(context: Context, ...words: readonly string[]): Promise<Place> {
  const { port } = await startService(context);
  const relay = await relayProgram(context, { words });
  const home = await joinedHome(context, await invitation(context, relay, 'blog'));
  const { url, ca } = await shareInside(context, port, ['--name', 'blog', '--public'], { home });
  return { relay, url, ca };
}

type Load = Readonly<{
  good: () => number;
  failures: readonly string[];
  more: (count: number) => Promise<void>;
  stop: () => Promise<void>;
}>;

/** A visitor who has been answered comes again after this: what programs need to start is not spent on handshakes alone. */
const breathMs = 20;

/** Visitors who come anew for each request: a TCP connection and a handshake each. */
function load(context: Context, { url, ca }: Place, visitors: number): Load {
  const failures: string[] = [];
  const state = { good: 0, running: true };
  const visit = async (): Promise<void> => {
    const body = `${state.good} ${Math.random()}`;
    const answer = await ask(`${url}/${body.length}`, { ca, method: 'POST', body });
    const { bytes } = JSON.parse(answer.body) as Readonly<{ bytes: number }>;
    if (answer.status === 200 && bytes === body.length) state.good += 1;
    else failures.push(`${answer.status} ${answer.body}`);
  };
  const all = Array.from({ length: visitors }, async () => {
    while (state.running) {
      await visit().catch((error: NodeJS.ErrnoException) => failures.push(error.code ?? error.message));
      await pause(breathMs);
    }
  });
  const stop = async (): Promise<void> => {
    state.running = false;
    await Promise.all(all);
  };
  context.after(stop);
  const more = async (count: number): Promise<void> => {
    const wanted = state.good + count;
    while (state.good < wanted && failures.length < 100) await pause(5);
  };
  return { good: () => state.good, failures, more, stop };
}

/** A download that stops in the middle until it is told to go on. */
async function slowDownload({ url, ca }: Place, length: number): Promise<Readonly<{ rest: () => Promise<string> }>> {
  const { hostname, port, host } = new URL(url);
  const options = {
    host: '127.0.0.1',
    port,
    servername: hostname,
    ca: readFileSync(ca),
    agent: false,
    path: `/download/${length}`,
    headers: { Host: host },
  };
  const response = await new Promise<IncomingMessage>((resolve, reject) => request(options, resolve).on('error', reject).end());
  const hash = createHash('sha256');
  const first = response.read() as Buffer | null;
  if (first !== null) hash.update(first);
  return {
    rest: async () => {
      for await (const piece of response as AsyncIterable<Buffer>) hash.update(piece);
      return hash.digest('hex');
    },
  };
}

async function webSocket({ url, ca }: Place): Promise<WebSocket> {
  const socket = await openWebSocket(`${url}/echo`, { ca });
  if (typeof socket === 'number') throw new Error(`the WebSocket was refused with ${socket}`);
  return socket;
}

async function upgraded({ relay }: Place): Promise<number> {
  const { code, lines, stderr } = await runToEnd({ after: () => undefined }, ['relay', 'upgrade'], { home: relay.home });
  assert.deepEqual([code, lines.map(({ event }) => event), stderr], [0, ['upgraded'], '']);
  return Number(lines[0]?.['pid']);
}

const saidOf = ({ relay }: Place, event: string): readonly Line[] => relay.program.lines.filter((line) => line.event === event);

function alive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function gone(pid: number): Promise<void> {
  for (const end = performance.now() + 20_000; alive(pid); await pause(10)) assert.ok(performance.now() < end, `${pid} is still there`);
}

test('upgrades under load refuse nobody; a WebSocket and a slow download live through all', { timeout: 60_000 }, async (context) => {
  const at = await place(context);
  const socket = await webSocket(at);
  const download = await slowDownload(at, 20_000_000);
  const visitors = load(context, at, 8);
  await visitors.more(50);
  const second = await upgraded(at);
  await visitors.more(100);
  assert.equal((await echoed(socket, 'after one')).toString(), 'after one');
  at.relay.program.child.kill('SIGHUP');
  await at.relay.program.line('leaving', (line) => line['pid'] === second);
  await visitors.more(100);
  assert.equal((await echoed(socket, 'after two')).toString(), 'after two');
  assert.equal(await download.rest(), patternHash(20_000_000));
  await visitors.stop();
  context.diagnostic(`${visitors.good()} requests answered, ${visitors.failures.length} failed`);
  assert.deepEqual(visitors.failures, []);
  // Both old ones end by themselves when nothing runs any more.
  assert.ok(alive(at.relay.pid), 'the WebSocket is at the first one');
  // Who leaves already is not asked again.
  await upgraded(at);
  assert.equal((await echoed(socket, 'after three')).toString(), 'after three');
  socket.close();
  for (const { pid } of saidOf(at, 'leaving')) await at.relay.program.line('left', (line) => line['pid'] === pid);
  await gone(at.relay.pid);
  assert.deepEqual(
    [saidOf(at, 'listening').length, saidOf(at, 'left').map(({ cut }) => cut), saidOf(at, 'warning'), at.relay.program.stderr()],
    [4, [0, 0, 0], [], ''],
  );
  assert.equal(await at.relay.program.stop(), 0);
});

test('a relay that was upgraded cuts what still runs when the time of --drain is over', { timeout: 60_000 }, async (context) => {
  const at = await place(context, '--drain', '1s');
  const socket = await webSocket(at);
  const closed = new Promise((resolve) => void socket.once('close', resolve));
  await upgraded(at);
  assert.equal((await ask(at.url, { ca: at.ca })).status, 200);
  await closed;
  const left = await at.relay.program.line('left', ({ pid }) => pid === at.relay.pid);
  assert.equal(left['cut'], 1);
});

test('a successor that cannot start changes nothing, and its reason is told', { timeout: 60_000 }, async (context) => {
  const at = await place(context);
  const socket = await webSocket(at);
  const key = join(at.relay.home, 'keys', 'relay.pem');
  const good = readFileSync(key);
  writeFileSync(key, 'no key');
  const failed = await runToEnd(context, ['relay', 'upgrade'], { home: at.relay.home });
  assert.deepEqual([failed.code, failed.lines.map(({ code }) => code)], [69, ['successor-failed']]);
  assert.match(text(failed.lines[0], 'message'), /this one goes on.*is damaged/);
  assert.equal((await at.relay.program.line('warning'))['code'], 'successor-failed');
  assert.equal((await echoed(socket, 'still here')).toString(), 'still here');
  assert.equal((await ask(at.url, { ca: at.ca })).status, 200);
  assert.deepEqual([saidOf(at, 'listening').length, saidOf(at, 'leaving').length], [1, 0]);
  writeFileSync(key, good);
  assert.ok(alive(await upgraded(at)));
  assert.equal((await echoed(socket, 'and now')).toString(), 'and now');
});

test(
  'kill -9 of the relay before, and of the one that serves: who comes waits in the socket, and is served',
  { timeout: 60_000 },
  async (context) => {
    const at = await place(context);
    const socket = await webSocket(at);
    const dead = new Promise((resolve) => void socket.once('close', resolve));
    const successor = await upgraded(at);
    const visitors = load(context, at, 4);
    await visitors.more(20);
    // The relay before, with what still runs on it: nobody else feels it.
    process.kill(at.relay.pid, 'SIGKILL');
    await dead;
    await visitors.more(20);
    assert.deepEqual(visitors.failures, []);
    await visitors.stop();

    process.kill(successor, 'SIGKILL');
    await gone(successor);
    // Nobody listens at this moment; the socket is held, and the connection waits in it.
    assert.equal((await ask(at.url, { ca: at.ca })).status, 200);
    const third = await at.relay.program.line('listening', ({ pid }) => pid !== at.relay.pid && pid !== successor);
    assert.ok(alive(Number(third['pid'])));

    // Whoever holds the socket takes everything along: the port is free for the next.
    at.relay.program.child.kill('SIGKILL');
    await gone(Number(third['pid']));
    await at.relay.program.exited;
    await relayProgram(context, { home: at.relay.home, port: at.relay.port });
  },
);

test('SIGTERM lets what runs end; said twice it ends at once', { timeout: 60_000 }, async (context) => {
  const at = await place(context);
  const running = await webSocket(at);
  at.relay.program.child.kill('SIGTERM');
  const leaving = await at.relay.program.line('leaving');
  assert.deepEqual([leaving['why'], leaving['visitors']], ['stop', 1]);
  await assert.rejects(ask(at.url, { ca: at.ca }), 'nobody listens any more');
  assert.equal((await echoed(running, 'to the end')).toString(), 'to the end');
  running.close();
  assert.equal(await at.relay.program.exited, 0);
  assert.equal(saidOf(at, 'left')[0]?.['cut'], 0);

  const other = await place(context);
  const socket = await webSocket(other);
  const closed = new Promise((resolve) => void socket.once('close', resolve));
  other.relay.program.child.kill('SIGINT');
  await other.relay.program.line('leaving');
  assert.equal((await echoed(socket, 'once')).toString(), 'once');
  other.relay.program.child.kill('SIGINT');
  await closed;
  assert.equal(await other.relay.program.exited, 0);
  assert.equal(saidOf(other, 'left')[0]?.['cut'], 1);
});
