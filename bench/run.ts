/** `npm run bench`: one table a work, ours beside the peers that are installed, measured in the same run. */

import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { securePeers, secureTable, measureSecure, type SecureRate } from './h2.ts';
import type { Bulk, Rate, Target } from './load.ts';
import { measureBulk, measureRate, windows } from './load.ts';
import { credential, runGateway, runTunnel } from './ours.ts';
import type { Running } from './peers.ts';
import { pagekite, pagekiteName, reversePeers, startOrigin } from './peers.ts';
import { find, stopAll } from './processes.ts';
import { measureAlone, type Alone } from './check-alone.ts';
import { checkTable, measureChecks, type Check } from './check.ts';
import { help } from './help.ts';
import { measureScale, scaleTables, type Scale } from './scale.ts';
import { measureProxies, proxyTable, type ProxyResult } from './proxy.ts';
import { figure, ratio, table } from './table.ts';

const usual = ['reverse', 'tunnel', 'bulk', 'h2'] as const;
/** And what has no peer, and takes minutes by itself: only when it is asked for. */
const works = [...usual, 'scale', 'check', 'proxy'] as const;
type Work = (typeof works)[number];
type Result = Readonly<{ work: Work; system: string; connections: number } & (Rate | Bulk)>;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '3' },
    only: { type: 'string', default: usual.join(',') },
    gateways: { type: 'string', default: '1000' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
if (values.help) {
  process.stdout.write(help(usual));
  process.exit(0);
}
const seconds = Number(values.seconds);
const gateways = Number(values.gateways);
const chosen = new Set(values.only.split(','));
if (
  !(seconds >= 1 && seconds <= 600 && gateways >= 2 && gateways <= 1_900) ||
  [...chosen].some((work) => !works.some((known) => known === work))
) {
  process.stderr.write(help(usual));
  process.exit(64);
}

const folder = mkdtempSync(join(tmpdir(), 'sallyport-bench-'));
const end = (): void => {
  stopAll();
  rmSync(folder, { recursive: true, force: true });
};
process.once('exit', end);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130));

const results: Result[] = [];
const secure: (Readonly<{ system: string }> & SecureRate)[] = [];
const absent: string[] = [];
const broken: string[] = [];
let scale: Scale | null = null;
let checks: readonly Check[] = [];
let alone: readonly Alone[] = [];
let proxies: readonly ProxyResult[] = [];

const wrk = find('wrk');
const curl = find('curl');
if (wrk === null || curl === null) {
  process.stderr.write('The bench measures with wrk and curl: install both, then run it again.\n');
  process.exit(69);
}
const origin = await startOrigin(folder);
note(
  `Origin: ${origin.name}, 71 bytes. ${cpus().length} processors, Node ${process.versions.node}. The quietest of ${windows} windows of ${seconds} s each; access log, firewall, password and limits on.`,
);

// nginx and Caddy are what the others are compared with, so they run for the tunnel as well.
if (chosen.has('reverse') || chosen.has('tunnel'))
  for (const peer of reversePeers) await measured(peer.name, () => peer.run(folder, origin.port), measureReverse);
if (chosen.has('reverse')) await measured('Sallyport gateway', () => runGateway(folder, origin.port), measureReverse);
if (chosen.has('tunnel')) await measured(pagekite.name, () => pagekite.run(folder, origin.port), measurePagekite);
if (chosen.has('tunnel') || chosen.has('bulk'))
  await measured('Sallyport relay + gateway', () => runTunnel(folder, origin.port), measureTunnel);
if (chosen.has('h2')) for (const peer of securePeers) await measured(peer.name, () => peer.run(folder, origin.port), measureH2);
if (chosen.has('scale')) await measureMany();
if (chosen.has('check')) await measureCredentials();
if (chosen.has('proxy')) await measureForward();
report();
process.exit(broken.length === 0 ? 0 : 1);

/** Starts a system, measures it, ends it. What fails is named, and the others go on. */
async function measured<System extends Running>(
  name: string,
  run: () => Promise<System | null>,
  measure: (name: string, system: System) => Promise<void>,
): Promise<void> {
  note(`… ${name}`);
  try {
    const system = await run();
    if (system === null) return void absent.push(name);
    await measure(name, system);
    system.stop();
  } catch (error) {
    broken.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function measureMany(): Promise<void> {
  try {
    scale = await measureScale({ folder, gateways, namesEach: 10, note });
  } catch (error) {
    broken.push(`scale: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function measureForward(): Promise<void> {
  const found = await measureProxies({ wrk: wrk ?? '', curl: curl ?? '', folder, origin: origin.port, seconds, note });
  proxies = found.results;
  absent.push(...found.absent);
  broken.push(...found.broken);
}

async function measureCredentials(): Promise<void> {
  note('… what a credential costs');
  try {
    alone = await measureAlone();
    checks = await measureChecks({ wrk: wrk ?? '', folder, origin: origin.port, seconds });
    for (const { credential, failures } of checks) if (failures > 0) broken.push(`${credential}: ${failures} requests failed`);
  } catch (error) {
    broken.push(`check: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function rate(work: Work, system: string, target: Omit<Target, 'seconds'>): Promise<void> {
  const found = await measureRate(wrk ?? '', folder, { ...target, seconds: Math.max(seconds, leastSeconds(target.connections)) });
  if (found.failures > 0) broken.push(`${system}: ${found.failures} requests failed`);
  results.push({ work, system, connections: target.connections, ...found });
}

/** wrk's own thousand handshakes fall into its window, some 1 ms each: what is asked for is how requests go on after them. */
function leastSeconds(connections: number): number {
  return connections >= 1_000 ? 30 : 1;
}

function measureReverse(system: string, { port, programs }: Running): Promise<void> {
  return rate('reverse', system, { url: `http://127.0.0.1:${port}/`, port, connections: 64, fields: [credential], programs });
}

async function measureH2(system: string, running: Running): Promise<void> {
  const rates = await measureSecure(running, seconds);
  if (rates === null) throw new Error('there is no h2load');
  for (const found of rates) {
    if (found.failures > 0) broken.push(`${system}: ${found.failures} requests failed`);
    secure.push({ system, ...found });
  }
}

function measurePagekite(system: string, { port, programs }: Running): Promise<void> {
  return rate('tunnel', system, { url: `http://${pagekiteName}:${port}/`, port, connections: 16, programs });
}

async function measureTunnel(system: string, { port, programs, name, ca }: Awaited<ReturnType<typeof runTunnel>>): Promise<void> {
  const url = `https://${name}:${port}/`;
  if (chosen.has('tunnel')) {
    for (const connections of [16, 64, 1_000]) await rate('tunnel', system, { url, port, connections, fields: [credential], programs });
  }
  if (chosen.has('bulk')) {
    const words = ['--cacert', ca, '--resolve', `${name}:${port}:127.0.0.1`, '-H', credential, `${url}bulk`];
    results.push({ work: 'bulk', system, connections: 1, ...(await measureBulk(curl ?? '', words, programs)) });
  }
}

function cpuOf(system: string): number | undefined {
  const found = results.find((result) => result.work === 'reverse' && result.system === system);
  return found !== undefined && 'cpuMicros' in found ? found.cpuMicros : undefined;
}

function report(): void {
  if (values.json) {
    for (const result of [...results, ...secure.map((each) => ({ work: 'h2', ...each }))])
      process.stdout.write(`${JSON.stringify(result)}\n`);
    if (scale !== null) process.stdout.write(`${JSON.stringify({ work: 'scale', ...scale })}\n`);
    for (const each of alone) process.stdout.write(`${JSON.stringify({ work: 'check alone', ...each })}\n`);
    for (const proxy of proxies) process.stdout.write(`${JSON.stringify({ work: 'proxy', ...proxy })}\n`);
    for (const check of checks) process.stdout.write(`${JSON.stringify({ work: 'check', ...check })}\n`);
  } else {
    if (chosen.has('reverse')) process.stdout.write(rates('reverse', 'Reverse proxy, plain HTTP/1.1', ['nginx', 'Caddy']));
    if (chosen.has('tunnel')) process.stdout.write(rates('tunnel', 'Tunnel, TLS from end to end (PageKite: plain)', ['nginx', 'Caddy']));
    if (chosen.has('tunnel')) process.stdout.write(`${besidePagekite()}\n`);
    if (chosen.has('bulk')) process.stdout.write(bulks());
    if (chosen.has('h2')) process.stdout.write(secureTable(secure));
    if (proxies.length > 0) process.stdout.write(proxyTable(proxies));
    if (scale !== null) process.stdout.write(scaleTables(scale));
    if (checks.length > 0) process.stdout.write(checkTable(checks, alone));
  }
  if (absent.length > 0) note(`Not installed: ${absent.join(', ')}.`);
  for (const words of broken) note(`Failed: ${words}`);
}

function rates(work: Work, title: string, beside: readonly string[]): string {
  const rows = results.flatMap((result) =>
    result.work === work && 'cpuMicros' in result
      ? [
          [
            result.system,
            String(result.connections),
            figure(result.perSecond, 0),
            figure(result.p50Ms, 2),
            figure(result.p99Ms, 2),
            figure(result.cpuMicros),
            ...beside.map((peer) => ratio(result.cpuMicros, cpuOf(peer))),
          ],
        ]
      : [],
  );
  const head = [
    'system',
    'connections',
    'requests/s',
    'p50 ms',
    'p99 ms',
    'CPU µs/request',
    ...beside.map((peer) => `CPU ÷ ${peer} plain`),
  ];
  return table(title, head, rows);
}

function besidePagekite(): string {
  return `Requests/s beside PageKite at 16 connections: ${ratio(perSecondAt16('Sallyport'), perSecondAt16('PageKite'))}`;
}

function perSecondAt16(name: string): number {
  const found = results.find(({ work, system, connections }) => work === 'tunnel' && system.startsWith(name) && connections === 16);
  return found !== undefined && 'perSecond' in found ? found.perSecond : 0;
}

function bulks(): string {
  const rows = results.flatMap((result) =>
    'megabytes' in result
      ? [[result.system, figure(result.megabytes, 0), figure(result.megabytesPerSecond, 0), figure(result.cpuMillisPerMegabyte, 2)]]
      : [],
  );
  return table('Bulk, one download through the tunnel', ['system', 'MB', 'MB/s', 'CPU ms/MB'], rows);
}

function note(words: string): void {
  process.stderr.write(`${words}\n`);
}
