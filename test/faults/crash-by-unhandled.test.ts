/** Attack class "crash by unhandled": whoever breaks a connection, at whatever point, ends nothing but that exchange. */

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { ask } from '../e2e/ask.ts';
import { freePort } from '../e2e/free-port.ts';
import { text } from '../e2e/lines.ts';
import { invitation, joinedHome, relayProgram } from '../e2e/machines.ts';
import { openFiles, withoutProc } from '../e2e/memory.ts';
import { freshHome, run, type Program } from '../e2e/program.ts';
import { breakingPaths, startBreakingService } from './breaking-service.ts';
import { breakAt, breakHandshake, points, tlsPoints, type Place } from './breaking-visitor.ts';
import { reset } from './reset.ts';

type Context = Parameters<typeof freshHome>[0];
const rounds = 6;
const atOnce = 12;

/** All of `work`, a dozen at a time. */
async function all(work: readonly (() => Promise<unknown>)[]): Promise<void> {
  const queue = [...work];
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (let next = queue.pop(); next !== undefined; next = queue.pop()) await next();
    }),
  );
}

/** Waits until it holds, by turns of the event loop. */
async function becomes(holds: () => boolean, otherwise: () => string): Promise<void> {
  for (const end = performance.now() + 10_000; !holds();) {
    if (performance.now() > end) assert.fail(otherwise());
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** A connection to the service that is idle now and was not before, or was not yet. */
const spareFiles = 2;

/** It still runs, has said nothing of a fault of its own, and has closed what it opened. */
async function unharmed(program: Program, filesBefore: number): Promise<void> {
  assert.equal(program.child.exitCode, null, program.stderr());
  assert.equal(program.stderr(), '');
  assert.deepEqual(
    program.lines.filter(({ event }) => event === 'error'),
    [],
  );
  if (withoutProc === false)
    await becomes(
      () => openFiles(program.pid) <= filesBefore + spareFiles,
      () => `${openFiles(program.pid)} open files, ${filesBefore} before`,
    );
}

/** Every point of a visitor, and every point of the service behind, some times over. */
function breaks(place: Place, ca: string | null): (() => Promise<unknown>)[] {
  const url = (path: string): string => `${place.tls ? 'https' : 'http'}://${place.host}${path}`;
  const visitors = Object.values(points).map((point) => () => breakAt(place, point));
  const handshakes = place.tls ? tlsPoints.map((point) => () => breakHandshake(place, point)) : [];
  const services = breakingPaths.flatMap((path) =>
    (path.endsWith('in-upload') ? ['POST'] : ['GET', 'POST']).map((method) => async () => {
      const asking = { ...(ca === null ? {} : { ca }), ...(method === 'POST' ? { method, body: 'x'.repeat(50_000) } : {}) };
      const got = await ask(url(path), { dial: '127.0.0.1', ...asking }).catch(() => null);
      assert.ok(got === null || got.status === 502 || path.endsWith('after-answer') || got.status === 200, `${path}: ${got?.status}`);
    }),
  );
  return Array.from({ length: rounds }, () => [...visitors, ...handshakes, ...services]).flat();
}

test('through a relay of its own: the same process, no fault of its own, nothing left open', { timeout: 60_000 }, async (context) => {
  const port = await startBreakingService(context);
  const share = run(context, ['http', String(port), '--name', 'demo', '--public'], { home: await freshHome(context) });
  const ready = await share.line('ready');
  const [url, ca] = [text(ready, 'url'), text(ready, 'ca')];
  const { host, port: relayPort } = new URL(url);
  assert.equal((await ask(`${url}/ok`, { ca })).status, 200);
  const before = withoutProc === false ? openFiles(share.pid) : 0;
  const work = breaks({ port: Number(relayPort), host, tls: true }, ca);
  assert.ok(work.length > 300);
  await all(work);
  assert.equal((await ask(`${url}/ok`, { ca })).body, 'ok');
  await unharmed(share, before);
  assert.equal(share.lines.filter(({ event }) => event === 'lost').length, 0);
});

test('at its own doors, also with a service that resets every connection', { timeout: 60_000 }, async (context) => {
  const [port, dead] = [await startBreakingService(context), await startBreakingService(context, true)];
  const home = await freshHome(context);
  const config = join(home, 'sallyport.yaml');
  const [plain, tls] = [await freePort(), await freePort()];
  await writeFile(
    config,
    [
      `listen: [http://127.0.0.1:${plain}, https://127.0.0.1:${tls}]`,
      'network: trusted',
      'services:',
      `  work: { at: work.test, to: ${port}, access: [public] }`,
      `  dead: { at: dead.test, to: ${dead}, access: [public] }`,
      '',
    ].join('\n'),
  );
  const gateway = run(context, ['gateway', '--config', config], { home });
  const ca = text(await gateway.line('ready', (line) => line['service'] === 'dead'), 'ca');
  const good = async (): Promise<void> => {
    for (const url of [`http://work.test:${plain}/ok`, `https://work.test:${tls}/ok`]) assert.equal((await ask(url, { ca })).body, 'ok');
  };
  await good();
  const before = withoutProc === false ? openFiles(gateway.pid) : 0;
  const deadOnes = Array.from({ length: 50 }, () => async () => assert.equal((await ask(`http://dead.test:${plain}/`)).status, 502));
  const places = [
    { port: plain, host: `work.test:${plain}`, tls: false },
    { port: tls, host: `work.test:${tls}`, tls: true },
  ];
  await all([...deadOnes, ...places.flatMap((place) => breaks(place, ca))]);
  await good();
  await unharmed(gateway, before);
});

/** Stands between gateway and relay, and resets one connection after so many bytes in either direction when it is told to. */
async function resettingLine(context: Context, target: () => number) {
  const state: { after: number | null; reset: () => void } = { after: null, reset: () => undefined };
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ host: '127.0.0.1', port: target(), allowHalfOpen: true });
    let bytes = 0;
    for (const [from, to] of [[near, far] as const, [far, near] as const]) {
      sockets.add(from);
      from.on('error', () => undefined);
      from.on('close', () => to.destroy());
      from.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (state.after === null || bytes < state.after) return;
        state.after = null;
        reset(near);
        reset(far);
        state.reset();
      });
      from.pipe(to);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.after(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return {
    port: (server.address() as AddressInfo).port,
    resetAfter: (bytes: number) =>
      new Promise<void>((resolve) => {
        state.after = bytes;
        state.reset = resolve;
      }),
    cutAll: (): void => {
      for (const socket of sockets) reset(socket);
      sockets.clear();
    },
  };
}

test('a carrier that is reset, with exchanges on it and in its greeting, comes again', { timeout: 60_000 }, async (context) => {
  const port = await startBreakingService(context);
  const target = { port: 0 };
  const line = await resettingLine(context, () => target.port);
  const relay = await relayProgram(context, { words: ['--address', `127.0.0.1:${line.port}`] });
  target.port = relay.port;
  const home = await joinedHome(context, await invitation(context, relay, 'blog'));
  const words = ['http', String(port), '--name', 'blog', '--public'];
  let share = run(context, words, { home });
  const ready = await share.line('ready');
  const ca = text(ready, 'ca');
  // Visitors come to the relay itself; only the carrier, and the gateway's own check, go over the line.
  const url = `https://blog.example.test:${relay.port}`;
  const visit = (path: string) => ask(`${url}${path}`, { ca }).catch(() => null);
  // Connections to the service stay for the next ones: as many as are to come at once are there before anything is counted.
  const several = () => ['/download', '/download', '/ok'].map(visit);
  await Promise.all(several());
  const before = withoutProc === false ? [openFiles(relay.pid), openFiles(share.pid)] : [0, 0];
  const back = async (): Promise<void> => {
    let got = await visit('/ok');
    for (const end = performance.now() + 15_000; got?.body !== 'ok' && performance.now() < end; got = await visit('/ok'))
      await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(got?.body, 'ok');
  };
  for (const bytes of [30_000, 3_000_000]) {
    const broken = line.resetAfter(bytes);
    const exchanges = several();
    await broken;
    // What runs goes on over the next connection.
    for (const got of await Promise.all(exchanges)) assert.equal(got?.status, 200);
    await back();
  }
  await unharmed(share, before[1]!);
  // The greeting is some 2 KB long: to be met in it, a new one must begin. A gateway that has been cut often waits longer.
  for (const bytes of [1, 1_700]) {
    await share.stop();
    share = run(context, words, { home });
    await share.line('ready');
    const broken = line.resetAfter(bytes);
    line.cutAll();
    await broken;
    await back();
  }
  await unharmed({ ...relay.program, pid: relay.pid }, before[0]!);
  await unharmed(share, before[1]!);
});
