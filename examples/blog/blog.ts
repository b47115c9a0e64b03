/** The blog's server: pages, a form, a cookie, an event stream, a WebSocket and something large. */

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { WebSocketServer } from 'ws';
import { bulk, bulkSum, sizeOf } from './bulk.ts';
import type { Visitor } from './pages.ts';
import { homePage, missingPage, postPage, writePage } from './pages.ts';
import { Posts } from './posts.ts';

const formBytesMax = 16_384;
const readersMax = 100;
const style = readFileSync(new URL('style.css', import.meta.url));
const script = readFileSync(new URL('blog.js', import.meta.url));

/** Makes a blog that is not listening yet. `file` is SQLite's, `:memory:` for none. */
export function createBlog(file: string): { readonly server: Server; readonly close: () => void } {
  const posts = new Posts(file);
  const readers = new Set<ServerResponse>();
  const echo = new WebSocketServer({ noServer: true, maxPayload: 1_048_576 });
  const server = createServer((request, response) => {
    answer({ posts, readers, request, response }).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else
        send(response, 500, 'text/plain', `The blog stumbled: ${error instanceof Error ? error.message : 'it does not know over what'}\n`);
    });
  });
  server.on('upgrade', (request, socket, head) => {
    if (request.url !== '/echo') return void socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
    echo.handleUpgrade(request, socket, head, (peer) => {
      peer.on('message', (data, isBinary) => peer.send(data, { binary: isBinary }));
      peer.on('error', () => peer.terminate());
    });
  });
  const close = (): void => {
    server.close(() => posts.close());
    server.closeAllConnections();
    for (const peer of echo.clients) peer.terminate();
  };
  return { server, close };
}

type Visit = Readonly<{ posts: Posts; readers: Set<ServerResponse>; request: IncomingMessage; response: ServerResponse }>;

async function answer(visit: Visit): Promise<void> {
  const { request, response, posts } = visit;
  const { pathname } = new URL(request.url ?? '/', 'http://localhost');
  const [first = '', second = '', third = ''] = pathname.slice(1).split('/');
  const reading = request.method === 'GET' || request.method === 'HEAD';
  const visitor = visitorOf(request);
  const post = first === 'posts' ? posts.find(Number(second)) : null;

  if (reading && pathname === '/') return send(response, 200, 'text/html', homePage(posts.all(), visitor));
  if (reading && pathname === '/style.css') return send(response, 200, 'text/css', style);
  if (reading && pathname === '/blog.js') return send(response, 200, 'text/javascript', script);
  if (reading && pathname === '/live') return follow(visit);
  if (reading && first === 'download' && third === '') return download(visit, second);
  if (reading && post !== null && third === '') return send(response, 200, 'text/html', postPage(post, posts.comments(post.id), visitor));
  if (request.method === 'POST' && post !== null && third === 'comments') return takeComment(visit, post.id);
  if ((request.method === 'POST' || request.method === 'PUT') && pathname === '/upload') return takeUpload(visit);
  // The author is whoever sits at this machine: the trust that many a local program has, and that a careless proxy gives away.
  if (pathname === '/write' && visitor.local) return reading ? send(response, 200, 'text/html', writePage(visitor)) : takePost(visit);
  request.resume();
  return send(response, 404, 'text/html', missingPage(visitor));
}

function visitorOf(request: IncomingMessage): Visitor {
  const socket = request.socket.remoteAddress ?? 'gone';
  const forwardedFor = text(request.headers['x-forwarded-for']);
  const [, name = ''] = /(?:^|; )visitor=([^;]*)/.exec(request.headers.cookie ?? '') ?? [];
  return {
    socket,
    forwardedFor,
    scheme: text(request.headers['x-forwarded-proto']) ?? 'http',
    name: decoded(name),
    local: socket === '127.0.0.1' && forwardedFor === null,
  };
}

function text(value: string | readonly string[] | undefined): string | null {
  return value === undefined ? null : String(value);
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return '';
  }
}

function send(response: ServerResponse, status: number, type: string, body: string | Uint8Array): void {
  response.writeHead(status, {
    'content-type': `${type}; charset=utf-8`,
    'content-length': Buffer.byteLength(body),
    'content-security-policy': "default-src 'self'; img-src data:",
    'x-content-type-options': 'nosniff',
  });
  response.end(response.req.method === 'HEAD' ? undefined : body);
}

function redirect(response: ServerResponse, location: string, cookie?: string): void {
  response.writeHead(303, { location, 'content-length': 0, ...(cookie === undefined ? {} : { 'set-cookie': cookie }) });
  response.end();
}

/** Reads a form, or answers 413 itself and gives null. */
async function formOf({ request, response }: Visit): Promise<URLSearchParams | null> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes <= formBytesMax) parts.push(part);
  }
  if (bytes <= formBytesMax) return new URLSearchParams(Buffer.concat(parts).toString());
  send(response, 413, 'text/plain', 'That is more than a comment.\n');
  return null;
}

async function takeComment(visit: Visit, post: number): Promise<void> {
  const form = await formOf(visit);
  if (form === null) return;
  const name = form.get('name')?.trim() ?? '';
  const words = form.get('text')?.trim() ?? '';
  if (name === '' || words === '') return send(visit.response, 400, 'text/plain', 'A comment needs a name and some words.\n');
  const comment = visit.posts.comment(post, name, words);
  for (const reader of visit.readers) reader.write(`event: comment\nid: ${comment.id}\ndata: ${JSON.stringify(comment)}\n\n`);
  const secure = visitorOf(visit.request).scheme === 'https' ? '; Secure' : '';
  redirect(
    visit.response,
    `/posts/${post}#c${comment.id}`,
    `visitor=${encodeURIComponent(comment.name)}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax${secure}`,
  );
}

async function takePost(visit: Visit): Promise<void> {
  const form = await formOf(visit);
  if (form === null) return;
  const title = form.get('title')?.trim() ?? '';
  const words = form.get('text')?.trim() ?? '';
  if (title === '' || words === '') return send(visit.response, 400, 'text/plain', 'A post needs a title and some words.\n');
  redirect(visit.response, `/posts/${visit.posts.write(title, words)}`);
}

/** New comments as they are made, until the reader leaves. */
function follow({ readers, response }: Visit): void {
  if (readers.size >= readersMax) return send(response, 503, 'text/plain', 'Too many are listening.\n');
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  response.write(': listening\n\n');
  readers.add(response);
  response.on('close', () => readers.delete(response));
}

async function download({ request, response }: Visit, name: string): Promise<void> {
  const wantsSum = name.endsWith('.sha256');
  const bytes = sizeOf(wantsSum ? name.slice(0, -'.sha256'.length) : name);
  if (bytes === null) return send(response, 404, 'text/plain', 'Ask for a size, like /download/200MB.\n');
  if (wantsSum) return send(response, 200, 'text/plain', `${await bulkSum(bytes)}\n`);
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': bytes, 'cache-control': 'no-store' });
  if (request.method === 'HEAD') response.end();
  else await pipeline(bulk(bytes), response).catch(() => response.destroy());
}

async function takeUpload({ request, response }: Visit): Promise<void> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length;
    hash.update(part);
  }
  send(response, 200, 'application/json', `${JSON.stringify({ bytes, sha256: hash.digest('hex') })}\n`);
}
