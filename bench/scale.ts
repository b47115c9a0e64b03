/**
 * `npm run bench -- --only scale`: a thousand gateways with ten thousand names at one relay. The relay is the real program, the
 * gateways are its own link in two processes, each with a key, a certificate and mutual TLS of its own.
 */

import { fork, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import tls from 'node:tls';
import { openHome } from '../src/controlplane/home.ts';
import { unbounded } from '../src/controlplane/enrolment/bounds.ts';
import { takeName } from '../src/controlplane/enrolment/names.ts';
import { openSqliteStore } from '../src/modules/stores/sqlite.ts';
import { eventOf, sallyport } from './ours.ts';
import { cpuSeconds, freePort, start, stop, type Program } from './processes.ts';
import type { Order, Report } from './scale-gateways.ts';
import { figure, table } from './table.ts';

export type ScaleOptions = Readonly<{ folder: string; gateways: number; namesEach: number; note: (words: string) => void }>;

/** Milliseconds until a half, all but a hundredth, and all had come; how often one of them lost the relay or tried it in vain. */
type Times = Readonly<{ half: number; most: number; all: number; failed: number }>;

export type Scale = Readonly<{
  gateways: number;
  names: number;
  carriers: number;
  /** From the start of the program until it listens, with all names in its store. */
  startMs: number;
  steps: readonly Readonly<{ what: string; first: Times; all: Times; cpuMillis: number; served: string }>[];
  /** Resident bytes of the relay before the first carrier, and with all of them idle. */
  emptyBytes: number;
  idleBytes: number;
  /** Of the relay's CPU, with all carriers idle. */
  idlePercent: number;
}>;

const domain = 'example.test';
const processes = 2;
/** How long memory is let settle, and idle CPU is measured. */
const settleMs = 10_000;
const stepMs = 120_000;
const sampled = 50;

/** All come from one address here, and each is to be let in: the caps of one address are lifted, those in total stay. */
const limits = { connectionsPerAddressMax: 10_000, carriersPreAuthPerAddressMax: 256, carriersWaitingPerAddressMax: 1_024 };

/** Throws when somebody does not come back within two minutes. */
export async function measureScale({ folder, gateways, namesEach, note }: ScaleOptions): Promise<Scale> {
  const crowd = new Crowd(Math.ceil(gateways / processes), join(folder, 'keys'));
  const env = { SALLYPORT_HOME: join(folder, 'scale-home') };
  try {
    note(`… ${gateways} keys, ${gateways * namesEach} grants`);
    const keys = await crowd.keys();
    const names = keys.map((_key, index) => Array.from({ length: namesEach }, (_name, at) => `g${index}-${at}`));
    await grant(env, keys, names);
    const { relay, port, fingerprint, pid, startMs } = await startRelay(folder, env);
    await pause(2_000);
    const emptyBytes = residentBytes(pid);
    const hosts = names.map((each) => each.map((name) => `${name}.${domain}`));
    const measured = async (what: string, begin: () => unknown): Promise<Scale['steps'][number]> => {
      note(`… ${what}`);
      const cpu = cpuSeconds([relay]);
      crowd.mark();
      // What it says is not waited for: an upgrade answers when the old relay has begun to go.
      void begin();
      const [first, all] = [await crowd.reached('first'), await crowd.reached('all')];
      const cpuMillis = (cpuSeconds([relay]) - cpu) * 1_000;
      return { what, first, all, cpuMillis, served: await crowd.served(port, hosts) };
    };
    const steps = [await measured('registered for the first time', () => crowd.go(`127.0.0.1:${port}`, fingerprint, hosts))];
    await pause(settleMs);
    const idleBytes = residentBytes(pid);
    const cpu = cpuSeconds([relay]);
    await pause(settleMs);
    const idlePercent = ((cpuSeconds([relay]) - cpu) * 100_000) / settleMs;
    let serving = pid;
    steps.push(
      await measured('`relay upgrade`', async () => {
        const upgraded = await eventOf(start(sallyport, ['relay', 'upgrade', '--json'], env), 'upgraded');
        serving = Number(upgraded['pid']);
      }),
    );
    await pause(settleMs);
    steps.push(await measured('the relay killed (`kill -9`)', () => process.kill(serving, 'SIGKILL')));
    stop(relay);
    const total = keys.length;
    return { gateways: total, names: total * namesEach, carriers: total * 2, startMs, steps, emptyBytes, idleBytes, idlePercent };
  } finally {
    crowd.end();
  }
}

/** Written straight into the store, as spent invitations would be. */
async function grant(env: NodeJS.ProcessEnv, keys: readonly string[], names: readonly (readonly string[])[]): Promise<void> {
  const home = await openHome(env);
  const store = await openSqliteStore({ path: home.store, now: Date.now });
  const taking = { bounds: unbounded, now: Date.now(), anyKey: false, share: 'alone' as const };
  for (const [index, fingerprint] of keys.entries())
    await Promise.all((names[index] ?? []).map((name) => takeName(store, name, { ...taking, fingerprint })));
  await store.close();
}

type Started = Readonly<{ relay: Program; port: number; fingerprint: string; pid: number; startMs: number }>;

async function startRelay(folder: string, env: NodeJS.ProcessEnv): Promise<Started> {
  const port = await freePort();
  const file = join(folder, 'scale.yaml');
  await writeFile(file, [`listen: 'https://127.0.0.1:${port}'`, `domain: ${domain}`, `limits: ${JSON.stringify(limits)}`, ''].join('\n'));
  const began = performance.now();
  const relay = start(sallyport, ['relay', '--config', file, '--json'], env);
  const listening = await eventOf(relay, 'listening');
  const startMs = performance.now() - began;
  relay.child.stdout?.resume();
  return { relay, port, fingerprint: String(listening['fingerprint']), pid: Number(listening['pid']), startMs };
}

function residentBytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0) * 1_024;
}

/** The processes with the gateways. */
class Crowd {
  readonly #folder: string;
  readonly #each: number;
  readonly #children: readonly ChildProcess[];
  readonly #heard: Report[][] = [];
  #arrived = 0;

  constructor(each: number, folder: string) {
    this.#each = each;
    this.#folder = folder;
    this.#children = Array.from({ length: processes }, (_child, index) => {
      const child = fork(join(import.meta.dirname, 'scale-gateways.ts'));
      this.#heard[index] = [];
      child.on('message', (report: Report) => {
        if (report.is === 'arrived') this.#arrived += 1;
        else this.#heard[index]?.push(report);
      });
      return child;
    });
  }

  async keys(): Promise<readonly string[]> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    this.#tell((index) => ({ is: 'keys', folder: this.#folder, first: index * this.#each, count: this.#each }));
    return (await this.#all('keys')).flatMap((report) => (report.is === 'keys' ? report.fingerprints : []));
  }

  go(address: string, fingerprint: string, names: readonly (readonly string[])[]): void {
    this.#tell((index) => ({ is: 'go', address, fingerprint, names: names.slice(index * this.#each, (index + 1) * this.#each) }));
  }

  /** What is measured next begins now. */
  mark(): void {
    const at = Date.now();
    for (const heard of this.#heard) heard.length = 0;
    this.#tell(() => ({ is: 'mark', at }));
  }

  async reached(is: 'first' | 'all'): Promise<Times> {
    const reports = (await this.#all(is)).filter((report) => 'ms' in report);
    const ms = reports.flatMap((report) => report.ms).toSorted((one, other) => one - other);
    const at = (part: number): number => ms[Math.min(ms.length - 1, Math.floor(ms.length * part))] ?? 0;
    return { half: at(0.5), most: at(0.99), all: at(1), failed: reports.reduce((sum, { failed }) => sum + failed, 0) };
  }

  /** How many of some visitors get through to a gateway, as `50 of 50`. */
  async served(port: number, hosts: readonly (readonly string[])[]): Promise<string> {
    this.#arrived = 0;
    const step = Math.max(1, Math.floor(hosts.length / sampled));
    const visited = hosts.filter((_each, index) => index % step === 0).map((each) => each.at(-1) ?? '');
    for (const servername of visited) {
      const visitor = tls.connect({ host: '127.0.0.1', port, servername, rejectUnauthorized: false });
      visitor.on('error', () => undefined);
      await new Promise((resolve) => visitor.once('close', resolve));
    }
    for (const until = Date.now() + 2_000; this.#arrived < visited.length && Date.now() < until;) await pause(10);
    return `${this.#arrived} of ${visited.length}`;
  }

  end(): void {
    for (const child of this.#children) child.kill('SIGKILL');
  }

  #tell(order: (index: number) => Order): void {
    for (const [index, child] of this.#children.entries()) child.send(order(index));
  }

  async #all(is: Report['is']): Promise<readonly Report[]> {
    for (const until = Date.now() + stepMs; Date.now() < until; await pause(10)) {
      const found = this.#heard.map((heard) => heard.find((report) => report.is === is));
      if (found.every((report) => report !== undefined)) return found;
      if (this.#children.some(({ exitCode }) => exitCode !== null)) throw new Error('a process with gateways ended');
    }
    throw new Error(`not all gateways had come within ${stepMs / 1_000} s`);
  }
}

const seconds = (ms: number): string => figure(ms / 1_000, 2);
const kilobytes = (bytes: number): string => figure(bytes / 1_000, 0);

/** The tables of `npm run bench`. */
export function scaleTables({ gateways, names, carriers, startMs, steps, emptyBytes, idleBytes, idlePercent }: Scale): string {
  const rows = steps.map(({ what, first, all, cpuMillis, served }) => [
    what,
    ...[first.half, first.most, first.all, all.all].map(seconds),
    figure(names / (first.all / 1_000), 0),
    figure(all.failed, 0),
    figure(cpuMillis / carriers, 2),
    served,
  ]);
  const head = ['', 'half s', '99 % s', 'all s', 'all carriers s', 'names/s', 'lost or in vain', 'CPU ms/carrier', 'visitors served'];
  const memory = [
    ['the relay, started', figure(startMs, 0), kilobytes(emptyBytes), '', ''],
    [
      `${figure(carriers, 0)} carriers, idle`,
      '',
      kilobytes(idleBytes),
      kilobytes((idleBytes - emptyBytes) / carriers),
      figure(idlePercent, 1),
    ],
  ];
  return (
    table(`${figure(gateways, 0)} gateways, ${figure(names, 0)} names, ${figure(carriers, 0)} carriers at one relay`, head, rows) +
    table('Memory and idle CPU of the relay', ['', 'ms to listen', 'kB', 'kB/carrier', 'CPU %'], memory)
  );
}
