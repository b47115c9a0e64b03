/** A forward proxy beside Squid and tinyproxy: a name and a password for each request, and the log on, for all of them. */

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { setTimeout as pause } from 'node:timers/promises';
import { measureBulk, measureWindow, windows, wrkWords, type Bulk, type Rate, type Target } from './load.ts';
import { eventOf, sallyport } from './ours.ts';
import { runPeer, type Running } from './peers.ts';
import { find, freePort, listening, start, stop } from './processes.ts';
import { residentBytes } from './proxy-memory.ts';
import { figure, table } from './table.ts';

const user = 'bench';
const password = 'a-load-of-wrk-nothing-else';
const shown = `Proxy-Authorization: Basic ${btoa(`${user}:${password}`)}`;

/** Idle tunnels that are weighed: the first that there are, and as many beside them. With the first a program's own memory grows as well. */
const tunnels = 2_000;

type Secure = Readonly<{ port: number; ca: string }>;
/** `restMs`: how long it takes until it has given back what it took for a burst. */
type Proxy = Running & Readonly<{ secure?: Secure; restMs?: number }>;
type Peer = Readonly<{ name: string; run: (folder: string, origin: number, idle: number) => Promise<Proxy | null> }>;

export type ProxyResult = Readonly<{ system: string; rate: Rate; bulk: Bulk; kilobytes: Weight; kilobytesTls: Weight | null }>;

/** KB for each of the first tunnels, and for each that comes beside them. */
type Weight = Readonly<{ first: number; more: number }>;

const squid: Peer = {
  name: 'Squid',
  async run(folder, origin, idle) {
    if (find('squid') === null) return null;
    const [own, port] = [join(folder, 'squid'), await freePort()];
    await mkdir(own, { recursive: true });
    await chmod(folder, 0o755);
    // It gives up root for a user of its own.
    await chmod(own, 0o777);
    const hash = execFileSync('openssl', ['passwd', '-apr1', password]).toString().trim();
    await writeFile(join(own, 'users'), `${user}:${hash}\n`);
    const checker = ['/usr/lib/squid', '/usr/lib64/squid', '/usr/libexec/squid'].find((place) => existsSync(`${place}/basic_ncsa_auth`));
    const config = [
      `http_port 127.0.0.1:${port}`,
      `auth_param basic program ${checker ?? '/usr/lib/squid'}/basic_ncsa_auth ${own}/users`,
      'auth_param basic credentialsttl 1 hour',
      'acl known proxy_auth REQUIRED',
      `acl there port ${origin} ${idle}`,
      'http_access allow known there',
      'http_access deny all',
      'cache deny all',
      'cache_mem 8 MB',
      `access_log stdio:${own}/access.log`,
      `cache_log ${own}/cache.log`,
      `coredump_dir ${own}`,
      `pid_filename ${own}/pid`,
      'visible_hostname localhost',
      'max_filedescriptors 16384',
      'shutdown_lifetime 1 second',
      '',
    ];
    await writeFile(join(own, 'squid.conf'), config.join('\n'));
    // A name of its own: memory that is shared under the usual one may be another Squid's.
    return runPeer('squid', port, ['-n', `bench${port}`, '-N', '-f', join(own, 'squid.conf')]);
  },
};

const tinyproxy: Peer = {
  name: 'tinyproxy',
  async run(folder, origin, idle) {
    const [own, port] = [join(folder, 'tinyproxy'), await freePort()];
    await mkdir(own, { recursive: true });
    const config = [
      `Port ${port}`,
      'Listen 127.0.0.1',
      `BasicAuth ${user} ${password}`,
      `LogFile "${own}/log"`,
      'LogLevel Connect',
      'MaxClients 8192',
      'Timeout 600',
      `ConnectPort ${origin}`,
      `ConnectPort ${idle}`,
      '',
    ];
    await writeFile(join(own, 'tinyproxy.conf'), config.join('\n'));
    return runPeer('tinyproxy', port, ['-d', '-c', join(own, 'tinyproxy.conf')]);
  },
};

const ours: Peer = {
  name: 'Sallyport',
  async run(folder, origin, idle) {
    const own = join(folder, 'proxy');
    await mkdir(own, { recursive: true, mode: 0o700 });
    const env = { SALLYPORT_HOME: join(own, 'home'), SALLYPORT_PASSWORD: password };
    await mkdir(env.SALLYPORT_HOME, { mode: 0o700 });
    await eventOf(start(sallyport, ['users', 'add', user, '--json'], env), 'user');
    const [port, securePort] = [await freePort(), await freePort()];
    const limits = { keepAliveExchangesMax: 1_000_000_000, connectionsPerAddressMax: 10_000, connectionsMax: 20_000 };
    const file = join(own, 'sallyport.yaml');
    const listen = `["http://127.0.0.1:${port}", "https://127.0.0.1:${securePort}"]`;
    await writeFile(
      file,
      `services:
  out: { proxy: { listen: ${listen} }, access: [{ password: { users: [${user}] } }], destinations: { allow: ["127.0.0.1:${origin},${idle}"] } }
limits: ${JSON.stringify(limits)}\n`,
    );
    const program = start(sallyport, ['up', '--config', file, '--json'], env);
    await listening(port, program);
    const ready = await eventOf(program, 'ready');
    const secure = { port: securePort, ca: await readFile(String(ready['ca']), 'latin1') };
    return { port, programs: [program], stop: () => stop(program), secure, restMs: 30_000 };
  },
};

type Measuring = Readonly<{ wrk: string; curl: string; folder: string; origin: number; seconds: number; note: (words: string) => void }>;

/** @returns what was measured, whom there was not, and what failed */
export async function measureProxies(measuring: Measuring) {
  const results: ProxyResult[] = [];
  const absent: string[] = [];
  const broken: string[] = [];
  const held = new Set<Socket>();
  const silent = createServer((socket) => void held.add(socket.on('error', () => undefined)));
  await new Promise<void>((resolve) => silent.listen({ port: 0, host: '127.0.0.1', backlog: 1_024 }, resolve));
  const idle = (silent.address() as AddressInfo).port;
  for (const peer of [squid, tinyproxy, ours]) {
    measuring.note(`… ${peer.name} (proxy)`);
    try {
      const proxy = await peer.run(measuring.folder, measuring.origin, idle);
      if (proxy === null) absent.push(peer.name);
      else results.push(await measureOne(peer.name, proxy, idle, measuring));
      proxy?.stop();
    } catch (error) {
      broken.push(`${peer.name}: ${error instanceof Error ? error.message : String(error)}`);
    }
    for (const socket of held) socket.destroy();
    held.clear();
  }
  silent.close();
  // tinyproxy closes each connection with its answer, which wrk takes for a failure.
  for (const { system, rate } of results)
    if (rate.failures > 0 && system !== tinyproxy.name) broken.push(`${system}: ${rate.failures} requests failed`);
  return { results, absent, broken };
}

/** The tunnels first: what a load has left behind is not theirs. */
async function measureOne(
  system: string,
  proxy: Proxy,
  idle: number,
  { wrk, curl, folder, origin, seconds }: Measuring,
): Promise<ProxyResult> {
  const kilobytes = await weigh(proxy, idle, null);
  const kilobytesTls = proxy.secure === undefined ? null : await weigh(proxy, idle, proxy.secure);
  const words = ['--noproxy', '', '--proxytunnel', '--proxy', `http://127.0.0.1:${proxy.port}`, '--proxy-header', shown];
  const bulk = await measureBulk(curl, [...words, `http://127.0.0.1:${origin}/bulk`], proxy.programs);
  return { system, rate: await absolute(wrk, folder, origin, { ...proxy, seconds }), bulk, kilobytes, kilobytesTls };
}

/** Requests in absolute form: wrk writes the target as it is told. */
async function absolute(
  wrk: string,
  folder: string,
  origin: number,
  { port, programs, seconds }: Running & { seconds: number },
): Promise<Rate> {
  const target: Target = { url: `http://127.0.0.1:${port}/`, port, connections: 64, seconds, fields: [shown], programs };
  const words = await wrkWords(folder, target);
  const file = words[words.indexOf('-s') + 1] ?? '';
  await writeFile(file, `${await readFile(file, 'utf8')}\nwrk.path = "http://127.0.0.1:${origin}/"\n`);
  const rates: Rate[] = [];
  await measureWindow(wrk, words, { ...target, seconds: 2 });
  for (let window = 0; window < windows; window += 1) rates.push(await measureWindow(wrk, words, target));
  const [best] = rates.toSorted((one, other) => one.cpuMicros - other.cpuMicros);
  if (best === undefined) throw new Error('nothing was measured');
  return { ...best, failures: rates.reduce((sum, { failures }) => sum + failures, 0) };
}

/** What a tunnel costs that nothing goes through. */
async function weigh({ port, programs, restMs = 1_000 }: Proxy, idle: number, secure: Secure | null): Promise<Weight> {
  const open: Socket[] = [];
  const atRest = async (): Promise<number> => {
    await pause(restMs);
    return residentBytes(programs);
  };
  const held = async (count: number): Promise<number> => {
    for (let at = 0; at < count; at += 50) open.push(...(await Promise.all(Array.from({ length: 50 }, () => tunnel(port, idle, secure)))));
    return atRest();
  };
  try {
    const empty = await atRest();
    const some = await held(tunnels);
    const all = await held(tunnels);
    return { first: (some - empty) / tunnels / 1_000, more: (all - some) / tunnels / 1_000 };
  } finally {
    for (const socket of open) socket.destroy();
    await pause(500);
  }
}

function tunnel(port: number, idle: number, secure: Secure | null): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket =
      secure === null
        ? connect(port, '127.0.0.1')
        : connectTls({ port: secure.port, host: '127.0.0.1', ca: secure.ca, ALPNProtocols: ['http/1.1'] });
    socket.on('error', reject);
    socket.write(`CONNECT 127.0.0.1:${idle} HTTP/1.1\r\nHost: 127.0.0.1:${idle}\r\n${shown}\r\n\r\n`);
    socket.once('data', (bytes: Buffer) => {
      if (/^HTTP\/1\.[01] 200/.test(bytes.toString('latin1'))) resolve(socket);
      else reject(new Error(`a tunnel was answered ${bytes.toString('latin1').split('\r\n', 1)[0]}`));
    });
  });
}

export function proxyTable(results: readonly ProxyResult[]): string {
  const head = [
    'system',
    'requests/s',
    'p99 ms',
    'CPU µs/request',
    'MB/s by CONNECT',
    'CPU ms/MB',
    'KB/idle tunnel',
    'KB/next',
    'with TLS',
    'KB/next',
  ];
  const rows = results.map(({ system, rate, bulk, kilobytes, kilobytesTls }) => [
    system,
    figure(rate.perSecond, 0),
    figure(rate.p99Ms, 2),
    figure(rate.cpuMicros),
    figure(bulk.megabytesPerSecond, 0),
    figure(bulk.cpuMillisPerMegabyte, 2),
    figure(kilobytes.first),
    figure(kilobytes.more),
    kilobytesTls === null ? '–' : figure(kilobytesTls.first),
    kilobytesTls === null ? '–' : figure(kilobytesTls.more),
  ]);
  return table(`Forward proxy, 64 connections in absolute form, ${tunnels.toLocaleString('en')} idle tunnels`, head, rows);
}
