/** Destinations of the test's own (pages, a registry, an index, a repository), and a proxy that leads to them: at addresses of its own, and by its name through a relay. */

import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { addressServer } from '../doubles/address-server.ts';
import { certificate } from '../doubles/pki.ts';
import { freePort } from '../e2e/free-port.ts';
import { startRelayed, type RelayedGateway } from '../e2e/relayed-gateway.ts';
import { goodPassword, ownFolder } from '../e2e/written-gateway.ts';

type Context = Readonly<{ after: (done: () => unknown) => void }>;

export type Scene = Readonly<{
  folder: string;
  relayed: RelayedGateway;
  /** The CA of the destination with TLS. */
  destinationCa: string;
  ports: Readonly<{
    /** Of the destinations: without TLS, and with. */
    web: number;
    tls: number;
    /** Of the proxy's own addresses. */
    plain: number;
    secure: number;
    /** Of `sallyport connect` on the partner's machine, through the relay: with the right password, and with a wrong one. */
    right: number;
    wrong: number;
  }>;
}>;

/** A name whose address only the proxy's name server knows. */
export const shop = 'shop.example.org';

export async function beginScene(context: Context): Promise<Scene> {
  const folder = await ownFolder(context as Parameters<typeof ownFolder>[0]);
  const root = await certificate({ subject: 'root', isCa: true });
  const leaf = await certificate({ subject: 'destination', names: [shop, '127.0.0.1'], issuer: root });
  const destinationCa = join(folder, 'destination-ca.pem');
  await writeFile(destinationCa, root.cert);
  const answer = answering(folder);
  const web = await listening(context, createServer(answer));
  const tls = await listening(context, createTlsServer(leaf, answer));
  const names = await addressServer(context);
  names.says.set(shop, [['127.0.0.1']]);
  const [plain, secure] = [await freePort(), await freePort()];
  const proxy = (own: string): string =>
    `{ proxy: { socks5: true${own} }, access: [{ password: {} }], destinations: { resolver: ["${names.address}"], allow: ["*.example.org:*", "127.0.0.1:${web},${tls}", "127.0.0.0/8:*"] } }`;
  const relayed = await startRelayed(context, {
    folder,
    users: ['ana', 'eve'],
    // All come from one address, and many of them guess wrongly.
    text: `limits: { guessesPerAccountMax: 100, guessesPerAddressMax: 1000 }
services:
  plain: ${proxy(`, listen: "http://127.0.0.1:${plain}"`)}
  secure: ${proxy(`, listen: "https://127.0.0.1:${secure}"`)}
  out: ${proxy('')}
`,
  });
  const right = (await relayed.door('out', { user: 'ana', password: goodPassword })).port;
  const wrong = (await relayed.door('out', { user: 'eve', password: 'wrong' })).port;
  return { folder, relayed, destinationCa, ports: { web, tls, plain, secure, right, wrong } };
}

async function listening(context: Context, server: ReturnType<typeof createServer>): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** A registry of packages as small as one can be, an index as pip reads it, a repository as git serves it, and pages. */
function answering(folder: string): RequestListener {
  return (request, response) => {
    const { url = '' } = request;
    if (url.startsWith('/repo.git/')) return serveGit(folder, request, response);
    if (url.startsWith('/files/')) return void sendFile(join(folder, url.slice(7)), response);
    if (url === '/registry/tiny') return void sendPackage(folder, request, response);
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
    const wheel = 'tiny-1.2.3-py3-none-any.whl';
    if (url.startsWith('/simple/tiny')) return void response.end(`<!doctype html><a href="/files/${wheel}">${wheel}</a>`);
    return void response.end(`<!doctype html><title>page</title><p>you asked for ${url}`);
  };
}

async function sendFile(path: string, response: ServerResponse): Promise<void> {
  try {
    response.end(await readFile(path));
  } catch {
    response.writeHead(404).end();
  }
}

async function sendPackage(folder: string, { headers }: IncomingMessage, response: ServerResponse): Promise<void> {
  const hash = createHash('sha512').update(await readFile(join(folder, 'tiny-1.2.3.tgz')));
  const dist = { tarball: `http://${headers.host}/files/tiny-1.2.3.tgz`, integrity: `sha512-${hash.digest('base64')}` };
  const versions = { '1.2.3': { name: 'tiny', version: '1.2.3', dist } };
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ name: 'tiny', 'dist-tags': { latest: '1.2.3' }, versions }));
}

/** git's own server, asked by CGI (RFC 3875): what it answers begins with fields. */
function serveGit(folder: string, request: IncomingMessage, response: ServerResponse): void {
  const { pathname, search } = new URL(request.url ?? '', 'http://x');
  const about = {
    ...{ PATH: process.env['PATH'] ?? '', GIT_PROJECT_ROOT: folder, GIT_HTTP_EXPORT_ALL: '1', PATH_INFO: pathname },
    ...{ REQUEST_METHOD: request.method ?? '', QUERY_STRING: search.slice(1), CONTENT_TYPE: request.headers['content-type'] ?? '' },
    ...{ HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '' },
  };
  const child = spawn('git', ['http-backend'], { env: about, stdio: ['pipe', 'pipe', 'ignore'] });
  const said: Buffer[] = [];
  child.stdin.on('error', () => undefined);
  request.pipe(child.stdin);
  child.stdout.on('data', (chunk: Buffer) => said.push(chunk));
  child.once('close', () => {
    const whole = Buffer.concat(said);
    const end = whole.indexOf('\r\n\r\n');
    for (const line of whole.toString('latin1', 0, end).split('\r\n')) {
      const [name = '', value = ''] = line.split(': ');
      if (name === 'Status') response.statusCode = Number.parseInt(value, 10);
      else response.setHeader(name, value);
    }
    response.end(whole.subarray(end + 4));
  });
}

export type Said = Readonly<{ code: number | null; said: string }>;

/** A program as its user starts it, in a folder of the scene and with nothing in its environment but this. */
export function program(
  folder: string,
  [name = '', ...words]: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Said> {
  return new Promise((resolve) => {
    const child = spawn(name, words, {
      cwd: folder,
      env: { PATH: process.env['PATH'] ?? '', HOME: folder, GIT_CONFIG_NOSYSTEM: '1', GIT_TERMINAL_PROMPT: '0', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
    child.once('error', (error) => resolve({ code: null, said: error.message }));
    child.once('close', (code) => resolve({ code, said }));
  });
}

/** A reason to leave a test out, or false. */
export const without = (name: string): string | false =>
  spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0 ? false : `not run: no ${name}`;
