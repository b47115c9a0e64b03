/** Real servers of others as services of the corpus: what each makes of a request is noted behind it, or by itself. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent, createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { listening } from './real-servers.ts';

type Context = { after: (done: () => Promise<void>) => void };

/** One request, whole, as a server has read it. */
export type Noted = Readonly<{ method: string; url: string; bytes: number }>;

/** A server at a port, and what it has noted since it was last emptied. `settled` resolves when nothing is on its way. */
export type Noting = Readonly<{ port: number; noted: Noted[]; settled: () => Promise<void> }>;

export type ServerKind = 'nginx' | 'caddy' | 'python3';

/** One of a kind at each of these ports, with notes of its own. */
export async function startServers(context: Context, kind: ServerKind, ports: readonly number[]): Promise<readonly Noting[]> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-corpus-'));
  if (kind === 'python3') {
    context.after(() => rm(folder, { recursive: true, force: true }));
    return startPython(context, folder, ports);
  }
  const behind = await Promise.all(ports.map(() => startNoting(context)));
  const file = join(folder, kind === 'nginx' ? 'nginx.conf' : 'Caddyfile');
  const places = ports.map((port, at) => ({ port, to: behind[at]?.port ?? 0 }));
  await writeFile(file, kind === 'nginx' ? nginxFile(folder, places) : caddyFile(places));
  const words =
    kind === 'nginx' ? ['-e', join(folder, 'error.log'), '-p', folder, '-c', file] : ['run', '--config', file, '--adapter', 'caddyfile'];
  const home = { XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder, HOME: folder };
  const server = spawn(kind, words, { stdio: 'ignore', env: { ...process.env, ...home } });
  context.after(async () => {
    const over = once(server, 'close');
    server.kill('SIGTERM');
    await over;
    await rm(folder, { recursive: true, force: true });
  });
  await Promise.all(ports.map((port) => listening(port)));
  return ports.map((port, at) => ({ port, noted: behind[at]?.noted ?? [], settled: () => asked(port) }));
}

type Place = Readonly<{ port: number; to: number }>;

/** As it comes, but for what a service needs: a request of HTTP/1.1 behind it. */
function nginxFile(folder: string, places: readonly Place[]): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${join(folder, name)};`);
  const servers = places.map(
    ({ port, to }) =>
      `server { listen 127.0.0.1:${port}; location / { proxy_pass http://127.0.0.1:${to}; proxy_http_version 1.1; proxy_set_header Host $http_host; } }`,
  );
  const head = `daemon off; worker_processes 1; pid ${join(folder, 'nginx.pid')}; events { worker_connections 1024; }`;
  return `${head}\nhttp { access_log off; ${temporary.join(' ')}\n${servers.join('\n')}\n}\n`;
}

function caddyFile(places: readonly Place[]): string {
  const sites = places.map(({ port, to }) => `http://:${port} {\n  bind 127.0.0.1\n  reverse_proxy 127.0.0.1:${to}\n}`);
  return `{\n  admin off\n  auto_https off\n}\n${sites.join('\n')}\n`;
}

/** What stands behind nginx and Caddy: a request counts when its body has come to its end. */
async function startNoting(context: Context): Promise<Readonly<{ port: number; noted: Noted[] }>> {
  const noted: Noted[] = [];
  const server = createServer((request, response) => {
    let bytes = 0;
    request.on('data', (chunk: Buffer) => (bytes += chunk.length));
    request.on('error', () => undefined);
    request.on('end', () => {
      if (request.url !== settledPath) noted.push({ method: request.method ?? '', url: request.url ?? '', bytes });
      response.end('ok');
    });
  });
  server.on('upgrade', (request, socket) => {
    noted.push({ method: request.method ?? '', url: request.url ?? '', bytes: 0 });
    socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.after(async () => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  });
  return { port: (server.address() as AddressInfo).port, noted };
}

const settledPath = '/--settled';

/** It is asked thousands of times: its connections are kept. */
const agent = new Agent({ keepAlive: true });

function asked(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    get(
      { host: '127.0.0.1', port, path: settledPath, agent },
      (answer) => void answer.resume().once('end', resolve).once('error', reject),
    ).once('error', reject);
  });
}

/**
 * http.server as people write it: connections are kept, bodies are read by Content-Length alone. It knows no chunks: what it
 * makes of them is its own affair, as long as it makes no request of them.
 */
const pythonServer = `
import sys, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
lock = threading.Lock()
class Handler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def __getattr__(self, name):
        if name.startswith('do_'): return self.answer
        raise AttributeError(name)
    def answer(self):
        body = self.rfile.read(int(self.headers.get('Content-Length') or 0))
        with lock:
            sys.stdout.write('\\t'.join([str(self.server.server_port), self.command, self.path, str(len(body))]) + '\\n')
            sys.stdout.flush()
        self.send_response(200)
        self.send_header('Content-Length', '2')
        self.end_headers()
        if self.command != 'HEAD': self.wfile.write(b'ok')
    def log_message(self, *words): pass
servers = [ThreadingHTTPServer(('127.0.0.1', int(port)), Handler) for port in sys.argv[1:]]
for server in servers[1:]: threading.Thread(target=server.serve_forever, daemon=True).start()
servers[0].serve_forever()
`;

async function startPython(context: Context, folder: string, ports: readonly number[]): Promise<readonly Noting[]> {
  const file = join(folder, 'server.py');
  await writeFile(file, pythonServer);
  const server = spawn('python3', [file, ...ports.map(String)], { stdio: ['ignore', 'pipe', 'ignore'] });
  context.after(async () => {
    const over = once(server, 'close');
    server.kill('SIGKILL');
    await over;
  });
  const all = ports.map((port) => ({ port, noted: [] as Noted[], settled: Promise.withResolvers<void>() }));
  createInterface({ input: server.stdout }).on('line', (line) => {
    const [port, method = '', url = '', bytes] = line.split('\t');
    const place = all.find((each) => each.port === Number(port));
    if (url === settledPath) place?.settled.resolve();
    else place?.noted.push({ method, url, bytes: Number(bytes) });
  });
  await Promise.all(ports.map((port) => listening(port)));
  return all.map((place) => ({
    port: place.port,
    noted: place.noted,
    settled: async () => {
      place.settled = Promise.withResolvers<void>();
      await asked(place.port);
      await place.settled.promise;
    },
  }));
}
