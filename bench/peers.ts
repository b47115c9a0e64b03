/** The origin, and the peers before it: nginx, HAProxy, Caddy, PageKite, each with its access log on where it has one. */

import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { createServer, get } from 'node:http';
import { text } from 'node:stream/consumers';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { bulk } from '../examples/blog/bulk.ts';
import type { Program } from './processes.ts';
import { find, freePort, listening, start, stop } from './processes.ts';

/** 71 bytes. */
const page = '<!doctype html><title>origin</title><p>What everybody is measured with.\n';
const bulkBytes = 200_000_000;

export type Running = Readonly<{ port: number; programs: readonly Program[]; stop: () => void }>;

export type Peer = Readonly<{
  name: string;
  /** Starts it before the origin; null when it is not installed. */
  run: (folder: string, origin: number) => Promise<Running | null>;
}>;

/** Serves the page at `/` and 200 MB at `/bulk`. */
export async function startOrigin(folder: string): Promise<Readonly<{ name: string; port: number }>> {
  const port = await freePort();
  const nginx = find('nginx');
  const www = join(folder, 'www');
  await mkdir(www, { recursive: true });
  await writeFile(join(www, 'index.html'), page);
  if (nginx !== null) {
    await writeFile(join(www, 'bulk'), bulk(bulkBytes));
    const server = `server { listen 127.0.0.1:${port}; root ${www}; access_log off; keepalive_requests 1000000000; }`;
    const program = start(nginx, ['-c', await nginxFile(folder, 'origin', server)]);
    await listening(port, program);
    return { name: 'nginx', port };
  }
  const server = createServer((request, response) => {
    if (request.url === '/bulk') bulk(bulkBytes).pipe(response.setHeader('content-length', bulkBytes));
    else response.end(page);
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  server.unref();
  return { name: 'Node', port };
}

/** One worker, as the others have one: what is compared is CPU for each request. */
export async function nginxFile(folder: string, name: string, server: string): Promise<string> {
  const own = join(folder, name);
  await mkdir(own, { recursive: true });
  await chmod(folder, 0o755);
  const places = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${own}/${kind};`).join(' ');
  const user = process.getuid?.() === 0 ? 'user root;' : '';
  const file = join(own, 'nginx.conf');
  await writeFile(
    file,
    `${user} daemon off; worker_processes 1; pid ${own}/pid; error_log ${own}/error.log;
events { worker_connections 4096; }
http { ${places} sendfile on; tcp_nopush on; ${server} }\n`,
  );
  return file;
}

const nginx: Peer = {
  name: 'nginx',
  async run(folder, origin) {
    const port = await freePort();
    const server = `upstream origin { server 127.0.0.1:${origin}; keepalive 64; keepalive_requests 1000000000; }
access_log ${folder}/nginx-access.log;
server { listen 127.0.0.1:${port}; keepalive_requests 1000000000;
location / { proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header X-Forwarded-For $remote_addr; } }`;
    return runPeer('nginx', port, ['-c', await nginxFile(folder, 'nginx', server)]);
  },
};

const haproxy: Peer = {
  name: 'HAProxy',
  async run(folder, origin) {
    const port = await freePort();
    const file = join(folder, 'haproxy.cfg');
    await writeFile(
      file,
      `global\n  nbthread 1\n  maxconn 4096\n  log stdout format raw local0\ndefaults\n  mode http\n  log global\n  option httplog\n  option forwardfor
  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\nlisten in\n  bind 127.0.0.1:${port}\n  http-reuse always\n  server origin 127.0.0.1:${origin}\n`,
    );
    // The log goes to standard output, which the shell sends to a file.
    return runPeer('haproxy', port, ['-db', '-f', file], `${folder}/haproxy.log`);
  },
};

const caddy: Peer = {
  name: 'Caddy',
  async run(folder, origin) {
    const port = await freePort();
    const file = join(folder, 'Caddyfile');
    await writeFile(
      file,
      `{\n  admin off\n  auto_https off\n  storage file_system ${folder}/caddy\n}\nhttp://127.0.0.1:${port} {
  bind 127.0.0.1\n  log {\n    output file ${folder}/caddy.log\n  }\n  reverse_proxy 127.0.0.1:${origin}\n}\n`,
    );
    return runPeer('caddy', port, ['run', '--adapter', 'caddyfile', '--config', file]);
  },
};

export async function runPeer(command: string, port: number, words: readonly string[], log = '/dev/null'): Promise<Running | null> {
  const path = find(command);
  if (path === null) return null;
  const program = start('/bin/sh', ['-c', 'log=$1; shift; exec "$@" >"$log"', 'sh', log, path, ...words]);
  await listening(port, program);
  return { port, programs: [program], stop: () => stop(program) };
}

export const reversePeers: readonly Peer[] = [nginx, haproxy, caddy];

/** The name that PageKite's front-end answers to. */
export const pagekiteName = 'bench.example.test';

export const pagekite: Peer = {
  name: 'PageKite',
  async run(folder, origin) {
    const path = find('pagekite');
    if (path === null) return null;
    const port = await freePort();
    // Without the last two its tunnel dies every two minutes, and compressible content kills it at once.
    const common = ['--clean', '--nullui', '--keepalive=3600', '--nozchunks'];
    const front = start(path, [
      ...common,
      '--isfrontend',
      '--host=127.0.0.1',
      `--ports=${port}`,
      '--protos=http,https,websocket,raw',
      '--rawports=virtual',
      `--domain=http,https,websocket,raw:${pagekiteName}:bench`,
      `--logfile=${folder}/pagekite-front.log`,
    ]);
    await listening(port, front);
    const service = `--service_on=http:${pagekiteName}:127.0.0.1:${origin}:bench`;
    const back = start(path, [...common, `--frontend=127.0.0.1:${port}`, service, `--logfile=${folder}/pagekite-back.log`]);
    for (let attempt = 0; attempt < 60; attempt++) {
      await pause(500);
      if ((await ask(port, pagekiteName)) === page) return { port, programs: [front, back], stop: () => [front, back].forEach(stop) };
    }
    throw new Error(`PageKite did not come up. ${front.complaint()} ${back.complaint()}`);
  },
};

/** What is answered under that name; fetch() would not let us say the name. */
function ask(port: number, host: string): Promise<string | null> {
  return new Promise((resolve) => {
    const asking = get({ host: '127.0.0.1', port, headers: { host }, agent: false, timeout: 2_000 }, (response) =>
      resolve(text(response).catch(() => null)),
    );
    asking.on('timeout', () => asking.destroy());
    asking.on('error', () => resolve(null));
  });
}
