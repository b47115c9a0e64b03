/** `node test/faults/slowloris/run.ts`: ten thousand slow visitors before a gateway, and one in a hurry from another address. Prints what it took. */

import { fork, type ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { freePort } from '../../e2e/free-port.ts';
import { run, type Program } from '../../e2e/program.ts';
import { startService } from '../../e2e/service.ts';
import { Crawlers, kinds, type CrawlersOptions } from './crawlers.ts';

const help = `node test/faults/slowloris/run.ts [--count 10000] [--seconds 15] [--per-address 100] [--rate 1000] [--only KIND] [--most 200]

Starts a gateway, a service and slow visitors as processes; they come --rate a second, and come back when they were cut. Asks for a page over a new TLS connection from another
address all the while. Prints times and memory. Exits 1 when a page was not answered, or its p99 is above --most ms.
Kinds: ${kinds.join(', ')}.
`;

/** The limits under which it runs: those of connections are raised so that ten thousand fit, times and shares are the defaults. */
const limits = { connectionsMax: 20_000, connectionsPerAddressMax: 100, upstreamsPerServiceMax: 6_000 };

const [role, words] = process.argv.slice(2);
if (role === 'crawl') crawl(JSON.parse(words ?? '{}') as CrawlersOptions);
else if (role === 'serve') await serve();
else process.exitCode = await main();

/** Says once a second how many stand. */
function crawl(options: CrawlersOptions): void {
  const crawlers = new Crawlers(options);
  setInterval(() => {
    process.send?.({ open: crawlers.open(), each: kinds.map((kind) => crawlers.open(kind)), cut: crawlers.cut, refused: crawlers.refused });
  }, 1_000);
  process.once('disconnect', () => process.exit());
}

async function serve(): Promise<void> {
  const service = await startService({ after: () => undefined });
  process.send?.({ port: service.port });
  process.once('disconnect', () => process.exit());
}

type Said = Readonly<{ port: number; open: number; each: readonly number[]; cut: Record<string, number>; refused: number }>;

function child(role: string, words: string, said: (message: Said) => void): ChildProcess {
  return fork(import.meta.filename, [role, words]).on('message', (message) => said(message as Said));
}

async function main(): Promise<number> {
  const word = (value: string) => ({ type: 'string', default: value }) as const;
  const { values } = parseArgs({
    options: {
      count: word('10000'),
      seconds: word('15'),
      'per-address': word('100'),
      rate: word('1000'),
      only: word(''),
      most: word('200'),
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return process.stdout.write(help) ? 0 : 0;
  const ends: (() => Promise<void>)[] = [];
  const context = { after: (end: () => Promise<void>) => void ends.unshift(end) };
  try {
    const [place, calm] = await Promise.all([gateway(context), gateway(context)]);
    const only = kinds.filter((kind) => kind === values['only']);
    return await measure(
      context,
      { place, calm },
      {
        crawlers: {
          port: place.port,
          tlsPort: place.tlsPort,
          count: Number(values.count),
          perAddress: Number(values['per-address']),
          perSecond: Number(values.rate),
          pauseMs: 2_000,
          again: true,
          ...(only.length === 0 ? {} : { kinds: only }),
        },
        seconds: Number(values.seconds),
        most: Number(values.most),
      },
    );
  } finally {
    for (const end of ends) await end();
  }
}

type Context = Parameters<typeof run>[0];
type Place = Readonly<{ program: Program; port: number; tlsPort: number }>;

async function gateway(context: Context): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-slowloris-'));
  context.after(() => rm(folder, { recursive: true, force: true }));
  const [port, tlsPort] = await Promise.all([freePort(), freePort()]);
  const served = Promise.withResolvers<number>();
  const service = child('serve', '', (message) => served.resolve(message.port));
  context.after(async () => service.disconnect());
  const file = join(folder, 'sallyport.yaml');
  const home = join(folder, 'home');
  await mkdir(home, { mode: 0o700 });
  const lines = [
    `listen: ["http://127.0.0.1:${port}", "https://127.0.0.1:${tlsPort}"]`,
    'network: shared',
    `services: { web: { to: ${await served.promise}, access: [public] } }`,
    `limits: ${JSON.stringify(limits)}`,
  ];
  await writeFile(file, `${lines.join('\n')}\n`);
  const program = run(context, ['gateway', '--config', file], { home });
  await program.line('ready');
  return { program, port, tlsPort };
}

async function measure(
  context: Context,
  { place, calm }: Readonly<{ place: Place; calm: Place }>,
  wanted: Readonly<{ crawlers: CrawlersOptions; seconds: number; most: number }>,
): Promise<number> {
  const before = await residentMiB(place.program.pid);
  const alone = await visits(place, 2);
  let last: Said | null = null;
  const full = Promise.withResolvers<void>();
  const crawlers = child('crawl', JSON.stringify(wanted.crawlers), (message) => {
    last = message;
    if (message.open >= wanted.crawlers.count * 0.8) full.resolve();
  });
  context.after(async () => crawlers.disconnect());
  await Promise.race([full.promise, new Promise((late) => setTimeout(late, 20_000))]);
  const [slow, control, memory] = await Promise.all([
    visits(place, wanted.seconds),
    visits(calm, wanted.seconds),
    highest(place.program.pid, wanted.seconds),
  ]);
  const state = last as Said | null;
  process.stdout.write(
    `limits: ${Object.entries(limits)
      .map(([name, value]) => `${name} ${value}`)
      .join(', ')}, all others as they are\n`,
  );
  process.stdout.write(
    `slow connections: ${state?.open ?? 0} (${kinds.map((kind, at) => `${kind} ${state?.each[at] ?? 0}`).join(', ')})\n`,
  );
  process.stdout.write(`cut meanwhile: ${JSON.stringify(state?.cut)}, not taken: ${state?.refused}\n`);
  process.stdout.write(`a page over a new TLS connection, alone: ${timesOf(alone)}\n`);
  process.stdout.write(`and meanwhile: ${timesOf(slow)}\n`);
  // What the machine itself takes for others is in both.
  process.stdout.write(`of a gateway that nobody disturbs, at the same time: ${timesOf(control)}\n`);
  process.stdout.write(`resident memory of the gateway: ${before} MiB before, ${memory} MiB at most\n`);
  return slow.failed.length > 0 || percentile(slow.times, 0.99) > wanted.most || (state?.open ?? 0) < wanted.crawlers.count * 0.8 ? 1 : 0;
}

type Visits = Readonly<{ times: readonly number[]; failed: readonly string[] }>;

async function visits({ tlsPort }: Place, seconds: number): Promise<Visits> {
  const times: number[] = [];
  const failed: string[] = [];
  const end = performance.now() + seconds * 1_000;
  while (performance.now() < end) {
    const began = performance.now();
    const status = await visit(tlsPort).catch((error: unknown) => String(error));
    if (status === 200) times.push(performance.now() - began);
    else failed.push(String(status));
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return { times: times.toSorted((left, right) => left - right), failed };
}

/** Whose certificate it is, is not what is asked here. */
function visit(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const options = {
      host: '127.0.0.1',
      port,
      path: '/page',
      servername: 'localhost',
      headers: { host: 'localhost' },
      agent: false,
      rejectUnauthorized: false,
    };
    const asked = request(options, (answer) => void answer.resume().once('end', () => resolve(answer.statusCode ?? 0)));
    asked.setTimeout(10_000, () => asked.destroy(new Error('no answer in 10 s')));
    asked.once('error', reject).end();
  });
}

function percentile(times: readonly number[], part: number): number {
  return times[Math.min(times.length - 1, Math.floor(times.length * part))] ?? Number.POSITIVE_INFINITY;
}

function timesOf({ times, failed }: Visits): string {
  const shown = [0.5, 0.99, 1].map((part) => percentile(times, part).toFixed(1));
  return `p50 ${shown[0]} ms, p99 ${shown[1]} ms, slowest ${shown[2]} ms, ${times.length} answered, ${failed.length} not ${[...new Set(failed)].join(', ')}`;
}

async function residentMiB(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(text)?.[1] ?? 0) / 1_024);
}

async function highest(pid: number, seconds: number): Promise<number> {
  let most = 0;
  for (let each = 0; each < seconds * 4; each += 1) {
    most = Math.max(most, await residentMiB(pid));
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  return most;
}
