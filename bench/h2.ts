/** HTTP/2 and HTTP/1.1 over TLS by h2load: ours beside nginx, HAProxy and Caddy, all with a certificate, all asking the origin in HTTP/1.1. */

import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { windows } from './load.ts';
import { credential, runSecureGateway } from './ours.ts';
import { nginxFile, runPeer, type Peer, type Running } from './peers.ts';
import { cpuSeconds, find, freePort, start } from './processes.ts';
import { figure, ratio, table } from './table.ts';

export type SecureRate = Readonly<{
  protocol: 'HTTP/2' | 'HTTP/1.1';
  connections: number;
  streams: number;
  perSecond: number;
  meanMs: number;
  cpuMicros: number;
  failures: number;
}>;
type Measured = Readonly<{ system: string }> & SecureRate;

/** Many streams on few connections, as one browser has them, and one on each, where nothing can be put together. */
const loads = [
  { protocol: 'HTTP/2', connections: 16, streams: 10 },
  { protocol: 'HTTP/2', connections: 16, streams: 1 },
  { protocol: 'HTTP/1.1', connections: 64, streams: 1 },
] as const;

type Pair = Readonly<{ key: string; cert: string; both: string }>;
const pairs = new Map<string, Pair>();

/** A certificate for loopback, made once a run. */
function pairIn(folder: string): Pair {
  const known = pairs.get(folder);
  if (known !== undefined) return known;
  const pair = { key: join(folder, 'h2.key'), cert: join(folder, 'h2.crt'), both: join(folder, 'h2.pem') };
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      ...curve,
      '-keyout',
      pair.key,
      '-out',
      pair.cert,
      '-days',
      '2',
      '-subj',
      '/CN=localhost',
      '-addext',
      'subjectAltName=DNS:localhost,IP:127.0.0.1',
    ],
    {
      stdio: 'ignore',
    },
  );
  execFileSync('sh', ['-c', 'cat "$1" "$2" > "$3"', 'sh', pair.cert, pair.key, pair.both]);
  pairs.set(folder, pair);
  return pair;
}

const nginx: Peer = {
  name: 'nginx',
  async run(folder, origin) {
    const port = await freePort();
    const { key, cert } = pairIn(folder);
    const server = `upstream origin { server 127.0.0.1:${origin}; keepalive 64; keepalive_requests 1000000000; }
access_log ${folder}/nginx-h2.log;
server { listen 127.0.0.1:${port} ssl http2; ssl_certificate ${cert}; ssl_certificate_key ${key}; keepalive_requests 1000000000;
location / { proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header X-Forwarded-For $remote_addr; } }`;
    return runPeer('nginx', port, ['-c', await nginxFile(folder, 'nginx-h2', server)]);
  },
};

const haproxy: Peer = {
  name: 'HAProxy',
  async run(folder, origin) {
    const port = await freePort();
    const file = join(folder, 'haproxy-h2.cfg');
    await writeFile(
      file,
      `global\n  nbthread 1\n  maxconn 4096\n  log stdout format raw local0\ndefaults\n  mode http\n  log global\n  option httplog\n  option forwardfor
  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\nlisten in\n  bind 127.0.0.1:${port} ssl crt ${pairIn(folder).both} alpn h2,http/1.1\n  http-reuse always\n  server origin 127.0.0.1:${origin}\n`,
    );
    return runPeer('haproxy', port, ['-db', '-f', file], `${folder}/haproxy-h2.log`);
  },
};

const caddy: Peer = {
  name: 'Caddy',
  async run(folder, origin) {
    const port = await freePort();
    const { key, cert } = pairIn(folder);
    const file = join(folder, 'Caddyfile-h2');
    await writeFile(
      file,
      `{\n  admin off\n  auto_https off\n  storage file_system ${folder}/caddy-h2\n}\nhttps://127.0.0.1:${port} {
  bind 127.0.0.1\n  tls ${cert} ${key}\n  log {\n    output file ${folder}/caddy-h2.log\n  }\n  reverse_proxy 127.0.0.1:${origin}\n}\n`,
    );
    return runPeer('caddy', port, ['run', '--adapter', 'caddyfile', '--config', file]);
  },
};

const ours: Peer = { name: 'Sallyport gateway', run: (folder, origin) => runSecureGateway(folder, origin) };

export const securePeers: readonly Peer[] = [nginx, haproxy, caddy, ours];

/** Null where there is no h2load. The quietest of the windows, as for the others. */
export async function measureSecure({ port, programs }: Running, seconds: number): Promise<readonly SecureRate[] | null> {
  const h2load = find('h2load');
  if (h2load === null) return null;
  const rates: SecureRate[] = [];
  for (const load of loads) {
    const { protocol, connections, streams } = load;
    const spoken = protocol === 'HTTP/1.1' ? ['--h1'] : [];
    const words = [...spoken, `-c${connections}`, `-m${streams}`, '-t1', '-H', credential, `https://127.0.0.1:${port}/`];
    await run(h2load, ['-D2', ...words]);
    const all: SecureRate[] = [];
    for (let window = 0; window < windows; window += 1) {
      const before = cpuSeconds(programs);
      const said = (await run(h2load, [`-D${seconds}`, ...words])).join('\n');
      const cpu = cpuSeconds(programs) - before;
      all.push({ ...load, ...readLoad(said, cpu) });
    }
    const [best] = all.toSorted((one, other) => one.cpuMicros - other.cpuMicros);
    if (best !== undefined) rates.push({ ...best, failures: all.reduce((sum, { failures }) => sum + failures, 0) });
  }
  return rates;
}

/** With a duration h2load counts what it had begun at its end as failed; answers other than 2xx are what counts. */
function readLoad(said: string, cpu: number): Pick<SecureRate, 'perSecond' | 'meanMs' | 'cpuMicros' | 'failures'> {
  const perSecond = Number(/([\d.]+) req\/s/.exec(said)?.[1] ?? 0);
  const [, good = '0', other3 = '0', other4 = '0', other5 = '0'] =
    /status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx/.exec(said) ?? [];
  const [, mean = '0', unit = 'ms'] = /time for request:\s+\S+\s+\S+\s+([\d.]+)(us|ms|s)/.exec(said) ?? [];
  return {
    perSecond,
    meanMs: Number(mean) * (unit === 'us' ? 0.001 : unit === 's' ? 1_000 : 1),
    cpuMicros: (cpu * 1e6) / Math.max(1, Number(good)),
    failures: Number(other3) + Number(other4) + Number(other5),
  };
}

export function secureTable(results: readonly Measured[]): string {
  const cpuOf = (system: string, { protocol, connections, streams }: SecureRate): number | undefined =>
    results.find(
      (each) => each.system === system && each.protocol === protocol && each.connections === connections && each.streams === streams,
    )?.cpuMicros;
  const rows = results.map((result) => [
    result.system,
    result.protocol,
    `${result.connections} × ${result.streams}`,
    figure(result.perSecond, 0),
    figure(result.meanMs, 2),
    figure(result.cpuMicros),
    ...['nginx', 'Caddy'].map((peer) => ratio(result.cpuMicros, cpuOf(peer, result))),
  ]);
  const head = ['system', 'protocol', 'connections × streams', 'requests/s', 'mean ms', 'CPU µs/request', 'CPU ÷ nginx', 'CPU ÷ Caddy'];
  return table('Reverse proxy over TLS', head, rows);
}

async function run(file: string, words: readonly string[]): Promise<readonly string[]> {
  const program = start(file, words);
  const lines: string[] = [];
  for await (const line of { [Symbol.asyncIterator]: () => program.lines }) lines.push(line);
  return lines;
}
