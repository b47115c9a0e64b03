/** A proxy for the programs of this machine: plain HTTP and SOCKS 5 here, TLS and one person's credential from here on. */

import { timingSafeEqual, createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Deadlines, Splice } from '../contracts/protocol.ts';
import { anyDatagrams, readDestination, type Destination } from '../core/egress/destination.ts';
import type { Shown } from '../core/egress/asking.ts';
import { SallyportError } from '../core/errors.ts';
import type { Field } from '../core/http/fields.ts';
import type { RequestHead } from '../core/http/head.ts';
import { RequestReader } from '../core/http/request-reader.ts';
import type { Limits } from '../core/limits.ts';
import { credentialsOf, onlyField, readBasic } from '../core/policy/credentials.ts';
import { Socks5Reader, socksReplies, socksReply } from '../core/socks/socks5.ts';
import { listen, type Listening } from './listener.ts';
import { associate } from './local-datagrams.ts';
import { credentialTaken, NotLed, requestBy, tunnelTo, type ProxyVisitOptions } from './proxy-visit.ts';

export type LocalProxyOptions = Readonly<{
  host: string;
  port: number;
  limits: Limits;
  deadlines: Deadlines;
  splice: Splice;
  far: Omit<ProxyVisitOptions, 'signal'>;
  /** What programs must show here; null where whoever reaches the port may use it. */
  own: Shown;
  /** Told of what came to nothing, but for a destination that the proxy does not lead to. */
  onFailure: (error: unknown) => void;
}>;

/** What a program of this machine asks for, and what it is told in its own words. `rest` stays in the stream. */
type Asked = Readonly<{ to: Destination; head: RequestHead | null; shown: Shown; words: Words; datagramPort?: number }>;
type Words = Readonly<{ led: Uint8Array | null; refused: (why: Refused) => Uint8Array }>;
type Refused = NotLed['kind'] | 'credentials' | 'malformed' | 'unreached';

/** Errors: `address-in-use`, `permission-missing`, `address-unavailable`. */
export function openLocalProxy(options: LocalProxyOptions): Promise<Listening> {
  const { host, port, limits } = options;
  return listen({
    host,
    port,
    limits: { connectionsMax: limits.connectionsPerAddressMax, connectionsPerAddressMax: limits.connectionsPerAddressMax },
    take: (socket) => void serve(socket, options),
  });
}

async function serve(socket: Socket, options: LocalProxyOptions): Promise<void> {
  const { limits, splice, own, onFailure } = options;
  const gone = new AbortController();
  socket.on('error', () => undefined);
  socket.once('close', () => gone.abort());
  const asked = await hear(socket, options);
  if ('bytes' in asked) return leave(socket, asked.bytes);
  if (own !== null && !isSame(asked.shown, own)) return leave(socket, asked.words.refused('credentials'));
  const far = { ...options.far, signal: gone.signal };
  try {
    if (asked.datagramPort !== undefined) return await associate(socket, asked.datagramPort, { ...options, far });
    const line = asked.head === null ? await tunnelTo(asked.to, far) : await requestBy(asked.head, far);
    if (asked.words.led !== null) socket.write(asked.words.led);
    const joined = asked.head === null ? splice(socket, line, { idleMs: limits.tunnelIdleMs }) : exchanged(socket, line, far, splice);
    await joined;
  } catch (error) {
    leave(socket, asked.words.refused(refusedBy(error)));
    if (!(error instanceof NotLed) && !gone.signal.aborted) onFailure(error);
  }
}

function refusedBy(error: unknown): Refused {
  if (error instanceof NotLed) return error.kind;
  return error instanceof SallyportError && error.code === 'method-refused' ? 'unsupported' : 'unreached';
}

/** One request: its body goes out while the answer is awaited, and nothing of an answer comes back that asks for our credential. */
async function exchanged(socket: Socket, line: TLSSocket, far: ProxyVisitOptions, splice: Splice): Promise<void> {
  const sending = (bytes: Buffer): void => {
    if (!line.write(bytes)) socket.pause();
  };
  const drained = (): void => void socket.resume();
  socket.on('data', sending);
  line.on('drain', drained);
  socket.resume();
  try {
    await credentialTaken(line, far);
  } catch (error) {
    line.destroy();
    throw error;
  } finally {
    socket.off('data', sending);
    line.off('drain', drained);
    socket.pause();
  }
  await splice(socket, line, { idleMs: far.limits.tunnelIdleMs });
}

/** Reads what is asked for, in either protocol, within the time of a head. What follows it stays in the stream. */
function hear(socket: Socket, { limits, deadlines }: LocalProxyOptions): Promise<Asked | Readonly<{ bytes: Uint8Array | null }>> {
  return new Promise((resolve) => {
    let reading: ((chunk: Buffer) => Heard) | null = null;
    const settle = (heard: Asked | Readonly<{ bytes: Uint8Array | null }>): void => {
      deadlines.delete(deadline);
      socket.off('data', data);
      for (const event of ['end', 'close']) socket.off(event, gone);
      socket.pause();
      resolve(heard);
    };
    const gone = (): void => settle({ bytes: null });
    const deadline = { at: deadlines.time() + limits.headMs, expire: gone };
    const data = (chunk: Buffer): void => {
      reading ??= chunk[0] === 5 || chunk[0] === 4 ? socksReading(socket) : httpReading(limits);
      const heard = reading(chunk);
      if (heard === null) return;
      settle('asked' in heard ? heard.asked : heard);
      if ('asked' in heard && heard.rest.length > 0) socket.unshift(heard.rest);
    };
    deadlines.add(deadline);
    socket.on('data', data);
    for (const event of ['end', 'close']) socket.on(event, gone);
    if (socket.destroyed) gone();
  });
}

type Heard = Readonly<{ asked: Asked; rest: Buffer }> | Readonly<{ bytes: Uint8Array | null }> | null;

const latin1 = (bytes: Uint8Array, start: number, end: number): string => Buffer.from(bytes.subarray(start, end)).toString('latin1');

function httpReading(limits: Limits): (chunk: Buffer) => Heard {
  const reader = new RequestReader({ limits, latin1, forwardProxy: true });
  return (chunk) => {
    const step = reader.push(chunk, 0);
    if (step.is === 'more') return null;
    if (step.is === 'refused') return { bytes: httpWords('malformed') };
    const { head } = step;
    const isTunnel = head.method === 'CONNECT';
    const { host, port } = head.authority;
    if (!isTunnel && head.absolute !== true) return { bytes: httpWords('malformed') };
    const to = readDestination(isTunnel ? 'connect' : 'http', head.method, host, port ?? 80);
    if ('code' in to) return { bytes: httpWords('malformed') };
    const words: Words = { led: isTunnel ? Buffer.from('HTTP/1.1 200 Connection established\r\n\r\n') : null, refused: httpWords };
    return { asked: { to, head: isTunnel ? null : head, shown: shownIn(head.fields), words }, rest: chunk.subarray(step.next) };
  };
}

function shownIn(fields: readonly Field[]): Shown {
  const value = onlyField(fields, 'proxy-authorization');
  const token = typeof value === 'string' ? credentialsOf(value, 'basic') : null;
  return token === null ? null : readBasic(token);
}

function socksReading(socket: Socket): (chunk: Buffer) => Heard {
  const reader = new Socks5Reader(true);
  return (chunk) => {
    for (let at = 0; at < chunk.length;) {
      const step = reader.push(chunk, at);
      if (step.is === 'more') return null;
      if (step.is === 'refused') return { bytes: step.bytes };
      if (step.is === 'say') {
        socket.write(step.bytes);
        at = step.next;
        continue;
      }
      const to = step.udp === true ? anyDatagrams : readDestination('socks5', 'CONNECT', step.host, step.port);
      if ('code' in to) return { bytes: socksReply(socksReplies.failed) };
      const words: Words = { led: socksReply(socksReplies.succeeded), refused: (why) => socksReply(socksWords[why]) };
      const datagrams = step.udp === true ? { datagramPort: step.port } : {};
      return { asked: { to, head: null, shown: step.credentials, words, ...datagrams }, rest: chunk.subarray(step.next) };
    }
    return null;
  };
}

const socksWords: Readonly<Record<Refused, (typeof socksReplies)[keyof typeof socksReplies]>> = {
  credentials: socksReplies.denied,
  denied: socksReplies.denied,
  unresolved: socksReplies.unreachable,
  refused: socksReplies.refused,
  'timed-out': socksReplies.timedOut,
  unreachable: socksReplies.unreachable,
  unreached: socksReplies.failed,
  busy: socksReplies.failed,
  unsupported: socksReplies.command,
  malformed: socksReplies.failed,
};

/** Status, its words, and what is told. */
const httpAnswers: Readonly<Record<Refused, readonly [string, string]>> = {
  credentials: ['407 Proxy Authentication Required', 'This proxy asks for a name and a password of its own.'],
  denied: ['403 Forbidden', 'The proxy does not lead there.'],
  unresolved: ['502 Bad Gateway', 'This name has no address.'],
  refused: ['502 Bad Gateway', 'The destination refused the connection.'],
  'timed-out': ['504 Gateway Timeout', 'The destination did not answer in time.'],
  unreachable: ['502 Bad Gateway', 'The destination cannot be reached.'],
  unreached: ['502 Bad Gateway', 'The proxy behind this one cannot be reached.'],
  busy: ['503 Service Unavailable', 'The proxy has too much to do.'],
  unsupported: ['501 Not Implemented', 'The proxy never does this.'],
  malformed: ['400 Bad Request', 'This is a proxy: it leads elsewhere, and has no pages of its own.'],
};

function httpWords(why: Refused): Uint8Array {
  const [status, words] = httpAnswers[why];
  const body = `${words}\n`;
  const challenge = why === 'credentials' ? 'Proxy-Authenticate: Basic realm="sallyport", charset="UTF-8"\r\n' : '';
  const fields = `Content-Type: text/plain; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${challenge}Connection: close\r\n`;
  return Buffer.from(`HTTP/1.1 ${status}\r\n${fields}\r\n${body}`);
}

/** In a time that tells nothing. */
function isSame(shown: Shown, own: Exclude<Shown, null>): boolean {
  return timingSafeEqual(digestOf(shown), digestOf(own));
}

function digestOf(shown: Shown): Buffer {
  return createHash('sha256')
    .update(JSON.stringify([shown?.user, shown?.password]))
    .digest();
}

/** What still comes is thrown away, so that the last words are not lost to a reset. */
function leave(socket: Socket, bytes: Uint8Array | null): void {
  if (bytes === null || socket.destroyed) return void socket.destroy();
  socket.resume();
  socket.end(bytes, () => socket.destroySoon());
}
