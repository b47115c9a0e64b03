/** Tunnels of a proxy's client, over TLS, by each protocol but HTTP/1.1: they stand when they resolve. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:tls';

type Context = Readonly<{ after: (done: () => void) => void }>;
/** An address of the proxy's own, on this machine. */
type Proxy = Readonly<{ port: number; ca: Buffer }>;
type Standing = Readonly<{ ended: Promise<unknown> }>;

const far = ({ port, ca }: Proxy) => ({ host: '127.0.0.1', port, servername: 'own.localhost', ca, checkServerIdentity: () => undefined });

export async function byHttp2(context: Context, proxy: Proxy, to: string, credential: string): Promise<Standing> {
  const session = connectHttp2(`https://127.0.0.1:${proxy.port}`, far(proxy)).on('error', () => undefined);
  context.after(() => session.destroy());
  const shown = { 'proxy-authorization': `Basic ${Buffer.from(credential).toString('base64')}` };
  const stream = session.request({ ':method': 'CONNECT', ':authority': to, ...shown }, { endStream: false });
  stream.on('error', () => undefined);
  const [fields] = (await once(stream, 'response')) as [Readonly<Record<string, unknown>>];
  assert.equal(fields[':status'], 200);
  return { ended: new Promise((ended) => stream.once('close', ended)) };
}

export async function bySocks(
  context: Context,
  proxy: Proxy,
  command: 'CONNECT' | 'UDP ASSOCIATE',
  to: number,
  credential: readonly [string, string],
): Promise<Standing> {
  const socket = connect(far(proxy)).on('error', () => undefined);
  context.after(() => void socket.destroy());
  let heard = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => (heard = Buffer.concat([heard, chunk])));
  const until = async (length: number): Promise<void> => {
    while (heard.length < length) await once(socket, 'data');
  };
  socket.write(Uint8Array.from([5, 1, 2]));
  await until(2);
  const shown = credential.flatMap((text) => [text.length, ...Buffer.from(text)]);
  socket.write(Uint8Array.from([1, ...shown, 5, command === 'CONNECT' ? 1 : 3, 0, 1, 127, 0, 0, 1, to >> 8, to & 255]));
  await until(14);
  assert.deepEqual([...heard.subarray(0, 6)], [5, 2, 1, 0, 5, 0]);
  return { ended: new Promise((ended) => socket.once('close', ended)) };
}
