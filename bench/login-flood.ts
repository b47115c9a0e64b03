/**
 * `node bench/login-flood.ts [SECONDS] [A SECOND]`: wrong logins from many addresses, and what a visitor notices of them who
 * signed in before. The real program on plain HTTP, so that what is measured is guessing and not handshakes; Linux, where
 * every address of 127.0.0.0/8 is this machine's.
 */

import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const seconds = Number(process.argv[2] ?? 10);
const aSecond = Number(process.argv[3] ?? 1_000);
const addresses = 250;
const main = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url));
const password = 'four unrelated words here';

type Answer = Readonly<{ status: number; ms: number }>;

function ask(port: number, user: string, words: string, from: string, agent: Agent): Promise<Answer> {
  const begun = performance.now();
  const authorization = `Basic ${Buffer.from(`${user}:${words}`).toString('base64')}`;
  const options = {
    port,
    host: '127.0.0.1',
    localAddress: from,
    agent,
    headers: { Authorization: authorization, Host: 'blog.example.test' },
  };
  return new Promise((resolve) => {
    const asked = request(options, (response) => {
      response.resume();
      response.once('end', () => resolve({ status: response.statusCode ?? 0, ms: performance.now() - begun }));
    });
    asked.once('error', () => resolve({ status: 0, ms: performance.now() - begun }));
    asked.end();
  });
}

function quantile(times: readonly number[], of: number): string {
  const sorted = times.toSorted((one, other) => one - other);
  return `${(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * of))] ?? 0).toFixed(1)} ms`;
}

async function memoryOf(pid: number): Promise<string> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return `${Math.round(Number(/VmRSS:\s+(\d+)/.exec(text)?.[1] ?? 0) / 1024)} MiB`;
}

const home = await mkdtemp(join(tmpdir(), 'sallyport-flood-'));
const service = createServer((_request, response) => response.end('here'));
await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
const { port: behind } = service.address() as AddressInfo;
const free = createServer();
await new Promise<void>((resolve) => free.listen(0, '127.0.0.1', resolve));
const { port } = free.address() as AddressInfo;
await new Promise((resolve) => free.close(resolve));
const file = join(home, 'sallyport.yaml');
await writeFile(
  file,
  `listen: http://127.0.0.1:${port}\nnetwork: trusted\nlocal: guarded\nlimits: { connectionsPerAddressMax: 1000 }\nservices: { blog: { at: blog.example.test, to: ${behind}, access: [{ password: {} }] } }\n`,
);
const env = { ...process.env, SALLYPORT_HOME: join(home, 'home'), SALLYPORT_USER: 'root', SALLYPORT_PASSWORD: password };
const added = spawn(process.execPath, [main, 'users', 'add', 'ana'], { env, stdio: 'inherit' });
await new Promise((resolve) => added.once('close', resolve));
const gateway = spawn(process.execPath, [main, 'up', '--config', file, '--json'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
await new Promise<void>((resolve, reject) => {
  gateway.once('close', (code) => reject(new Error(`the gateway ended with ${code}`)));
  gateway.stdout.on('data', (text: Buffer) => text.includes('"ready"') && resolve());
});

const own = new Agent({ keepAlive: true, maxSockets: 1 });
const visit = (): Promise<Answer> => ask(port, 'ana', password, '127.0.0.1', own);
const quiet: number[] = [];
for (let at = 0; at < 200; at += 1) quiet.push((await visit()).ms);
const before = await memoryOf(gateway.pid ?? 0);
const agents = Array.from({ length: addresses }, () => new Agent({ keepAlive: true, maxSockets: 4 }));
const statuses = new Map<number, number>();
const [during, fresh]: [number[], number[]] = [[], []];
const visitors: Promise<unknown>[] = [];
const flood = { over: false };
const visitor = (async () => {
  while (!flood.over) {
    const { ms, status } = await visit();
    if (status !== 200) throw new Error(`the visitor was answered ${status}`);
    during.push(ms);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
})();
const begun = performance.now();
let sent = 0;
while (performance.now() - begun < seconds * 1_000) {
  const due = Math.floor(((performance.now() - begun) / 1_000) * aSecond);
  for (; sent < due; sent += 1) {
    const from = sent % addresses;
    const agent = agents[from];
    if (agent === undefined) break;
    visitors.push(
      ask(port, `user${sent % 7_919}`, `guess ${sent}`, `127.9.${from >> 6}.${(from & 63) + 1}`, agent).then(({ status, ms }) => {
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        fresh.push(ms);
      }),
    );
  }
  await new Promise((resolve) => setTimeout(resolve, 5));
}
flood.over = true;
await visitor;
await Promise.all(visitors);
process.stdout.write(
  [
    `${sent} wrong logins in ${seconds} s from ${addresses} addresses; answered: ${[...statuses].map(([status, count]) => `${count} × ${status}`).join(', ')}`,
    `a visitor who is signed in: p50 ${quantile(quiet, 0.5)}, p99 ${quantile(quiet, 0.99)} before; p50 ${quantile(during, 0.5)}, p99 ${quantile(during, 0.99)} in the flood (${during.length} requests)`,
    `memory of the gateway: ${before} before, ${await memoryOf(gateway.pid ?? 0)} after; who guesses: p50 ${quantile(fresh, 0.5)}, p99 ${quantile(fresh, 0.99)}`,
    '',
  ].join('\n'),
);
gateway.kill('SIGTERM');
await new Promise((resolve) => gateway.once('close', resolve));
for (const agent of [own, ...agents]) agent.destroy();
service.closeAllConnections();
service.close();
await rm(home, { recursive: true, force: true });
