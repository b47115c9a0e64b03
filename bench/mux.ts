/** Micro benchmark of one carrier over a loopback TLS pair: bulk, and small exchanges on 64 streams. Run: node bench/mux.ts */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AddressInfo } from 'node:net';
import tls from 'node:tls';
import { loadIdentity } from '../src/controlplane/certificates/identity.ts';
import { defaults } from '../src/core/limits.ts';
import { Carrier } from '../src/dataplane/carrier.ts';
import type { CarrierStream } from '../src/dataplane/carrier-stream.ts';

const idle = { message: () => undefined, goaway: () => undefined, end: () => undefined, open: () => undefined };
const opening = { id: 'bench', ip: '127.0.0.1', visitorPort: 1, listenerPort: 2, sni: 'bench.example', alpn: [] };

async function pair(open: (stream: CarrierStream) => void): Promise<Readonly<{ relay: Carrier; close: () => void }>> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-bench-'));
  const identity = await loadIdentity(folder, 'relay');
  await rm(folder, { recursive: true });
  const server = tls.createServer({ key: identity.privateKey, cert: identity.certificate, minVersion: 'TLSv1.3' });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const accepted = new Promise<tls.TLSSocket>((resolve) => server.once('secureConnection', resolve));
  const client = tls.connect({ host: '127.0.0.1', port: (server.address() as AddressInfo).port, rejectUnauthorized: false });
  const relay = new Carrier({ socket: await accepted, side: 'relay', limits: defaults, taker: idle });
  const gateway = new Carrier({
    socket: client,
    side: 'gateway',
    limits: defaults,
    taker: { ...idle, open, message: () => gateway.begin(relay.limits) },
  });
  relay.begin(gateway.limits);
  gateway.begin(relay.limits);
  return {
    relay,
    close: () => {
      client.destroy();
      server.close();
    },
  };
}

async function bulk(mebibytes: number): Promise<void> {
  const { relay, close } = await pair((stream) => stream.resume());
  const stream = relay.open(opening);
  if (stream === null) throw new Error('no stream');
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
  close();
}

async function exchanges(streams: number, each: number): Promise<void> {
  const request = Buffer.alloc(120, 1);
  const response = Buffer.alloc(250, 2);
  const { relay, close } = await pair((stream) => stream.on('data', () => void stream.write(response)));
  const start = performance.now();
  const cpu = process.cpuUsage();
  await Promise.all(
    Array.from({ length: streams }, async () => {
      const stream = relay.open(opening);
      if (stream === null) throw new Error('no stream');
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
  close();
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
process.exit(0);
