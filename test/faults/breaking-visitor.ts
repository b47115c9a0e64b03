/** A visitor who comes to a certain point of an exchange and then breaks the connection by a reset (RST). */

import { connect, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { visitorContext } from '../doubles/visitor-context.ts';
import { reset } from './reset.ts';

const credulous = { rejectUnauthorized: false, secureContext: visitorContext() };

const head = (method: string, path: string, more = ''): string => `${method} ${path} HTTP/1.1\r\nHost: HOST\r\n${more}\r\n`;
const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n';

/** How far it goes: what it sends, and what it then waits for. `bytes` of the answer, or a pattern in it. */
export type Point = Readonly<{ send: string; until?: RegExp; bytes?: number; /** Ends its side first. */ ends?: boolean }>;

/** Where it breaks off, once HTTP is spoken. */
export const points: Readonly<Record<string, Point>> = {
  'before a byte': { send: '' },
  'in the request line': { send: 'GET /dow' },
  'in the head': { send: 'GET /download HTTP/1.1\r\nHost: HO' },
  'in a head that is refused': { send: 'GET /download HTTP/1.1\r\nHost : HOST\r\n\r\n' },
  'after the head': { send: head('GET', '/download') },
  'after the head and the end of its side': { send: head('GET', '/download'), ends: true },
  'at the first byte of the answer': { send: head('GET', '/download'), until: /^H/ },
  'at the head of the answer': { send: head('GET', '/download'), until: /\r\n\r\n/ },
  'deep in the answer': { send: head('GET', '/download'), bytes: 1_000_000 },
  'after the whole answer': { send: head('GET', '/ok'), until: /ok$/ },
  'in the second of two requests': { send: head('GET', '/ok') + head('GET', '/download'), until: /ok/ },
  'with more requests waiting': { send: head('GET', '/ok').repeat(20), until: /ok/ },
  'before a body': { send: head('POST', '/ok', 'Content-Length: 1000000\r\n') },
  'in a body that is held': { send: head('POST', '/ok', 'Content-Length: 1000\r\n') + 'half' },
  'in a body that flows': { send: head('POST', '/ok', 'Content-Length: 1000000\r\n') + 'x'.repeat(100_000) },
  'in a chunk': { send: head('POST', '/ok', 'Transfer-Encoding: chunked\r\n') + 'ff\r\nab' },
  'in a body that the service resets': { send: head('POST', '/reset/in-upload', 'Content-Length: 1000000\r\n') + 'x'.repeat(100_000) },
  'waiting for 100': { send: head('POST', '/ok', 'Content-Length: 5\r\nExpect: 100-continue\r\n') },
  'in a stream of events': { send: head('GET', '/held'), until: /data: 1/ },
  'asking for a WebSocket': { send: head('GET', '/echo', upgrade) },
  'in a WebSocket': { send: head('GET', '/echo', upgrade), until: / 101 / },
  'below the reserved path': { send: head('GET', '/.sallyport/nothing') },
  'in a form': { send: head('POST', '/.sallyport/login', 'Content-Length: 100\r\n') + 'user=' },
};

/** Where it breaks off in the handshake. */
export const tlsPoints = ['in the hello', 'after the hello', 'in the handshake'] as const;

export type Place = Readonly<{ port: number; host: string; tls: boolean }>;

/** Resolves when it has left, by a reset or in another way. Never rejects. */
export function breakAt(place: Place, point: Point, leave: (socket: Socket) => void = reset): Promise<void> {
  const raw = connect({ host: '127.0.0.1', port: place.port, noDelay: true });
  const stream: Duplex = place.tls ? connectTls({ socket: wireOver(raw), servername: place.host.replace(/:\d+$/, ''), ...credulous }) : raw;
  return new Promise((resolve) => {
    let [text, bytes] = ['', 0];
    const breakOff = (): void => {
      clearTimeout(patience);
      raw.once('close', () => resolve());
      leave(raw);
      stream.destroy();
      if (raw.closed) resolve();
    };
    // Whoever was reset by the other side first (a service may do so) is done as well.
    const patience = setTimeout(breakOff, 2_000);
    for (const each of [stream, raw]) each.on('error', () => undefined);
    raw.once('close', breakOff);
    stream.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (text.length < 10_000) text += chunk.toString('latin1');
      if (point.until?.test(text) === true || (point.bytes !== undefined && bytes >= point.bytes)) breakOff();
    });
    stream.once(place.tls ? 'secureConnect' : 'connect', () => {
      const sent = (): void => (point.until === undefined && point.bytes === undefined ? breakOff() : undefined);
      if (point.send === '') return sent();
      stream.write(point.send.replaceAll('HOST', place.host), 'latin1', sent);
      if (point.ends === true) stream.end();
    });
  });
}

/** Node's TLS would take the socket itself over, and ends with a fault of memory when that is reset below it. */
function wireOver(raw: Socket): Duplex {
  const wire = new Duplex({
    read: () => void raw.resume(),
    write: (chunk: Buffer, _encoding, done) => void raw.write(chunk, () => done()),
    final: (done) => void raw.end(done),
  });
  raw.on('data', (chunk: Buffer) => wire.push(chunk) || raw.pause());
  raw.on('end', () => wire.push(null));
  raw.on('close', () => wire.destroy());
  wire.on('error', () => undefined);
  return wire;
}

/** The same within the handshake. */
export async function breakHandshake(place: Place, point: (typeof tlsPoints)[number]): Promise<void> {
  const hello = await helloFor(place.host.replace(/:\d+$/, ''));
  const raw = connect({ host: '127.0.0.1', port: place.port, noDelay: true });
  raw.on('error', () => undefined);
  return new Promise((resolve) => {
    raw.once('close', () => resolve());
    const bytes = point === 'in the hello' ? hello.subarray(0, hello.length / 2) : hello;
    raw.once('data', () => reset(raw));
    raw.once('connect', () => raw.write(bytes, () => (point === 'in the handshake' ? undefined : reset(raw))));
  });
}

/** The first flight of a real client. */
function helloFor(servername: string): Promise<Buffer> {
  return new Promise((resolve) => {
    const wire = new Duplex({
      read: () => undefined,
      write: (chunk: Buffer, _encoding, done) => {
        resolve(chunk);
        done();
      },
    });
    connectTls({ socket: wire, servername, ...credulous }).on('error', () => undefined);
  });
}
