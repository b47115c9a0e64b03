/** A few hundred slow visitors before a gateway: others are served, and each kind is cut when its time is over. Ten thousand: `test/faults/slowloris/run.ts`. */

import assert from 'node:assert/strict';
import { request } from 'node:http';
import { test } from 'node:test';
import { freePort } from '../e2e/free-port.ts';
import { startService } from '../e2e/service.ts';
import { isReady, ownFolder, startWritten } from '../e2e/written-gateway.ts';
import { Crawlers, type Kind } from './slowloris/crawlers.ts';

type Context = Parameters<typeof ownFolder>[0];

/** The limits that are tested, by their names: short ones, so that a test can see them end. */
const short = {
  helloMs: 1_500,
  handshakeMs: 1_500,
  headMs: 1_500,
  bodyHeldMs: 1_500,
  bodyGraceMs: 1_500,
  idleMs: 1_500,
  upgradedIdleMs: 3_000,
};

async function gateway(context: Context, limits: Readonly<Record<string, number>>) {
  const [service, port, tlsPort] = await Promise.all([startService(context), freePort(), freePort()]);
  const text = `listen: ["http://127.0.0.1:${port}", "https://127.0.0.1:${tlsPort}"]
network: shared
services: { web: { to: ${service.port}, access: [public] } }
limits: ${JSON.stringify(limits)}
`;
  const running = await startWritten(context, { folder: await ownFolder(context), text });
  await running.event(isReady);
  return { port, tlsPort, service };
}

function visit(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path: '/page', headers: { host: 'localhost' }, agent: false }, (answer) => {
      answer.resume().once('end', () => resolve(answer.statusCode ?? 0));
    });
    asked.once('error', reject).end();
  });
}

test('slowloris: 300 visitors who drip into hello, head, body, answer and WebSocket keep nobody out, and are cut in time', async (context) => {
  const { port, tlsPort } = await gateway(context, { ...short, connectionsMax: 400, connectionsPerAddressMax: 20 });
  const crawlers = new Crawlers({ port, tlsPort, count: 300, perAddress: 20, perSecond: 5_000, pauseMs: 300, again: true });
  context.after(async () => crawlers.close());
  await crawlers.when(() => crawlers.open() >= 250);
  const times: number[] = [];
  for (let each = 0; each < 50; each += 1) {
    const began = performance.now();
    assert.equal(await visit(port), 200);
    times.push(performance.now() - began);
  }
  // A head, a hello and a short body have one time for all of it; what drips into a WebSocket is nobody's to judge.
  const cut: readonly Kind[] = ['hello', 'head', 'body'];
  await crawlers.when(() => cut.every((kind) => crawlers.cut[kind] >= 30));
  const sorted = times.toSorted((left, right) => left - right);
  context.diagnostic(`50 visits: median ${sorted[25]?.toFixed(1)} ms, slowest ${sorted.at(-1)?.toFixed(1)} ms`);
  assert.equal(crawlers.cut.websocket, 0);
});

test('slow read: who does not take an answer is cut, and its connection to the service is free again', async (context) => {
  const { port, tlsPort, service } = await gateway(context, {
    ...short,
    idleMs: 1_000,
    upstreamsPerServiceMax: 21,
    connectionsPerAddressMax: 30,
  });
  const crawlers = new Crawlers({
    port,
    tlsPort,
    count: 20,
    perAddress: 20,
    perSecond: 5_000,
    pauseMs: 300,
    again: false,
    kinds: ['response'],
  });
  context.after(async () => crawlers.close());
  await crawlers.when(() => crawlers.cut.response === 20);
  assert.equal(service.seen.filter(({ url }) => url.startsWith('/download')).length, 20);
  const all = await Promise.all(Array.from({ length: 20 }, () => visit(port)));
  assert.deepEqual(new Set(all), new Set([200]));
});

test('slowloris: one address has its share of connections, and takes nobody else’s', async (context) => {
  const { port, tlsPort } = await gateway(context, { connectionsMax: 100, connectionsPerAddressMax: 10 });
  const crawlers = new Crawlers({
    port,
    tlsPort,
    count: 60,
    perAddress: 60,
    perSecond: 5_000,
    pauseMs: 1_000,
    again: false,
    kinds: ['head'],
  });
  context.after(async () => crawlers.close());
  await crawlers.when(() => crawlers.cut.head + crawlers.refused === 50);
  assert.equal(crawlers.open(), 10);
  assert.equal(await visit(port), 200);
});
