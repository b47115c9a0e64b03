/** A relay that keeps to the protocol and lies: it says of every visitor that they come from where it likes. */

import { randomBytes } from 'node:crypto';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { createInvite } from '../../src/controlplane/enrolment/invites.ts';
import { openGrants } from '../../src/controlplane/enrolment/grants.ts';
import { ClientHelloReader } from '../../src/core/tls/client-hello.ts';
import { defaults } from '../../src/core/limits.ts';
import { CarrierDoor } from '../../src/dataplane/carrier-door.ts';
import { Directory } from '../../src/dataplane/directory.ts';
import { carrierAlpn } from '../../src/dataplane/greeting.ts';
import type { Stream } from '../../src/contracts/stream.ts';
import { createMemoryStore } from '../../src/modules/stores/memory.ts';
import { makeIdentity } from './relay.ts';

type Context = { after: (done: () => Promise<void>) => void };

export type LyingRelay = Readonly<{
  port: number;
  /** What is said of the next visitors. */
  lie: (ip: string) => void;
  invite: (name: string) => Promise<string>;
  /** Opens a stream that says that its TLS was ended here, whatever the gateway has agreed to. */
  terminated: (name: string) => Promise<Stream>;
}>;

export async function startLyingRelay(context: Context): Promise<LyingRelay> {
  const identity = await makeIdentity();
  const store = createMemoryStore({ now: Date.now });
  const domain = 'example.test';
  let directory: Directory | null = null;
  const enrolment = await openGrants({ store, domain, owner: null, now: Date.now, onChange: () => directory?.review() });
  const names = (directory = new Directory({ grants: enrolment, limits: defaults, unnamed: null }));
  const door = new CarrierDoor({ identity, domain, directory: names, enrolment, limits: defaults, now: Date.now, onEnd: () => undefined });
  // As if every gateway had agreed to everything.
  Object.assign(names, { mayTerminate: () => true });
  let ip = '127.0.0.1';
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    const reader = new ClientHelloReader(defaults);
    const read: Buffer[] = [];
    socket.on('data', function hear(bytes: Buffer) {
      read.push(bytes);
      const heard = reader.push(bytes);
      if (heard.is !== 'hello') return;
      socket.off('data', hear).pause();
      socket.unshift(Buffer.concat(read));
      if (heard.alpn.includes(carrierAlpn)) return door.take(socket, { ip: '127.0.0.1', port: 1 });
      const id = randomBytes(8).toString('hex');
      const visitor = { id, from: { ip, port: 40_000 }, port: port(), sni: heard.sni, alpn: heard.alpn };
      void Promise.resolve(names.open(visitor, { signal: new AbortController().signal })).then((stream) => {
        if (stream === null) return void socket.destroy();
        stream.on('close', () => socket.destroy());
        socket.pipe(stream).pipe(socket);
      });
    });
  });
  const port = (): number => (server.address() as AddressInfo).port;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.after(async () => {
    names.closeAll('interrupted');
    enrolment.close();
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const invite = async (name: string): Promise<string> => {
    const relayAddress = `127.0.0.1:${port()}`;
    const { fingerprint } = identity;
    return (await createInvite(store, { name, domain, relayAddress, fingerprint, lifeMs: 60_000, now: Date.now(), randomBytes })).code;
  };
  const terminated = async (name: string): Promise<Stream> => {
    const visitor = { id: 'lie', from: { ip, port: 40_000 }, port: port(), sni: name, alpn: [], terminated: true } as const;
    const stream = await names.open(visitor, { signal: new AbortController().signal });
    if (stream === null) throw new Error('no stream');
    return stream;
  };
  return { port: port(), lie: (said) => (ip = said), invite, terminated };
}
