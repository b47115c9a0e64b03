/** Sends raw bytes and keeps what comes back, until the other side closes or falls silent. */

import { connect } from 'node:net';

export type RawAnswer = Readonly<{
  text: string;
  /** The status of each answer, in their order; interim ones too. */
  statuses: readonly number[];
  /** Whether the other side ended the connection. */
  closed: boolean;
}>;

export type RawOptions = Readonly<{
  port: number;
  host?: string;
  silentMs?: number;
  /** Ends our side after the bytes. */ end?: boolean;
  /** So many final answers are waited for with patience; only after them is silence an end. */
  answers?: number;
}>;

/** A machine with much to do is slow, not silent. */
const PATIENCE_MS = 10_000;

export function sendRaw(bytes: Uint8Array | string, options: RawOptions): Promise<RawAnswer> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect({ port: options.port, host: options.host ?? '127.0.0.1', allowHalfOpen: true });
    const finish = (closed: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ text, closed, statuses: statusesOf(text) });
    };
    const silentMs = options.silentMs ?? 300;
    const due = (): boolean => statusesOf(text).filter((status) => status >= 200).length < (options.answers ?? 0);
    let timer = setTimeout(() => finish(false), due() ? PATIENCE_MS : silentMs);
    socket.on('connect', () => {
      socket.write(bytes);
      if (options.end === true) socket.end();
    });
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      clearTimeout(timer);
      timer = setTimeout(() => finish(false), due() ? PATIENCE_MS : silentMs);
    });
    socket.on('end', () => finish(true));
    socket.on('error', () => finish(true));
  });
}

/** Reads heads and lengths as our own answers and a test's service write them. */
function statusesOf(text: string): readonly number[] {
  const statuses: number[] = [];
  let rest = text;
  for (;;) {
    const head = /^HTTP\/1\.1 (\d{3}) [^\r\n]*\r\n((?:[^\r\n]+\r\n)*)\r\n/.exec(rest);
    if (head === null) return statuses;
    const status = Number(head[1]);
    statuses.push(status);
    const length = status < 200 || status === 204 || status === 304 ? 0 : Number(/^content-length: (\d+)/im.exec(head[2] ?? '')?.[1] ?? 0);
    rest = rest.slice(head[0].length + length);
  }
}
