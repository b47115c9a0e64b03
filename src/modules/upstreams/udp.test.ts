/** A UDP service behind a flow: datagrams in both directions, its refusal, its bounds. */

import { deepEqual, equal, ok, rejects, throws } from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { describe, it, type TestContext } from 'node:test';
import { exchangeOf } from '../../../test/doubles/exchange.ts';
import { DatagramReader, framedDatagram } from '../../core/datagrams.ts';
import { limitsWith, type Limits } from '../../core/limits.ts';
import type { Exchange } from '../../core/policy/exchange.ts';
import type { Tools } from '../../contracts/tools.ts';
import type { BuiltUpstream } from '../../contracts/upstream.ts';
import { udp } from './udp.ts';

const never = { signal: new AbortController().signal };
const atPort: Exchange = {
  ...exchangeOf(),
  listener: { name: 'relay:x', scheme: 'udp', port: 5353, via: 'relay', loopback: false },
  http: null,
};

/** A service that is there, and what lies before it. */
async function service(test: TestContext, limits: Partial<Limits> = {}): Promise<Readonly<{ socket: Socket; built: BuiltUpstream }>> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  test.after(() => void socket.close());
  return { socket, built: build(socket.address().port, limits) };
}

function build(port: number, limits: Partial<Limits> = {}, from: string | null = null): BuiltUpstream {
  // Nothing else of the tools is asked for.
  return udp.build({ hosts: ['127.0.0.1'], port, from, scheme: 'udp' }, { limits: limitsWith(limits) } as Tools);
}

async function flow(test: TestContext, built: BuiltUpstream): Promise<Duplex> {
  const opened = await built.open(atPort, never, false);
  ok(opened.is === 'stream');
  test.after(() => opened.release(false));
  return opened.stream;
}

const framed = (datagram: Uint8Array): Uint8Array => framedDatagram(datagram) ?? Buffer.alloc(0);

async function datagrams(stream: Duplex, count: number): Promise<readonly string[]> {
  const [reader, got] = [new DatagramReader(), [] as string[]];
  while (got.length < count) {
    const piece: Buffer | null = stream.read() as Buffer | null;
    if (piece === null) await once(stream, 'readable');
    else reader.push(piece, (datagram) => got.push(Buffer.from(datagram).toString()));
  }
  return got;
}

describe('a service of UDP', () => {
  it('gets datagrams as they were sent, and answers in the same way', async (test) => {
    const { socket, built } = await service(test);
    socket.on('message', (datagram, from) => socket.send(Buffer.concat([datagram, Buffer.from('!')]), from.port, from.address));
    const stream = await flow(test, built);
    stream.write(Buffer.concat([framed(Buffer.from('one')), framed(Buffer.alloc(0)), framed(Buffer.from('two'))]));
    deepEqual(await datagrams(stream, 3), ['one!', '!', 'two!']);
    equal(built.words, `udp://127.0.0.1:${socket.address().port}`);
  });

  it('sees each flow come from a port of its own, at the address that was said', async (test) => {
    const { socket } = await service(test);
    const built = build(socket.address().port, {}, process.platform === 'linux' ? '127.83.5.6' : '127.0.0.1');
    const seen: string[] = [];
    socket.on('message', (_, { address, port }) => seen.push(`${address} ${port}`));
    for (const stream of [await flow(test, built), await flow(test, built)]) stream.write(framed(Buffer.from('x')));
    while (seen.length < 2) await once(socket, 'message');
    equal(new Set(seen).size, 2);
    if (process.platform === 'linux') ok(seen.every((each) => each.startsWith('127.83.5.6 ')));
  });

  it('hears nobody else’s datagrams in a flow', async (test) => {
    const { socket, built } = await service(test);
    const stream = await flow(test, built);
    stream.write(framed(Buffer.from('x')));
    const [, from] = (await once(socket, 'message')) as [Buffer, { port: number; address: string }];
    const forger = createSocket('udp4');
    await new Promise<void>((resolve) => forger.send('forged', from.port, from.address, () => resolve()));
    forger.close();
    socket.send('true', from.port, from.address);
    deepEqual(await datagrams(stream, 1), ['true']);
  });

  it('that is not there ends the flow', async (test) => {
    const { socket } = await service(test);
    const { port } = socket.address();
    const gone = createSocket('udp4');
    await new Promise<void>((resolve) => gone.bind(0, '127.0.0.1', resolve));
    const nobody = gone.address().port;
    await new Promise<void>((resolve) => gone.close(() => resolve()));
    equal(nobody === port, false);
    const stream = await flow(test, build(nobody));
    stream.write(framed(Buffer.from('x')));
    const [error] = (await once(stream, 'error')) as [{ code: string }];
    equal(error.code, 'upstream-refused');
  });

  it('malformed datagrams of a relay end their flow', async (test) => {
    const { built } = await service(test);
    const stream = await flow(test, built);
    stream.write(Buffer.of(0xff, 0xff, 0));
    const [error] = (await once(stream, 'error')) as [{ code: string }];
    equal(error.code, 'frame-too-long');
    const other = await flow(test, built);
    other.end(Buffer.of(0, 9, 1));
    const [cut] = (await once(other, 'error')) as [{ code: string }];
    equal(cut.code, 'frame-malformed');
  });

  it('resource exhaustion: flows are bounded, and give their place back', async (test) => {
    const { built } = await service(test, { udpFlowsPerGatewayMax: 2 });
    const streams = [await flow(test, built), await flow(test, built)];
    await rejects(async () => built.open(atPort, never, false), { code: 'connections-exceeded' });
    ok(streams[0]);
    streams[0].destroy();
    await once(streams[0], 'close');
    await flow(test, built);
  });

  it('is for nobody who came by a name', async (test) => {
    const { built } = await service(test);
    throws(() => built.open(exchangeOf(), never, false), { code: 'program-failed' });
  });
});
