/** `npm run faults`: the storm for minutes, with its tables; exits 1 when anything was found. */

import { parseArgs } from 'node:util';
import { keepLogs, tablesOf } from './report.ts';
import { runStorm } from './storm.ts';

const help = `npm run faults -- [--minutes 10] [--visitors 200] [--seed N] [--relays 2] [--gateways 2] [--short]

Runs relays, gateways and services as processes, lets visitors come, and kills, freezes, cuts, delays and restarts
something every few seconds. Prints what it came to. Exits 1 when something was answered wrongly, was not whole, did
not answer again in time, ended by itself, or kept memory or descriptors; the logs are then in a folder that it names.

  --minutes   of faults, from 0.1 to 1440 (10)
  --visitors  from 1 to 2000 (200; 14 with --short)
  --seed      which faults come when; the one of each run is printed
  --relays    each gateway is at the relay of its own number, counted around (2)
  --gateways  from 1 to 16, at least one a relay (2)
  --short     one of each kind, in some twenty seconds, as npm test has it
  --quiet     only the tables
`;

const options = read();
if (options === null) {
  process.stderr.write(help);
  process.exitCode = 64;
} else if (options === 'help') process.stdout.write(help);
else process.exitCode = await run(options);

type Options = Readonly<{ seconds: number | null; visitors: number; seed: number; relays: number; gateways: number; quiet: boolean }>;

/** Null for words that cannot be understood. */
function read(): Options | 'help' | null {
  try {
    const { values } = parseArgs({
      options: {
        minutes: { type: 'string', default: '10' },
        visitors: { type: 'string' },
        seed: { type: 'string', default: String(Date.now() % 1_000_000) },
        relays: { type: 'string', default: '2' },
        gateways: { type: 'string', default: '2' },
        short: { type: 'boolean', default: false },
        quiet: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) return 'help';
    const numbers = [values.minutes, values.visitors ?? (values.short ? '14' : '200'), values.seed, values.relays, values.gateways];
    const [minutes, visitors, seed, relays, gateways] = numbers.map(Number) as [number, number, number, number, number];
    const whole = [visitors, seed, relays, gateways].every((value) => Number.isSafeInteger(value) && value >= 0);
    const fits =
      minutes >= 0.1 && minutes <= 1_440 && visitors >= 1 && visitors <= 2_000 && relays >= 1 && gateways >= relays && gateways <= 16;
    if (!whole || !fits) return null;
    return { seconds: values.short ? null : minutes * 60, visitors, seed, relays, gateways, quiet: values.quiet };
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
