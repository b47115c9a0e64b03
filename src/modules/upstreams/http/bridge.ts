/** A stream of HTTP/2 to a service, seen as a connection of HTTP/1.1 that carries one exchange. */

import { constants, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import { Duplex } from 'node:stream';
import type { Latin1 } from '../../../core/bytes.ts';
import { SallyportError } from '../../../core/errors.ts';
import { BodyReader } from '../../../core/http/body-reader.ts';
import type { RequestHead } from '../../../core/http/head.ts';
import { RequestReader } from '../../../core/http/request-reader.ts';
import { writableField } from '../../../core/http/writable.ts';
import { authorityText } from '../../../core/http/host.ts';
import type { Limits } from '../../../core/limits.ts';

const latin1: Latin1 = (bytes, start, end) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1', start, end);

/** RFC 9113, 8.2.2, and what has a place of its own there. */
const ofConnections: ReadonlySet<string> = new Set([
  ...['connection', 'proxy-connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'host', 'te', 'content-length'],
]);

type Raw = readonly string[];

/**
 * What is written to it is what we wrote ourselves, in HTTP/1.1; it is read by the readers that read everybody. So whoever
 * carries an exchange knows one protocol of services, and gRPC with its trailers goes through it both ways at once.
 */
export class Bridge extends Duplex {
  readonly #session: ClientHttp2Session;
  readonly #scheme: 'http' | 'https';
  readonly #limits: Limits;
  readonly #reader: RequestReader;
  #body: BodyReader | null = null;
  #stream: ClientHttp2Stream | null = null;
  #requestEnded = false;
  /** How the answer's content is framed; null before its head. */
  #framing: 'chunked' | 'length' | 'none' | null = null;
  #trailers = '';
  #whole = false;

  constructor(session: ClientHttp2Session, scheme: 'http' | 'https', limits: Limits) {
    super({ allowHalfOpen: true });
    this.#session = session;
    this.#scheme = scheme;
    // Its limits were held when it was read; here our own fields stand in it as well.
    this.#limits = { ...limits, headBytesMax: limits.headBytesMax * 2, headFieldsMax: limits.headFieldsMax + 32 };
    this.#reader = new RequestReader({ limits: this.#limits, latin1 });
  }

  /** Whether the service has said a byte of an answer. */
  get heard(): boolean {
    return this.#framing !== null;
  }

  /** As of a socket: whether it has said anything is all that anybody wants to know. */
  get bytesRead(): number {
    return this.heard ? 1 : 0;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    let at = 0;
    let more = true;
    while (at < chunk.length) {
      if (this.#body === null) {
        const step = this.#reader.push(chunk, at);
        if (step.is === 'refused') return done(broken(step.fault.why));
        if (step.is === 'more') return done();
        at = step.next;
        this.#begin(step.head);
        continue;
      }
      if (this.#body.done) return done(broken('bytes behind a request'));
      const step = this.#body.push(chunk, at, (start, end) => {
        more = this.#send(chunk.subarray(start, end)) && more;
      });
      if (typeof step !== 'number') return done(broken(step.why));
      at = step;
    }
    this.#endWhenDone();
    if (more || this.#stream === null) done();
    else this.#stream.once('drain', done);
    return undefined;
  }

  override _read(): void {
    this.#stream?.resume();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (this.#stream !== null && !this.#stream.closed) this.#stream.close(constants.NGHTTP2_CANCEL);
    done(error);
  }

  #begin(head: RequestHead): void {
    this.#body = new BodyReader(head.framing, this.#limits, latin1);
    if (head.upgrade !== null || this.#session.destroyed) {
      this.destroy(broken(head.upgrade === null ? 'the connection is gone' : 'a service of HTTP/2 is asked for no WebSocket'));
      return;
    }
    const chunked = head.framing.is === 'chunked';
    const stream = this.#session.request(fieldsOf(head, this.#scheme), { endStream: this.#body.done, waitForTrailers: chunked });
    this.#requestEnded = this.#body.done;
    this.#stream = stream;
    stream.on('headers', (_fields, _flags, raw?: Raw) => this.#interim(raw ?? []));
    stream.on('response', (_fields, flags, raw?: Raw) => this.#answer(head.method, flags, raw ?? []));
    stream.on('data', (bytes: Buffer) => this.#content(bytes));
    stream.on('trailers', (_fields, _flags, raw?: Raw) => {
      this.#trailers = this.#lines(raw ?? []);
    });
    stream.on('end', () => this.#end());
    stream.on('error', () => undefined);
    stream.on('close', () => this.#close());
    if (chunked) stream.once('wantTrailers', () => this.#trail());
  }

  #send(bytes: Uint8Array): boolean {
    const stream = this.#stream;
    // It has answered before the end, and wants no more.
    if (stream === null || stream.closed || stream.destroyed) return true;
    return stream.write(bytes);
  }

  #endWhenDone(): void {
    if (this.#requestEnded || this.#body?.done !== true) return;
    this.#requestEnded = true;
    if (this.#stream !== null && !this.#stream.closed) this.#stream.end();
  }

  #trail(): void {
    const stream = this.#stream;
    if (stream === null || stream.closed || stream.destroyed) return;
    const trailers: Record<string, string[]> = {};
    for (const { lower, value } of this.#body?.trailers ?? []) (trailers[lower] ??= []).push(value);
    stream.sendTrailers(trailers);
  }

  #interim(raw: Raw): void {
    if (raw[1] !== '101') this.push(`HTTP/1.1 ${raw[1] ?? ''} \r\n${this.#lines(raw)}\r\n`, 'latin1');
  }

  #answer(method: string, flags: number, raw: Raw): void {
    const status = Number(raw[1]);
    const lengthAt = raw.findIndex((name, at) => at % 2 === 0 && name === 'content-length');
    const length = lengthAt === -1 ? null : (raw[lengthAt + 1] ?? '');
    const ended = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    const bodiless = method === 'HEAD' || status === 204 || status === 304;
    this.#framing = bodiless ? 'none' : length === null ? 'chunked' : 'length';
    let text = `HTTP/1.1 ${raw[1] ?? ''} \r\n${this.#lines(raw)}`;
    if (length !== null && status !== 204) text += `${writableField('Content-Length', length)}\r\n`;
    if (this.#framing === 'chunked') text += 'Transfer-Encoding: chunked\r\n';
    // Head and end in one piece: a visitor of HTTP/2 is then told so in one frame, as gRPC wants it.
    if (ended && this.#framing === 'chunked') text += '\r\n0\r\n';
    this.#whole = ended;
    this.push(`${text}\r\n`, 'latin1');
  }

  #content(bytes: Buffer): void {
    if (bytes.length === 0 || this.#framing === 'none') return;
    const framed =
      this.#framing === 'chunked'
        ? Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`, 'latin1'), bytes, Buffer.from('\r\n', 'latin1')])
        : bytes;
    if (!this.push(framed)) this.#stream?.pause();
  }

  #end(): void {
    const stream = this.#stream;
    if (this.#whole || stream === null || stream.aborted || stream.rstCode !== constants.NGHTTP2_NO_ERROR) return;
    this.#whole = true;
    if (this.#framing === 'chunked') this.push(`0\r\n${this.#trailers}\r\n`, 'latin1');
  }

  /** Whoever is whole is taken, however slowly; who is not is seen to break. */
  #close(): void {
    if (!this.#whole) this.destroy();
  }

  /** Lines of HTTP/1.1. What no reader could read back as it is ends the exchange. */
  #lines(raw: Raw): string {
    let text = '';
    for (let at = 0; at + 1 < raw.length; at += 2) {
      const [name = '', value = ''] = [raw[at], raw[at + 1]];
      if (name.startsWith(':') || ofConnections.has(name)) continue;
      try {
        text += `${writableField(name, value)}\r\n`;
      } catch {
        this.destroy(broken('an answer with a field that cannot be read'));
      }
    }
    return text;
  }
}

function fieldsOf(head: RequestHead, scheme: 'http' | 'https'): Record<string, string | string[]> {
  // Without a prototype: `__proto__` is a name like any other.
  const fields = Object.create(null) as Record<string, string | string[]>;
  fields[':method'] = head.method;
  fields[':scheme'] = scheme;
  fields[':path'] = head.target;
  fields[':authority'] = authorityText(head.authority);
  for (const { lower, value } of head.fields) {
    if (lower === 'te') fields['te'] = 'trailers';
    if (ofConnections.has(lower)) continue;
    const before = fields[lower];
    fields[lower] = before === undefined ? value : [before, value].flat();
  }
  if (head.framing.is === 'length') fields['content-length'] = String(head.framing.length);
  return fields;
}

function broken(why: string): SallyportError {
  return new SallyportError('upstream-broken', why);
}
