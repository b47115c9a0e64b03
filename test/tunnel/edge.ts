/** A gateway in this process that has joined a relay, and certificates for the relay's edge. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseInvite } from '../../src/controlplane/enrolment/invite-code.ts';
import { loadIdentity } from '../../src/controlplane/certificates/identity.ts';
import { certificateName } from '../../src/controlplane/certificates/permitted-names.ts';
import { makeAuthority, makeLeaf } from '../../src/controlplane/certificates/signing.ts';
import { configOrThrow } from '../../src/controlplane/config/parse.ts';
import type { Config } from '../../src/controlplane/config/plan.ts';
import type { GatewayEvent, RunningGateway } from '../../src/controlplane/config/running.ts';
import { openHome } from '../../src/controlplane/home.ts';
import { parser } from '../../src/cli/configuration.ts';
import { limitsWith } from '../../src/core/limits.ts';
import { straight } from '../../src/dataplane/reach/way.ts';
import { startGateway } from '../../src/gateway.ts';
import { joined } from './relay.ts';

type Context = { after: (done: () => Promise<void>) => void };

/** PEM; `ca` is a file, for curl. */
export type EdgeCertificate = Readonly<{ certificate: string; key: string; ca: string }>;

let made: Promise<EdgeCertificate> | null = null;

/** For any one label below example.test. Made once a process. */
export function edgeCertificate(): Promise<EdgeCertificate> {
  return (made ??= make());
}

async function make(): Promise<EdgeCertificate> {
  const span = { now: Date.now(), lifeMs: 3_600_000 };
  const authority = await makeAuthority({ title: 'Edge', domains: ['example.test'], addresses: [], ...span });
  const leaf = await makeLeaf(authority, { names: [certificateName('*.example.test')], ...span });
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-edge-'));
  process.once('exit', () => void rm(folder, { recursive: true, force: true }));
  const ca = join(folder, 'ca.pem');
  await writeFile(ca, authority.cert);
  return { certificate: leaf.cert, key: leaf.key, ca };
}

export type EdgeGateway = Readonly<{
  gateway: RunningGateway;
  events: readonly GatewayEvent[];
  config: (services: string) => Config;
  /** Lines of its record. */
  home: string;
}>;

/** A gateway at the relay of this invitation, with these services; resolves when the relay holds its names. */
export async function edgeGateway(context: Context, code: string, services: string): Promise<EdgeGateway> {
  const path = await mkdtemp(join(tmpdir(), 'sallyport-edge-'));
  const home = await openHome({ SALLYPORT_HOME: path });
  const { relayAddress, fingerprint, name } = parseInvite(code);
  const limits = limitsWith({});
  await joined(code, await loadIdentity(home.keys, 'gateway'), limits);
  const config = (text: string): Config => configOrThrow(parser.parse(`relay: ${relayAddress}\nservices: ${text}\n`, '/x.yaml'), 'x');
  const events: GatewayEvent[] = [];
  const ready = Promise.withResolvers<void>();
  const gateway = await startGateway({
    home,
    config: config(services),
    limits,
    embeddedRelay: null,
    memberships: [{ address: relayAddress, fingerprint, name, via: { proxy: null, carriers: straight.carriers } }],
    keepSwitches: false,
    verbs: {},
    onEvent: (event) => {
      events.push(event);
      if (event.event === 'ready') ready.resolve();
    },
  });
  context.after(async () => {
    await gateway.stop();
    await rm(path, { recursive: true, force: true });
  });
  await ready.promise;
  return { gateway, events, config, home: home.exchanges };
}
