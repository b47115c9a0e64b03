/** A door that speaks HTTP/2 in the clear, and a service behind it that says what a test wants: real sockets, real node:http2 clients. */

import { once } from 'node:events';
import { connect as connectHttp2, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Call, ProtocolTools, Tally } from '../../src/contracts/protocol.ts';
import type { Forwarding } from '../../src/contracts/upstream.ts';
import { limitsWith, type Limits } from '../../src/core/limits.ts';
import { createDeadlines, startDeadlines, steadyNow } from '../../src/dataplane/deadlines.ts';
import { http2 } from '../../src/modules/protocols/http2.ts';

type Context = { after: (done: () => Promise<void> | void) => void };

const forwarding: Forwarding = { host: null, hostless: 'service.example', spent: [], forwarded: true };

export type Http2Door = Readonly<{
  port: number;
  /** What the service was sent, all connections together. */
  said: () => string;
  tallies: readonly Tally[];
  refusals: readonly string[];
  calls: readonly Call[];
  /** Connections that are served at this moment. */
  open: () => number;
  client: () => ClientHttp2Session;
}>;

/** `answer` is told each time that the service was sent something; `decide` takes a call in the service's stead. */
export async function openHttp2Door(
  context: Context,
  answer: (service: Socket, said: string) => void,
  options: Readonly<{ limits?: Partial<Limits>; decide?: (call: Call) => Promise<Tally> }> = {},
): Promise<Http2Door> {
  let heard = '';
  const sockets = new Set<Socket>();
  const own = (socket: Socket): Socket => {
    sockets.add(socket.on('error', () => undefined).once('close', () => sockets.delete(socket)));
    return socket;
  };
  const service = await listening(
    createServer({ allowHalfOpen: true }, (socket) => {
      let said = '';
      own(socket).on('data', (bytes: Buffer) => {
        said += bytes.toString('latin1');
        heard += bytes.toString('latin1');
        answer(socket, said);
      });
    }),
  );
  const tallies: Tally[] = [];
  const refusals: string[] = [];
  const calls: Call[] = [];
  const deadlines = createDeadlines(steadyNow);
  const looking = startDeadlines(deadlines);
  const tools: ProtocolTools = {
    now: Date.now,
    newId: () => 'ID',
    limits: limitsWith(options.limits ?? {}),
    deadlines,
    httpDate: () => 'Sat, 21 Nov 2026 09:00:00 GMT',
    splice: async () => ({ bytesAToB: 0, bytesBToA: 0, code: null, why: null }),
    refused: (_arrival, code) => void refusals.push(code),
  };
  const settled = (call: Call, tally: Tally): void => {
    tallies.push(tally);
    if (tally.end === 'done') return call.end();
    void call.refuse({ status: 502, fields: [], body: null }).then(() => call.end());
  };
  const take = (call: Call): void => {
    calls.push(call);
    if (options.decide !== undefined) return void options.decide(call).then((tally) => settled(call, tally));
    const stream = own(connect({ port: portOf(service), host: '127.0.0.1', allowHalfOpen: true }));
    const to = { is: 'stream', stream, reused: false, release: () => stream.destroy() } as const;
    return call.proceed(to, forwarding, {
      settled: (tally) => settled(call, tally),
      broke: (error) => {
        throw error;
      },
    });
  };
  let open = 0;
  const listener = { name: 'http://127.0.0.1', scheme: 'https', port: 443, via: 'direct', loopback: true } as const;
  const door = await listening(
    createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      open += 1;
      const arrival = { stream: own(socket), listener, from: { ip: '127.0.0.1', port: 1 }, sni: null };
      void http2.serve(arrival, tools, take).then(() => (open -= 1));
    }),
  );
  const clients: ClientHttp2Session[] = [];
  context.after(async () => {
    for (const client of clients) client.destroy();
    for (const socket of sockets) socket.destroy();
    await Promise.all([door, service].map((server) => new Promise((done) => server.close(done))));
    await looking.close();
  });
  const client = (): ClientHttp2Session => {
    const session = connectHttp2(`http://127.0.0.1:${portOf(door)}`).on('error', () => undefined);
    clients.push(session);
    return session;
  };
  return { port: portOf(door), said: () => heard, tallies, refusals, calls, open: () => open, client };
}

export type Heard = Readonly<{
  status: number | undefined;
  fields: Readonly<Record<string, string | readonly string[] | undefined>>;
  trailers: Readonly<Record<string, string | readonly string[] | undefined>>;
  interim: readonly number[];
  body: string;
  rst: number | undefined;
}>;

/** All that comes on a stream until it is closed. */
export async function hear(stream: ClientHttp2Stream): Promise<Heard> {
  const heard = { status: undefined, fields: {}, trailers: {}, interim: [] as number[], body: '' } as {
    -readonly [Name in keyof Omit<Heard, 'interim' | 'rst'>]: Heard[Name];
  } & { interim: number[] };
  stream.on('response', (fields) => {
    heard.status = fields[':status'];
    heard.fields = fields as Heard['fields'];
  });
  stream.on('headers', (fields) => heard.interim.push(Number(fields[':status'])));
  stream.on('trailers', (fields) => {
    heard.trailers = fields as Heard['fields'];
  });
  stream.on('data', (bytes: Buffer) => {
    heard.body += bytes.toString('latin1');
  });
  stream.on('error', () => undefined);
  // An error is a way to end like any other.
  if (!stream.destroyed) await new Promise((done) => stream.once('close', done));
  return { ...heard, rst: stream.rstCode };
}

async function listening(server: Server): Promise<Server> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

/** Waits for what is told by no event. */
export async function until(is: () => boolean): Promise<void> {
  while (!is()) await new Promise((done) => setTimeout(done, 5));
}
