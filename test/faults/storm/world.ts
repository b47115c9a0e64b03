/** The world of the storm: relays, gateways and services as processes with homes of their own, and lines between them. */

import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { text } from '../../e2e/lines.ts';
import { invitation, joinedHome } from '../../e2e/machines.ts';
import { freshHome, run, type Line as Said } from '../../e2e/program.ts';
import { Line } from './line.ts';
import type { Violations } from './tally.ts';
import { Unit, type Life, type Role } from './unit.ts';
import type { Door } from './visit.ts';

export type Context = { after: (done: () => Promise<void>) => void };

/** A gateway with its service, at a relay. */
export type Place = Readonly<{ gateway: Unit; service: Unit; carrierLine: Line; serviceLine: Line; door: Door }>;

/** A relay with the gateways at it: one fault at a time. */
export type Site = Readonly<{ relay: Unit; visitorLine: Line; places: readonly Place[] }>;

export type World = Readonly<{ sites: readonly Site[]; units: readonly Unit[]; homes: ReadonlyMap<string, string> }>;

export type WorldOptions = Readonly<{
  relays: number;
  gateways: number;
  /** Null for the product's own. */
  carrierIdleMs: number | null;
  patienceMs: number;
  /** How the service of each gateway is bad, to see that it is found. */
  lies: readonly (readonly string[])[];
  violations: Violations;
}>;

const serviceScript = fileURLToPath(new URL('service.ts', import.meta.url));

/** Resolves when all are ready. Each gateway is at the relay of its own number, counted around. */
export async function startWorld(context: Context, options: WorldOptions): Promise<World> {
  const builder = new Builder(context, options);
  context.after(async () => builder.units.forEach((unit) => unit.abandon()));
  const sites = await Promise.all(Array.from({ length: options.relays }, (_, index) => builder.site(index)));
  return { sites, units: builder.units, homes: builder.homes };
}

class Builder {
  readonly #context: Context;
  readonly #options: WorldOptions;
  readonly units: Unit[] = [];
  readonly homes = new Map<string, string>();

  constructor(context: Context, options: WorldOptions) {
    this.#context = context;
    this.#options = options;
  }

  async site(index: number): Promise<Site> {
    const name = `relay ${index + 1}`;
    const [home, port] = [await freshHome(this.#context), await steadyPort()];
    this.homes.set(name, home);
    const words = ['relay', '--listen', `127.0.0.1:${port}`, '--domain', 'example.test'];
    const relay = this.#unit('relay', name, () => program(this.#context, words, home, 'listening'));
    await relay.start();
    const visitorLine = await Line.open(this.#context, port);
    const places: Place[] = [];
    for (let gateway = index; gateway < this.#options.gateways; gateway += this.#options.relays)
      places.push(await this.#place(gateway, { home, port, visitorLine }));
    return { relay, visitorLine, places };
  }

  async #place(index: number, relay: Readonly<{ home: string; port: number; visitorLine: Line }>): Promise<Place> {
    const { carrierIdleMs, lies, patienceMs } = this.#options;
    const [name, label, servicePort] = [`gateway ${index + 1}`, `site${index + 1}`, await steadyPort()];
    const seen = join(await freshHome(this.#context), 'seen');
    const words = [String(servicePort), seen, (lies[index] ?? []).join(',')];
    const service = this.#unit('service', `service ${index + 1}`, () => serving(this.#context, words));
    await service.start();
    const [carrierLine, serviceLine] = [await Line.open(this.#context, relay.port), await Line.open(this.#context, servicePort)];
    const address = `127.0.0.1:${carrierLine.port}`;
    const home = await joinedHome(this.#context, await invitation(this.#context, relay, label, '--address', address));
    this.homes.set(name, home);
    const config = join(home, 'sallyport.yaml');
    const limits = carrierIdleMs === null ? '' : `limits: { carrierIdleMs: ${carrierIdleMs} }\n`;
    await writeFile(config, `relay: ${address}\n${limits}services:\n  ${label}: { to: ${serviceLine.port}, access: [public] }\n`);
    const gateway = this.#unit('gateway', name, () => program(this.#context, ['up', '--config', config], home, 'ready'));
    const ready = await gateway.start();
    const url = new URL(text(ready, 'url'));
    url.port = String(relay.visitorLine.port);
    return { gateway, service, carrierLine, serviceLine, door: { url, ca: readFileSync(text(ready, 'ca'), 'utf8'), patienceMs } };
  }

  #unit(role: Role, name: string, begin: () => Life): Unit {
    const unit = new Unit(role, name, begin, this.#options.violations);
    this.units.push(unit);
    return unit;
  }
}

/** Outside of what the system gives to who dials: nobody takes it while its owner is dead. */
async function steadyPort(): Promise<number> {
  for (;;) {
    const port = randomInt(18_000, 32_000);
    const probe = createServer();
    const free = await new Promise<boolean>((resolve) => {
      probe.once('error', () => resolve(false));
      probe.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!free) continue;
    await new Promise((resolve) => probe.close(resolve));
    return port;
  }
}

/** Of a kept heap, garbage is collected and not gathered: what stays is what is kept. */
const env = { NODE_OPTIONS: '--max-old-space-size=128' };

function program(context: Context, words: readonly string[], home: string, ready: string): Life {
  const started = run(context, words, { home, env });
  return { program: started, ready: started.line(ready) };
}

/** The service says its lines as the program does. Its words: a port, a file for what it has seen, how it is bad. */
export function serving(context: Context, words: readonly string[]): Life {
  const child = spawn(process.execPath, [serviceScript, ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
  const lines: Said[] = [];
  let stderr = '';
  child.stderr.on('data', (bytes: Buffer) => (stderr += bytes.toString()));
  const ready = new Promise<Said>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (text) => {
      const line = JSON.parse(text) as Said;
      lines.push(line);
      resolve(line);
    });
    child.once('close', () => reject(new Error(`the service ended before it listened: ${stderr}`)));
  });
  const exited = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)));
  context.after(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  return { program: { child, pid: child.pid ?? 0, lines, stderr: () => stderr, exited }, ready };
}
