/** A relay with gateways around it, on loopback, for tests: everything that was started ends with the test. */

import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import type { TestContext } from 'node:test';
import tls from 'node:tls';
import { loadIdentity } from '../../src/controlplane/certificates/identity.ts';
import { parseInvite } from '../../src/controlplane/enrolment/invite-code.ts';
import { createInvite } from '../../src/controlplane/enrolment/invites.ts';
import type { MachineIdentity, TunnelArrival } from '../../src/contracts/tunnel.ts';
import type { Store } from '../../src/contracts/store.ts';
import type { Code, Fault, SallyportError } from '../../src/core/errors.ts';
import { limitsWith } from '../../src/core/limits.ts';
import type { Limits } from '../../src/core/limits.ts';
import { startAwake } from '../doubles/awake.ts';
import { dialRelay } from '../../src/dataplane/dial-relay.ts';
import type { DialOptions, RelayLink } from '../../src/dataplane/dial-relay.ts';
import { join } from '../../src/dataplane/join-relay.ts';
import type { Way } from '../../src/dataplane/reach/way.ts';
import { createMemorySink } from '../../src/modules/sinks/memory.ts';
import type { MemorySink } from '../../src/modules/sinks/memory.ts';
import { createMemoryStore } from '../../src/modules/stores/memory.ts';
import { startRelay } from '../../src/relay.ts';
import type { Relay, RelayOptions } from '../../src/relay.ts';

export type World = Readonly<{
  relay: Relay;
  address: string;
  port: number;
  store: Store;
  sink: MemorySink;
  limits: Limits;
  identity: MachineIdentity;
  /** Ends of carriers, as the relay tells them. */
  ends: Fault[];
  faults: unknown[];
  invite: (name: string) => Promise<string>;
  /** A new key that has joined with these names. */
  member: (...names: readonly string[]) => Promise<MachineIdentity>;
}>;

const kept = new Map<string, Promise<MachineIdentity>>();

/** Keys are made once a process: they cost more than the rest of a test. */
export function identityOf(name: string): Promise<MachineIdentity> {
  const found = kept.get(name) ?? makeIdentity();
  kept.set(name, found);
  return found;
}

export async function makeIdentity(): Promise<MachineIdentity> {
  const folder = await mkdtemp(joinPath(tmpdir(), 'sallyport-test-'));
  try {
    return await loadIdentity(folder, 'key');
  } finally {
    await rm(folder, { recursive: true });
  }
}

export async function world(
  test: TestContext,
  changes: Partial<Limits> = {},
  owner: string | null = null,
  own?: RelayOptions['own'],
  more: Pick<RelayOptions, 'plain' | 'pressure' | 'edge' | 'ownDomains'> & Partial<Pick<RelayOptions, 'now'>> = {},
): Promise<World> {
  const limits = limitsWith(changes);
  const identity = await identityOf('relay');
  const store = createMemoryStore({ now: Date.now });
  const sink = createMemorySink({ eventsMax: 1_000 });
  const ends: Fault[] = [];
  const faults: unknown[] = [];
  const relay = await startRelay({
    identity,
    store,
    listen: [{ host: '127.0.0.1', port: 0 }],
    domain: 'example.test',
    own,
    now: Date.now,
    ...more,
    limits,
    audit: sink,
    owner,
    onFault: (error) => faults.push(error),
    onCarrierEnd: (_from, _fingerprint, why) => ends.push(why),
  });
  test.after(() => relay.close());
  const address = relay.addresses[0] ?? '';
  const invite = async (name: string): Promise<string> =>
    (
      await createInvite(store, {
        name,
        domain: 'example.test',
        relayAddress: address,
        fingerprint: identity.fingerprint,
        lifeMs: 60_000,
        now: Date.now(),
        randomBytes,
      })
    ).code;
  let members = 0;
  const member = async (...names: readonly string[]): Promise<MachineIdentity> => {
    const key = await identityOf(`member ${members++}`);
    for (const name of names) await joined(await invite(name), key, limits);
    return key;
  };
  return { relay, address, port: Number(address.split(':').at(-1)), store, sink, limits, identity, ends, faults, invite, member };
}

export function joined(code: string, identity: MachineIdentity, limits: Limits): ReturnType<typeof join> {
  return join({
    invite: parseInvite(code),
    identity,
    limits,
    signal: new AbortController().signal,
    instance: randomBytes(16).toString('hex'),
  });
}

export type Member = Readonly<{
  link: RelayLink;
  states: (readonly [string, Code | null])[];
  state: (wanted: string) => Promise<SallyportError | undefined>;
  arrivals: TunnelArrival[];
}>;

/** A gateway at this relay. Without `serve` it ends the visitor's TLS and echoes. */
export function gateway(
  test: TestContext,
  at: World,
  options: Readonly<{
    identity: MachineIdentity;
    names: readonly string[];
    fingerprint?: string;
    address?: string;
    way?: Way;
    serve?: (arrival: TunnelArrival) => void;
    watching?: NonNullable<DialOptions['watching']>;
    storeId?: string;
  }>,
): Member {
  const stop = new AbortController();
  const states: (readonly [string, Code | null])[] = [];
  const waiting: { wanted: string; resolve: (error: SallyportError | undefined) => void }[] = [];
  const arrivals: TunnelArrival[] = [];
  const serve = options.serve ?? echo(options.identity);
  const link = dialRelay({
    address: options.address ?? at.address,
    fingerprint: options.fingerprint ?? at.identity.fingerprint,
    identity: options.identity,
    ...(options.way === undefined ? {} : { way: options.way }),
    names: options.names,
    limits: at.limits,
    signal: stop.signal,
    ...(options.watching === undefined ? {} : { watching: options.watching }),
    storeId: options.storeId,
    onArrival: (arrival) => {
      arrivals.push(arrival);
      serve(arrival);
    },
    onState: (state, error) => {
      states.push([state, error?.code ?? null]);
      for (const waiter of waiting.filter((one) => one.wanted === state)) {
        waiting.splice(waiting.indexOf(waiter), 1);
        waiter.resolve(error);
      }
    },
  });
  test.after(async () => {
    stop.abort();
    await link.close();
  });
  return { link, states, arrivals, state: (wanted) => new Promise((resolve) => waiting.push({ wanted, resolve })) };
}

/** Ends the visitor's TLS and sends back what comes. */
function echo(identity: MachineIdentity): (arrival: TunnelArrival) => void {
  const server = tls.createServer({ key: identity.privateKey, cert: identity.certificate, ALPNProtocols: ['http/1.1'] });
  server.on('secureConnection', (socket) => {
    socket.on('error', () => undefined);
    socket.pipe(socket);
  });
  return (arrival) => void server.emit('connection', arrival.stream);
}

/** Made once, with no roots; its hello is as large as a browser's, with a key that quantum computers do not break. */
const credulous = tls.createSecureContext({ ca: [] });

export function visitor(
  port: number,
  servername: string,
  options: tls.ConnectionOptions & { readonly localAddress?: string } = {},
): tls.TLSSocket {
  // What is said of keys and versions makes a context of its own.
  const secured = Object.keys(options).every((key) => key === 'localAddress' || key === 'ALPNProtocols')
    ? { secureContext: credulous }
    : {};
  const socket = tls.connect({ host: '127.0.0.1', port, servername, rejectUnauthorized: false, ...secured, ...options });
  socket.on('error', () => undefined);
  return socket;
}

/** A plain connection, for what speaks no TLS. */
export function dial(port: number): Socket {
  const socket = connect({ host: '127.0.0.1', port });
  socket.on('error', () => undefined);
  return socket;
}

/** All bytes until the end or the break of a connection. */
export async function drained(socket: Socket): Promise<Buffer> {
  const parts: Buffer[] = [];
  socket.on('data', (bytes: Buffer) => parts.push(bytes));
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve));
  return Buffer.concat(parts);
}

/**
 * Waits for something that will be true: by turns of the event loop, never by a guess of time. Gives up after `ms` in which this
 * process could look: what the machine does meanwhile does not count.
 */
export async function until(holds: () => boolean, ms = 5_000): Promise<void> {
  const stopping: (() => void)[] = [];
  const awake = startAwake({ after: (stop) => stopping.push(stop) });
  try {
    while (!holds()) {
      if (awake() > ms) throw new Error('it never came true');
      await new Promise((resolve) => void setTimeout(resolve, 2));
    }
  } finally {
    for (const stop of stopping) stop();
  }
}
