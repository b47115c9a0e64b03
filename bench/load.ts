/** Load by wrk, and one large download by curl: what they measured, as numbers. */

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Program } from './processes.ts';
import { cpuSeconds, start } from './processes.ts';

export type Rate = Readonly<{
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
  /** CPU of the measured processes for one request, microseconds. */
  cpuMicros: number;
  /** Answers other than 2xx and 3xx, broken and timed-out connections. */
  failures: number;
}>;

export type Target = Readonly<{
  url: string;
  port: number;
  connections: number;
  seconds: number;
  /** Fields as `Name: value`. */
  fields?: readonly string[];
  programs: readonly Program[];
}>;

/**
 * `*.localhost` and made-up names are no names to the system's resolver, and the handshake must carry
 * the name of the URL: the script sends every name to loopback.
 */
const script = (port: number): string => `
wrk.resolve = function(host, service) wrk.addrs = wrk.lookup("127.0.0.1", "${port}") end
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('\\n{"requests":%d,"micros":%d,"p50":%d,"p99":%d,"failures":%d}\\n', summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), e.connect + e.read + e.write + e.status + e.timeout))
end
`;

/** How often each system is measured: the quietest window counts, for all alike, because machines have neighbours. */
export const windows = 4;

/** Runs wrk until everything is warm, then for each window; returns the one that cost the least CPU a request. */
export async function measureRate(wrk: string, folder: string, target: Target): Promise<Rate> {
  const words = await wrkWords(folder, target);
  await run(wrk, ['-d3s', ...words]);
  const rates: Rate[] = [];
  for (let window = 0; window < windows; window += 1) rates.push(await measureWindow(wrk, words, target));
  const failures = rates.reduce((sum, rate) => sum + rate.failures, 0);
  const [best] = rates.toSorted((one, other) => one.cpuMicros - other.cpuMicros);
  if (best === undefined) throw new Error('nothing was measured');
  return { ...best, failures };
}

/** Everything that wrk is told but for how long. */
export async function wrkWords(
  folder: string,
  { port, connections, fields = [], url }: Omit<Target, 'seconds'>,
): Promise<readonly string[]> {
  const file = join(folder, `wrk-${port}.lua`);
  await writeFile(file, script(port));
  return ['-t1', `-c${connections}`, '-s', file, ...fields.flatMap((field) => ['-H', field]), url];
}

export async function measureWindow(wrk: string, words: readonly string[], target: Target): Promise<Rate> {
  const before = cpuSeconds(target.programs);
  const said = await run(wrk, [`-d${target.seconds}s`, ...words]);
  const cpu = cpuSeconds(target.programs) - before;
  const summary = said.find((line) => line.startsWith('{'));
  if (summary === undefined) throw new Error(`wrk said nothing of ${target.url}`);
  const { requests, micros, p50, p99, failures } = JSON.parse(summary) as Record<
    'requests' | 'micros' | 'p50' | 'p99' | 'failures',
    number
  >;
  return {
    perSecond: requests / (micros / 1e6),
    p50Ms: p50 / 1e3,
    p99Ms: p99 / 1e3,
    cpuMicros: (cpu * 1e6) / Math.max(1, requests),
    failures,
  };
}

export type Bulk = Readonly<{ megabytesPerSecond: number; cpuMillisPerMegabyte: number; megabytes: number }>;

/** The quickest of some downloads. */
export async function measureBulk(curl: string, words: readonly string[], programs: readonly Program[]): Promise<Bulk> {
  const all: Bulk[] = [];
  for (let window = 0; window < windows; window += 1) all.push(await measureDownload(curl, words, programs));
  const [best] = all.toSorted((one, other) => other.megabytesPerSecond - one.megabytesPerSecond);
  if (best === undefined) throw new Error('nothing was measured');
  return best;
}

/** Downloads once by curl and looks at nothing but size, time and CPU. */
async function measureDownload(curl: string, words: readonly string[], programs: readonly Program[]): Promise<Bulk> {
  const before = cpuSeconds(programs);
  const [line = ''] = await run(curl, [
    '-sS',
    '-o',
    '/dev/null',
    '-w',
    '%{http_code} %{size_download} %{time_total}\n',
    '--max-time',
    '120',
    ...words,
  ]);
  const cpu = cpuSeconds(programs) - before;
  const [status, bytes = 0, seconds = 0] = line.split(' ').map(Number);
  if (status !== 200) throw new Error(`the download was answered ${line}`);
  const megabytes = bytes / 1e6;
  return { megabytes, megabytesPerSecond: megabytes / seconds, cpuMillisPerMegabyte: (cpu * 1e3) / megabytes };
}

async function run(file: string, words: readonly string[]): Promise<readonly string[]> {
  const program = start(file, words);
  const lines: string[] = [];
  for await (const line of { [Symbol.asyncIterator]: () => program.lines }) lines.push(line);
  return lines;
}
