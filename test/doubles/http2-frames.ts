/** A visitor who writes frames of HTTP/2 byte for byte: what no honest client sends. */

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export const frame = { data: 0, headers: 1, priority: 2, reset: 3, settings: 4, ping: 6, goaway: 7, window: 8, continuation: 9 } as const;
export const endStream = 1;
export const ack = 1;
export const endHeaders = 4;

export type Frame = Readonly<{ type: number; flags: number; id: number; payload: Buffer }>;

/** RFC 9113, 4.1. */
export function bytesOf(type: number, flags: number, id: number, payload: Uint8Array | string = ''): Buffer {
  const content = Buffer.from(payload);
  const head = Buffer.alloc(9);
  head.writeUIntBE(content.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(id, 5);
  return Buffer.concat([head, content]);
}

/** Field lines without indexing and without Huffman (RFC 7541, 6.2.2): every octet as it is said. */
export function fieldLines(fields: readonly (readonly [string, string])[]): Buffer {
  const text = (value: string): Buffer => {
    const bytes = Buffer.from(value, 'latin1');
    const length = bytes.length < 127 ? [bytes.length] : [127, ...long(bytes.length - 127)];
    return Buffer.concat([Buffer.from(length), bytes]);
  };
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]));
}

function long(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...long(Math.floor(value / 128))];
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

export const ordinary = [
  [':method', 'GET'],
  [':scheme', 'https'],
  [':path', '/a'],
  [':authority', 'blog.example'],
] as const;

/** A connection that has said its preface and its settings. */
export class FrameVisitor {
  readonly socket: Socket;
  readonly frames: Frame[] = [];
  closed = false;
  #rest = Buffer.alloc(0);

  constructor(port: number, settings: Uint8Array | string = '') {
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => (this.closed = true));
    this.socket.on('data', (bytes: Buffer) => this.#read(bytes));
    this.socket.write(Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), bytesOf(frame.settings, 0, 0, settings)]));
  }

  send(type: number, flags: number, id: number, payload: Uint8Array | string = ''): void {
    this.socket.write(bytesOf(type, flags, id, payload));
  }

  request(id: number, fields: readonly (readonly [string, string])[] = ordinary, flags = endHeaders + endStream): void {
    this.send(frame.headers, flags, id, fieldLines(fields));
  }

  /** Waits until such a frame has come, or the connection has ended: then null. */
  async until(wanted: (each: Frame) => boolean): Promise<Frame | null> {
    for (;;) {
      const found = this.frames.find(wanted);
      if (found !== undefined) return found;
      if (this.closed) return null;
      await Promise.race([once(this.socket, 'data'), once(this.socket, 'close')]).catch(() => undefined);
    }
  }

  /** The code of GOAWAY or RST_STREAM, whichever comes first for this stream; `closed` for neither. */
  async endOf(id: number): Promise<number | 'closed'> {
    const last = await this.until(({ type, id: of }) => type === frame.goaway || (type === frame.reset && of === id));
    if (last === null) return 'closed';
    return last.payload.readUInt32BE(last.type === frame.goaway ? 4 : 0);
  }

  #read(bytes: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    while (this.#rest.length >= 9) {
      const end = 9 + this.#rest.readUIntBE(0, 3);
      if (this.#rest.length < end) return;
      const [type = 0, flags = 0] = this.#rest.subarray(3, 5);
      this.frames.push({ type, flags, id: this.#rest.readUInt32BE(5), payload: Buffer.from(this.#rest.subarray(9, end)) });
      this.#rest = this.#rest.subarray(end);
    }
  }
}
