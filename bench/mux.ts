/** Micro benchmark of one carrier over a loopback TLS pair: bulk, small exchanges on 64 streams, and bulk over 60 ms. Run: node bench/mux.ts */

import { line, opened, pour } from '../test/mux/line.ts';

async function bulk(mebibytes: number): Promise<void> {
  using ends = await line({ open: (one) => void one.resume() });
  const stream = opened(ends.relay);
  const chunk = Buffer.alloc(65_536, 7);
  const start = performance.now();
  const cpu = process.cpuUsage();
  await new Promise<void>((resolve) => {
    let left = mebibytes * 16;
    const more = (): void => {
      while (left > 0) {
        left -= 1;
        if (!stream.write(chunk)) {
          stream.once('drain', more);
          return;
        }
      }
      stream.end(resolve);
    };
    more();
  });
  report('bulk, one stream', mebibytes, 'MB/s', start, cpu, mebibytes);
}

async function exchanges(streams: number, each: number): Promise<void> {
  const request = Buffer.alloc(120, 1);
  const response = Buffer.alloc(250, 2);
  using ends = await line({ open: (one) => void one.on('data', () => void one.write(response)) });
  const start = performance.now();
  const cpu = process.cpuUsage();
  await Promise.all(
    Array.from({ length: streams }, async () => {
      const stream = opened(ends.relay);
      await new Promise<void>((resolve) => {
        let left = each;
        stream.on('data', () => {
          left -= 1;
          if (left > 0) stream.write(request);
          else resolve();
        });
        stream.write(request);
      });
    }),
  );
  report(`small exchanges, ${streams} streams`, streams * each, '/s', start, cpu, streams * each);
}

/** What one stream carries over a long way, and how soon: windows and flight grow by the round trip. */
async function far(seconds: number): Promise<void> {
  let got = 0;
  using ends = await line({ delayMs: 30, open: (one) => pour(one, Number.MAX_SAFE_INTEGER) });
  opened(ends.relay).on('data', (bytes: Buffer) => (got += bytes.length));
  for (let second = 1; second <= seconds; second++) {
    const [before, start, cpu] = [got, performance.now(), process.cpuUsage()];
    await new Promise((resolve) => void setTimeout(resolve, 1_000));
    const mebibytes = (got - before) / 1_048_576;
    report(`60 ms, one stream, second ${second}`, mebibytes, 'MB/s', start, cpu, mebibytes);
  }
}

function report(what: string, count: number, unit: string, start: number, cpu: NodeJS.CpuUsage, divisor: number): void {
  const seconds = (performance.now() - start) / 1_000;
  const used = process.cpuUsage(cpu);
  const each = (used.user + used.system) / divisor;
  console.log(
    `${what.padEnd(32)} ${Math.round(count / seconds)
      .toString()
      .padStart(8)} ${unit.padEnd(5)} ${each.toFixed(1)} µs CPU each, both ends`,
  );
}

await exchanges(64, 200);
await exchanges(64, 2_000);
await exchanges(1, 3_000);
await bulk(64);
await bulk(768);
await far(4);
process.exit(0);
