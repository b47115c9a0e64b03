/** A real local service that remembers what reached it: pages, bodies, events, a WebSocket echo, large downloads. */

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';

/** What the service saw of one request. */
export type Seen = Readonly<{ method: string; url: string; headers: readonly string[]; from: string; bytes: number; sha256: string }>;

export type TestService = Readonly<{ port: number; seen: readonly Seen[]; close: () => Promise<void> }>;

/**
 * `/download/N` sends N bytes of a known pattern; `/events` sends five events; `/held` is a stream of events that gets one
 * whenever somebody asks for `/held/next`; `/echo` is a WebSocket; anything else says what it saw.
 */
export async function startService(context: { after: (done: () => Promise<void>) => void }, port = 0): Promise<TestService> {
  const seen: Seen[] = [];
  const held = new Set<ServerResponse>();
  // Whoever leaves in the middle of a body is no fault of the test.
  const server = createServer((request, response) => void answer(request, response, { seen, held }).catch(() => response.destroy()));
  const sockets = new WebSocketServer({ server, path: '/echo' });
  sockets.on('connection', (socket) => socket.on('message', (data, binary) => socket.send(data, { binary })));
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const close = (): Promise<void> => closed(server, sockets);
  context.after(close);
  return { port: (server.address() as AddressInfo).port, seen, close };
}

function closed(server: Server, sockets: WebSocketServer): Promise<void> {
  for (const socket of sockets.clients) socket.terminate();
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}

type Memory = Readonly<{ seen: Seen[]; held: Set<ServerResponse> }>;

async function answer(request: IncomingMessage, response: ServerResponse, { seen, held }: Memory): Promise<void> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    hash.update(chunk);
  }
  const url = request.url ?? '';
  const fact: Seen = {
    method: request.method ?? '',
    url,
    headers: request.rawHeaders,
    from: request.socket.remoteAddress ?? '',
    bytes,
    sha256: hash.digest('hex'),
  };
  seen.push(fact);
  const download = /^\/download\/(\d+)$/.exec(url);
  if (download !== null) return sendPattern(response, Number(download[1]));
  if (url === '/events') return sendEvents(response);
  if (url === '/held') return hold(response, held);
  if (url === '/held/next') for (const each of held) each.write(`data: ${seen.length}\n\n`);
  response.setHeader('Content-Type', 'application/json');
  response.end(JSON.stringify(fact));
}

const BLOCK = Buffer.from(Array.from({ length: 65_536 }, (_, at) => (at * 31 + (at >> 8)) & 0xff));

/** The same bytes that `/download/N` sends, hashed. */
export function patternHash(length: number): string {
  const hash = createHash('sha256');
  for (let left = length; left > 0; left -= BLOCK.length) hash.update(BLOCK.subarray(0, Math.min(left, BLOCK.length)));
  return hash.digest('hex');
}

async function sendPattern(response: ServerResponse, length: number): Promise<void> {
  response.writeHead(200, { 'Content-Type': 'application/octet-stream', 'Content-Length': String(length) });
  const gone = once(response, 'close');
  for (let left = length; left > 0 && !response.destroyed; left -= BLOCK.length) {
    const more = response.write(BLOCK.subarray(0, Math.min(left, BLOCK.length)));
    if (!more) await Promise.race([once(response, 'drain'), gone]);
  }
  response.end();
}

function hold(response: ServerResponse, held: Set<ServerResponse>): void {
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' }).flushHeaders();
  held.add(response);
  response.once('close', () => held.delete(response));
}

async function sendEvents(response: ServerResponse): Promise<void> {
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
  for (let event = 1; event <= 5; event += 1) {
    response.write(`data: ${event}\n\n`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  response.end();
}
