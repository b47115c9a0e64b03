/** Two ends of a carrier over real TLS, if wanted by a long way. */

import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { loadIdentity } from '../../src/controlplane/certificates/identity.ts';
import type { Fault } from '../../src/core/errors.ts';
import { defaults } from '../../src/core/limits.ts';
import type { MuxLimits } from '../../src/core/mux/events.ts';
import { Carrier } from '../../src/dataplane/carrier.ts';
import type { CarrierStream } from '../../src/dataplane/carrier-stream.ts';
import type { Clocks } from '../../src/dataplane/clock-watch.ts';
import { LongWay } from './long-way.ts';

export const opening = { id: 'line', ip: '192.0.2.1', visitorPort: 1, listenerPort: 443, sni: 'a.example', alpn: [] };

export type Line = Readonly<{
  relay: Carrier;
  gateway: Carrier;
  /** Null without a delay. */
  way: LongWay | null;
  ended: readonly Fault[];
  close: () => void;
  [Symbol.dispose]: () => void;
}>;

export type LineOptions = Readonly<{
  limits?: Partial<MuxLimits>;
  /** Told of streams at the gateway. */
  open?: (stream: CarrierStream) => void;
  delayMs?: number;
  bytesPerSecond?: number;
  clocks?: Clocks;
}>;

/** A relay that listens by TLS 1.3 without tickets, as its door does, and a gateway that came. */
export async function line(options: LineOptions = {}): Promise<Line> {
  const limits = { ...defaults, ...options.limits };
  const server = tls.createServer({ ...(await certificate()), minVersion: 'TLSv1.3' });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const { delayMs, bytesPerSecond } = options;
  const narrow = bytesPerSecond === undefined ? {} : { bytesPerSecond };
  const way = delayMs === undefined ? null : await new LongWay({ to: port, delayMs, ...narrow }).open();
  const accepted = once(server, 'secureConnection') as Promise<[tls.TLSSocket]>;
  const client = tls.connect({ host: '127.0.0.1', port: way?.port ?? port, rejectUnauthorized: false });
  client.setNoDelay(true);
  const [served] = await accepted;
  const ended: Fault[] = [];
  const greeted = Promise.withResolvers<void>();
  const clocks = options.clocks === undefined ? {} : { clocks: options.clocks };
  const taker = { goaway: () => undefined, end: (why: Fault) => void ended.push(why) };
  const relay: Carrier = new Carrier({
    socket: served,
    side: 'relay',
    limits,
    ...clocks,
    taker: {
      ...taker,
      open: () => undefined,
      message: (type) => {
        if (type !== 'hello') return greeted.resolve();
        relay.message('accepted', {});
        relay.begin(gateway.limits);
      },
    },
  });
  const gateway: Carrier = new Carrier({
    socket: client,
    side: 'gateway',
    limits,
    ...clocks,
    taker: {
      ...taker,
      open: (stream) => options.open?.(stream),
      message: () => {
        gateway.begin(relay.limits);
        gateway.message('register', {});
      },
    },
  });
  gateway.message('hello', {});
  await greeted.promise;
  const close = (): void => {
    client.destroy();
    served.destroy();
    way?.close();
    server.close();
  };
  return { relay, gateway, way, ended, close, [Symbol.dispose]: close };
}

export async function certificate(): Promise<Readonly<{ key: string; cert: string }>> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-line-'));
  const identity = await loadIdentity(folder, 'relay');
  await rm(folder, { recursive: true });
  return { key: identity.privateKey, cert: identity.certificate };
}

/** Writes until `count` bytes are taken or the stream is gone, as fast as the stream bears it. */
export function pour(stream: CarrierStream, count: number, pieceBytes = 65_536): void {
  const piece = Buffer.alloc(pieceBytes, 7);
  let left = count;
  const more = (): void => {
    while (left > 0 && !stream.destroyed) {
      left -= pieceBytes;
      if (!stream.write(piece)) return void stream.once('drain', more);
    }
  };
  more();
}

export function opened(carrier: Carrier): CarrierStream {
  const stream = carrier.open(opening);
  if (stream === null) throw new Error('the peer takes no more streams');
  return stream;
}
