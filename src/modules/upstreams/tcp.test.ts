/** A TCP service at a port of the relay: its bytes from the first one on, and who comes, where it asks for that. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { test } from 'node:test';
import { exchangeOf } from '../../../test/doubles/exchange.ts';
import { limitsWith } from '../../core/limits.ts';
import { ProxyHeaderReader } from '../../core/proxy-protocol.ts';
import type { Tools } from '../../contracts/tools.ts';
import { tcp } from './tcp.ts';

test('a raw port: the PROXY header has the visitor and the port of the relay, and the bytes follow', async (context) => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.after(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const listener = { name: 'relay:x', scheme: 'tcp', port: 2_222, via: 'relay', loopback: false } as const;
  const exchange = { ...exchangeOf(), from: { ip: '192.0.2.7', port: 40_000 }, listener, host: 'tcp/2222', sni: null, http: null };
  for (const proxy of ['v1', 'v2', null] as const) {
    // Nothing else of the tools is asked for.
    const built = tcp.build({ hosts: ['127.0.0.1'], port, from: null, scheme: 'tcp', proxy }, { limits: limitsWith({}) } as Tools);
    const came = once(server, 'connection') as Promise<[Socket]>;
    const opened = await built.open(exchange, { signal: new AbortController().signal }, false);
    ok(opened.is === 'stream');
    const [socket] = await came;
    opened.stream.end('SSH-2.0');
    const pieces: Buffer[] = [];
    for await (const piece of socket) pieces.push(piece as Buffer);
    const bytes = Buffer.concat(pieces);
    const said = proxy === null ? null : new ProxyHeaderReader(4_096).push(bytes);
    if (said !== null) deepEqual(said, { is: 'header', from: { ip: '192.0.2.7', port: 40_000 }, next: bytes.length - 7 });
    if (proxy === 'v1') ok(bytes.toString().startsWith('PROXY TCP4 192.0.2.7 0.0.0.0 40000 2222\r\n'));
    equal(bytes.subarray(-7).toString(), 'SSH-2.0');
    opened.release(false);
  }
});
