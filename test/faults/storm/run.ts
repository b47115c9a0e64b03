/** `npm run faults`: the storm for minutes, with its tables; exits 1 when anything was found. */

import { parseArgs } from 'node:util';
import { allFaults } from './fault-list.ts';
import { keepLogs, tablesOf } from './report.ts';
import { runStorm } from './storm.ts';

const help = `npm run faults -- [--minutes 10] [--visitors 200] [--seed N] [--relays 2] [--gateways 2] [--short]

Runs relays, gateways and services as processes, lets visitors come, and kills, freezes, cuts, delays and restarts
something every few seconds. Prints what it came to. Exits 1 when something was answered wrongly, was not whole, did
not answer again in time, ended by itself, or kept memory or descriptors; the logs are then in a folder that it names.

  --minutes   of faults, from 0.1 to 1440 (10; 1 with --short)
  --visitors  from 1 to 2000 (200)
  --pause     seconds between two works of a visitor, 6 on average (32 with --short)
  --seed      which faults come when; the one of each run is printed
  --relays    every gateway is at each of them; from 1 to 4 (2)
  --gateways  from 1 to 16 (2)
  --short     as npm test has it: one of each kind first, and then what costs little
  --only      faults whose name begins so: kill, "kill relay"
  --quiet     only the tables
`;

const options = read();
if (options === null) {
  process.stderr.write(help);
  process.exitCode = 64;
} else if (options === 'help') process.stdout.write(help);
else process.exitCode = await run(options);

type Options = Readonly<{
  seconds: number;
  visitors: number;
  seed: number;
  relays: number;
  gateways: number;
  pauseMs?: readonly [number, number];
  short: boolean;
  only: string;
  quiet: boolean;
}>;

/** Null for words that cannot be understood. */
function read(): Options | 'help' | null {
  try {
    const { values } = parseArgs({
      options: {
        minutes: { type: 'string' },
        visitors: { type: 'string', default: '200' },
        pause: { type: 'string' },
        seed: { type: 'string', default: String(Date.now() % 1_000_000) },
        relays: { type: 'string', default: '2' },
        gateways: { type: 'string', default: '2' },
        short: { type: 'boolean', default: false },
        only: { type: 'string', default: '' },
        quiet: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) return 'help';
    const { short, quiet, only } = values;
    const words = [
      values.minutes ?? (short ? '1' : '10'),
      values.visitors,
      values.seed,
      values.relays,
      values.gateways,
      values.pause ?? '1',
    ];
    const [minutes, visitors, seed, relays, gateways, pause] = words.map(Number) as [number, number, number, number, number, number];
    const whole = [visitors, seed, relays, gateways].every((value) => Number.isSafeInteger(value) && value >= 0);
    const fits = [
      minutes >= 0.1 && minutes <= 1_440,
      visitors >= 1 && visitors <= 2_000,
      relays >= 1 && relays <= 4,
      gateways >= 1 && gateways <= 16,
      pause >= 0.01 && pause <= 600,
    ];
    const known = allFaults.some(({ name }) => name.startsWith(only));
    if (!whole || !known || fits.includes(false)) return null;
    const paced = values.pause === undefined ? {} : { pauseMs: [pause * 500, pause * 1_500] as const };
    return { seconds: minutes * 60, visitors, seed, relays, gateways, short, only, quiet, ...paced };
  } catch {
    return null;
  }
}

async function run({ quiet, ...options }: Options): Promise<number> {
  const afters: (() => Promise<void>)[] = [];
  const context = { after: (done: () => Promise<void>) => void afters.push(done) };
  const end = async (): Promise<void> => {
    for (const done of afters.splice(0)) await done().catch(() => undefined);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => void end().then(() => process.exit(130)));
  // Nothing that was started here outlives it.
  const failed = async (error: Error): Promise<void> => {
    process.stderr.write(`${error.stack ?? error.message}\n`);
    await end();
    process.exit(70);
  };
  process.once('uncaughtException', (error) => void failed(error));
  process.stderr.write(`Seed ${options.seed}. Node ${process.versions.node}.\n`);
  try {
    const report = await runStorm(context, { ...options, say: (line) => void (quiet || process.stderr.write(`${line}\n`)) });
    process.stdout.write(tablesOf(report));
    if (report.violations.count === 0) return 0;
    process.stdout.write(`The logs are in ${await keepLogs(report)}\n`);
    return 1;
  } finally {
    await end();
  }
}
