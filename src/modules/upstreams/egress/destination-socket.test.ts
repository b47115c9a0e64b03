import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net';
import { Writable } from 'node:stream';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { writeLent } from '../../../core/lent.ts';
import { DestinationSocket, Pieces } from './destination-socket.ts';

async function serving(t: TestContext, serve: (socket: Socket) => void, highWaterMark = 65_536): Promise<number> {
  const sockets = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true, highWaterMark }, (socket) => {
    sockets.add(socket.on('error', () => undefined));
    serve(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

type Passed = Readonly<{ client: Socket; destination: DestinationSocket; writer: Socket }>;

/** A destination's bytes, led to a client over real sockets. */
async function passing(t: TestContext, port: number, pieces?: Pieces, highWaterMark?: number): Promise<Passed> {
  const arrived = Promise.withResolvers<Socket>();
  const relay = await serving(t, (socket) => arrived.resolve(socket), highWaterMark);
  const client = connect(relay, '127.0.0.1').on('error', () => undefined);
  const writer = await arrived.promise;
  const destination = new DestinationSocket(pieces);
  destination.on('error', () => undefined).connect(port, '127.0.0.1');
  destination.on('end', () => writer.end());
  writer.on('drain', () => destination.resume());
  destination.lendTo((bytes) => {
    if (!writeLent(bytes, destination, writer, true)) destination.pause();
  });
  t.after(() => {
    client.destroy();
    destination.destroy();
  });
  return { client, destination, writer };
}

const bulkBytes = 24 * 1_048_576;

/** Many bytes, all of one kind. */
const flood =
  (letter: string) =>
  (socket: Socket): void =>
    void socket.end(Buffer.alloc(bulkBytes, letter));

/** Bytes of its letter, and of any other. Who reads in fits takes so many bytes between two rests. */
async function counted(client: Socket, letter: string, fitBytes = Infinity): Promise<readonly [number, number]> {
  let [own, strange, rested] = [0, 0, 0];
  for await (const chunk of client as AsyncIterable<Buffer>) {
    if (own - rested > fitBytes) {
      rested = own;
      await pause(2);
    }
    const right = chunk.equals(Buffer.alloc(chunk.length, letter));
    if (right) own += chunk.length;
    else strange += chunk.length;
  }
  return [own, strange];
}

describe('a connection to a destination', () => {
  it('cross-visitor leak: clients that read at any pace get the bytes of their own destination and no others', async (t) => {
    const letters = ['a', 'b', 'c', 'd'];
    const passed = await Promise.all(letters.map(async (letter) => passing(t, await serving(t, flood(letter)))));
    // Three stall again and again: their memory is with the writer while the others are served.
    const found = passed.map(({ client }, at) => counted(client, letters[at] ?? '', at === 0 ? Infinity : 1_048_576));
    assert.deepEqual(
      await Promise.all(found),
      letters.map(() => [bulkBytes, 0]),
    );
  });

  it('cross-visitor leak: what waits for a writer is read into by nobody, whatever its memory was', async (t) => {
    const all: { sent: Buffer; waiting: Uint8Array[] }[] = [];
    for (const letter of ['a', 'b', 'c']) {
      const sent = Buffer.from(Array.from({ length: 262_144 }, (_none, at) => `${letter}${at}`.padEnd(8)).join(''));
      const slow = new DestinationSocket().connect(await serving(t, (socket) => void socket.end(sent)), '127.0.0.1');
      t.after(() => slow.destroy());
      all.push({ sent, waiting: [] });
      // Each reads into what all share, then into its own; no writer ever takes a byte.
      slow.lendTo((bytes) => {
        const to = new Writable({ highWaterMark: 1, write: (piece: Uint8Array) => void all.at(-1)?.waiting.push(piece) });
        writeLent(bytes, slow, to, true);
        slow.resume();
      });
      await once(slow, 'end');
    }
    for (const { sent, waiting } of all) assert.ok(Buffer.concat(waiting).equals(sent));
  });

  it('memory: a client that does not read keeps one piece of 256 KiB, and nothing more is read for it', async (t) => {
    const { client, destination, writer } = await passing(t, await serving(t, flood('x')));
    client.pause();
    // What the systems on both ways keep is theirs; then it stands still.
    for (let before = -1; before !== destination.bytesRead || before === 0; await pause(50)) before = destination.bytesRead;
    assert.ok(destination.isPaused());
    assert.ok(writer.writableLength > 0 && writer.writableLength <= 262_144, `${writer.writableLength} bytes wait`);
    assert.deepEqual(await counted(client.resume(), 'x'), [bulkBytes, 0]);
  });

  it('memory: pieces are counted until their writer is done with them, also when it breaks', async (t) => {
    const pieces = new Pieces(1);
    const port = await serving(t, flood('x'));
    // Its writer never asks to wait: what pauses it is that its memory was left.
    const { client, destination, writer } = await passing(t, port, pieces, bulkBytes);
    client.pause();
    await once(destination, 'pause');
    assert.deepEqual([destination.ownsMemory, pieces.take()], [false, null]);
    // The next is served all the same.
    assert.deepEqual(await counted((await passing(t, port, pieces)).client, 'x'), [bulkBytes, 0]);
    assert.equal(pieces.take(), null);
    writer.destroy();
    await once(writer, 'close');
    assert.notEqual(pieces.take(), null);
  });

  it('has memory of its own only while a read fills it', async (t) => {
    const talk = Promise.withResolvers<Socket>();
    const port = await serving(t, (socket) => talk.resolve(socket));
    const destination = new DestinationSocket().connect(port, '127.0.0.1');
    t.after(() => destination.destroy());
    const owned = new Set<boolean>();
    let bytes = 0;
    const said = await talk.promise;
    let taken = (): void => undefined;
    const heard = async (count: number): Promise<void> => {
      const until = bytes + count;
      for (let more = bytes < until; more; more = bytes < until) await new Promise<void>((resolve) => (taken = resolve));
    };
    destination.lendTo((chunk) => {
      owned.add(destination.ownsMemory);
      bytes += chunk.length;
      taken();
    });
    said.write('a word');
    await heard(6);
    assert.deepEqual([...owned], [false]);
    said.write(Buffer.alloc(8 * 1_048_576));
    await heard(8 * 1_048_576);
    assert.deepEqual([...owned], [false, true]);
    said.write('a word');
    await heard(6);
    assert.equal(destination.ownsMemory, false);
  });

  it('is a stream like any other until somebody takes its bytes; what came first is handed over first', async (t) => {
    const port = await serving(t, (socket) => {
      socket.write('220 ready\r\n');
      socket.once('data', () => socket.end('bye'));
    });
    const plain = new DestinationSocket().connect(port, '127.0.0.1');
    const [first] = (await once(plain, 'data')) as [Buffer];
    plain.end('go');
    const [second] = (await once(plain, 'data')) as [Buffer];
    assert.deepEqual([`${first}`, `${second}`], ['220 ready\r\n', 'bye']);
    await once(plain, 'end');

    const late = new DestinationSocket().connect(port, '127.0.0.1');
    while (late.bytesRead === 0) await pause(1);
    const heard: string[] = [];
    late.lendTo((bytes) => void heard.push(Buffer.from(bytes).toString()));
    assert.deepEqual(heard, ['220 ready\r\n']);
    late.resume();
    late.end('go');
    await once(late, 'end');
    assert.deepEqual(heard, ['220 ready\r\n', 'bye']);
  });
});
