/** The service of the storm, in a process that can be killed: `service.ts PORT FILE [LIES [NAME TCPPORT UDPPORT]]`. It says one JSON object a line. */

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { appendFileSync, existsSync, openSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { WebSocketServer } from 'ws';
import { Content, contentOf, receiptOf } from './content.ts';
import { startTcpEcho, startUdpEcho, type Told } from './raw-services.ts';

/** Told to be bad, it is so in one of some answers: the storm must find each. */
type Lie = 'nonce' | 'corrupt' | 'short' | 'echo' | 'raw' | 'leak' | 'die';
const [, , port = '', seenFile = '', lieWords = '', name = '', tcpPort = '', udpPort = ''] = process.argv;
const lies = new Set(lieWords.split(','));
let turn = 0;
const lied = (lie: Lie): boolean => lies.has(lie) && (turn += 1) % 3 === 0;

const dripPieces = 10;
const dripMs = 100;
/** Ids of requests that change something: none may come twice, also when this process was killed between. */
const seen = new Set(existsSync(seenFile) ? readFileSync(seenFile, 'utf8').split('\n').slice(-100_000) : []);
/** The oldest are forgotten: an hour has many. */
const seenMax = 200_000;
let lastId = '/nonce/none';
const leaked: Buffer[] = [];
const leaksMax = 200;

const say = (fact: Readonly<Record<string, unknown>>): void => void process.stdout.write(`${JSON.stringify(fact)}\n`);

const server = createServer((request, response) => void answer(request, response).catch(() => response.destroy()));
// A pool's idle connections are gone soon, and the race with one that closes is often met.
server.keepAliveTimeout = 1_000;
const sockets = new WebSocketServer({ server });
sockets.on('connection', (socket) => {
  socket.on('error', () => undefined);
  socket.on('message', (data: Buffer, binary) => {
    if (lied('echo')) data[data.length - 1] = (data.at(-1) ?? 0) ^ 1;
    socket.send(data, { binary });
  });
});
process.once('SIGTERM', () => process.exit(0));
const told: Told = {
  wrong: (what) => say({ event: 'violation', what }),
  spoil: (bytes) => {
    const last = bytes.length - 1;
    if (last > 0 && lied('raw')) bytes[last] = (bytes[last] ?? 0) ^ 1;
  },
};
if (tcpPort !== '') await startTcpEcho(Number(tcpPort), told);
if (udpPort !== '') await startUdpEcho(Number(udpPort), told);
server.listen(Number(port), '127.0.0.1', () => say({ event: 'listening' }));

/** `/nonce/ID`, `/post/ID`, `/upload/BYTES/ID`: a receipt. `/download/BYTES/ID`, `/chunked/…`, `/drip/…`: the id's content. */
async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = request.url ?? '';
  const [, work = '', ...words] = path.split('/');
  const id = lied('nonce') ? lastId : path;
  lastId = path;
  if (lies.has('leak')) leak();
  if (lied('die') && turn > 12) setImmediate(() => fall());
  response.setHeader('X-Nonce', id);
  response.setHeader('X-Service', name);
  if (work === 'download' || work === 'chunked' || work === 'drip') return send(response, { id, work, bytes: Number(words[0]) });
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  if (request.method !== 'GET') judge(path, { bytes, whole: Number(words[0]), sha256: hash.copy().digest('hex') });
  response.end(receiptOf(id, { bytes, sha256: hash.digest('hex') }));
}

/** With each request, so that it goes on after the quiet look at the beginning. */
function leak(): void {
  if (leaked.length >= leaksMax) return;
  openSync(process.execPath, 'r');
  leaked.push(Buffer.alloc(2_000_000, 'x'));
}

function fall(): never {
  throw new Error('a fault that nobody handles');
}

/** A body that reached its end must be the one that was sent, and come once. */
function judge(path: string, body: Readonly<{ bytes: number; whole: number; sha256: string }>): void {
  if (seen.has(path)) say({ event: 'violation', what: `${path} came twice` });
  seen.add(path);
  appendFileSync(seenFile, `${path}\n`);
  if (seen.size > seenMax) for (const oldest of seen.values().take(seenMax / 2)) seen.delete(oldest);
  const right = createHash('sha256').update(contentOf(path, body.whole)).digest('hex');
  if (body.sha256 !== right)
    say({ event: 'violation', what: `the body of ${path} ended well with ${body.bytes} bytes that were not sent` });
}

async function send(response: ServerResponse, what: Readonly<{ id: string; work: string; bytes: number }>): Promise<void> {
  const content = new Content(what.id);
  const gone = once(response, 'close');
  if (what.work === 'download') response.setHeader('Content-Length', what.bytes);
  const most = what.work === 'drip' ? Math.ceil(what.bytes / dripPieces) : 65_536;
  for (let left = what.bytes; left > 0 && !response.destroyed; left -= most) {
    const piece = content.next(Math.min(left, most));
    if (lied('corrupt')) piece[0] = (piece[0] ?? 0) ^ 1;
    if (what.work !== 'download' && lied('short')) break;
    if (!response.write(piece)) await Promise.race([once(response, 'drain'), gone]);
    if (what.work === 'drip') await Promise.race([pause(dripMs), gone]);
  }
  response.end();
}
