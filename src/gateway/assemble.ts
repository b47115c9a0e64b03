/** What a gateway is made of before it has a configuration: store, people, records, relay, certificates. */

import { randomBytes } from 'node:crypto';
import type { Post } from '../contracts/mail.ts';
import type { AuditLog } from '../contracts/sink.ts';
import type { Closable } from '../contracts/stream.ts';
import type { Tools } from '../contracts/tools.ts';
import type { SallyportError } from '../core/errors.ts';
import type { Limits } from '../core/limits.ts';
import type { ControlVerbs } from '../controlplane/api/verbs.ts';
import { openClientDesk } from '../controlplane/clients/desk.ts';
import { openAcmeDesk, type AcmeDesk } from '../controlplane/acme/desk.ts';
import { createContexts, type Contexts } from '../controlplane/certificates/contexts.ts';
import { openCertificateFiles, type CertificateFiles } from '../controlplane/certificates/files.ts';
import { createClientDesk, type ClientDesk } from '../controlplane/certificates/clients/desk.ts';
import { openClientRegister } from '../controlplane/certificates/clients/register.ts';
import { openLocalCa, type LocalCa } from '../controlplane/certificates/local-ca.ts';
import type { Config } from '../controlplane/config/plan.ts';
import { doorsOf } from '../controlplane/config/proxy.ts';
import type { GatewayEvent } from '../controlplane/config/running.ts';
import type { Home } from '../controlplane/home.ts';
import { openIdentities } from '../controlplane/identities/identities.ts';
import { createIssuers } from '../controlplane/issuers/issuers.ts';
import { createPost } from '../controlplane/outgoing/mail.ts';
import { createOutgoing } from '../controlplane/outgoing/outgoing.ts';
import { Switches } from '../controlplane/switches.ts';
import { openSqliteStore } from '../modules/stores/sqlite.ts';
import { Balancer } from '../modules/upstreams/balance.ts';
import { doorAddresses, namesOf, type RelayPlace } from '../controlplane/places.ts';
import { openAudit } from './audit.ts';
import { certificateNews, filesFailed, revocationNews } from './certificate-news.ts';
import type { DoorsOptions } from '../dataplane/doors.ts';
import { turnClock } from '../dataplane/turn-clock.ts';
import { machineAddresses, messageOf } from './parts.ts';
import { storeIdOf } from './store-id.ts';
import { relayLegs, type RelayLeg, type RelayMembership } from './relay-leg.ts';

export type GatewayOptions = Readonly<{
  home: Home;
  config: Config;
  limits: Limits;
  /** A relay of our own on this machine; `port` null takes the usual one or the next that is free. */
  embeddedRelay: Readonly<{ host: string; port: number | null }> | null;
  /** The relays that were joined, in the order in which their addresses are shown. */
  memberships: readonly RelayMembership[];
  /** Whether `close` outlives this process: for what a configuration says, not for a share that ends with its command. */
  keepSwitches: boolean;
  /** What the command adds to the control socket: reading its configuration again, ending. */
  verbs: Pick<ControlVerbs, 'reload' | 'stop'>;
  onEvent: (event: GatewayEvent) => void;
  /** Sockets that are bound already: handed over, or bound as root. */
  bound?: DoorsOptions['bound'];
}>;

/** Where this gateway listens, once it does. */
export type OwnDoors = { open: () => readonly Readonly<{ host: string; port: number }>[] };

/** What stands for as long as the process does. */
export type Parts = Readonly<{
  tools: Tools;
  post: Post;
  ca: LocalCa;
  contexts: Contexts;
  files: CertificateFiles;
  /** Who is known by a client certificate. */
  clientCertificates: ClientDesk;
  /** Certificates of a public authority. */
  acme: AcmeDesk;
  switches: Switches;
  legs: readonly RelayLeg[];
  audit: AuditLog;
  ownDoors: OwnDoors;
  /** What is known of backends, where a service has several. */
  balancer: Balancer;
}>;

/**
 * Opens everything that outlives a configuration; what was opened is put into `ends`, also when it fails half-way.
 * Errors: `home-*`, `disk-full`, `store-unavailable`, `address-in-use`.
 */
export async function assemble(options: GatewayOptions, ends: Closable[]): Promise<Parts> {
  const now = turnClock(Date.now);
  const { home, limits, onEvent } = options;
  const store = await openSqliteStore({ path: home.store, now });
  ends.push(store);
  const identities = await openIdentities({ store, now, randomBytes, limits });
  ends.push({ close: async () => identities.close() });
  const clients = kept(await openClientDesk({ store, now, limits, apiKeys: identities.keys }), ends);
  const trouble = (error: SallyportError | null): void => {
    if (error !== null) onEvent({ event: 'error', code: error.code, message: error.message, hint: error.hint });
  };
  const audit = await openAudit({ path: home.exchanges, now, limits, trouble, account: (record) => clients.account(record), onEvent });
  ends.push(audit);
  const onFault = (error: unknown): void =>
    onEvent({ event: 'error', code: 'program-failed', message: `The relay failed by our own fault: ${messageOf(error)}`, hint: null });
  const storeId = await storeIdOf(store, home.store, randomBytes);
  const legs = await relayLegs({ ...options, onFault, storeId });
  for (const { relay } of legs) if (relay !== null) ends.push(relay);
  const relays = legs.map(({ place }) => place);
  const ca = await openLocalCa(home, { names: caNames(options.config, relays), now });
  const files = kept(openCertificateFiles({ now, filesMax: limits.certificatesMax, failed: (error) => onEvent(filesFailed(error)) }), ends);
  const acme = kept(await openAcmeDesk({ store, limits, now, env: process.env, chance: Math.random, onEvent }), ends);
  const contexts = kept(
    createContexts({ ...certificateNews(onEvent), leafFor: (names) => ca.leafFor(names), sources: [files, acme], now }),
    ends,
  );
  const outgoing = kept(createOutgoing(limits), ends);
  const post = kept(createPost({ limits, now, secret: (name) => identities.secrets.find(name), trouble }), ends);
  const { users, sessions, links, keys, pins, doors, passwords, logins, assertions } = identities;
  const ownDoors: OwnDoors = { open: () => [] };
  const tools: Tools = {
    now,
    randomBytes,
    store,
    users,
    sessions,
    links,
    keys,
    pins,
    clients,
    doors,
    passwords,
    logins,
    limits,
    secret: (name) => identities.secrets.find(name),
    listening: () => [...ownDoors.open(), ...relays.filter(({ embedded }) => embedded)],
    outgoing,
    trouble,
    assertions,
    issuers: createIssuers({ outgoing, now, limits }),
  };
  const balancer = new Balancer({ now, limits, secret: storeId, onNews: (news) => onEvent({ event: 'backend', ...news }) });
  const register = await openClientRegister({ records: store.records, now, limits });
  const clientCertificates = createClientDesk({ register, limits, now, ...revocationNews(onEvent) });
  const switches = await Switches.read({ store: options.keepSwitches ? store : null, now });
  return {
    tools: { ...tools, certificates: clientCertificates },
    clientCertificates,
    post,
    ca,
    contexts,
    files,
    acme,
    switches,
    legs,
    audit,
    ownDoors,
    balancer,
  };
}

/** It ends with the rest. */
function kept<Part extends Closable>(part: Part, ends: Closable[]): Part {
  ends.push(part);
  return part;
}

/** From the first CA on, so that a machine with a public address does not begin with a second one. */
function caNames(config: Config, relays: readonly RelayPlace[]): readonly string[] {
  const granted = relays.filter(({ embedded }) => !embedded).map(({ root }) => root);
  const named = config.services.flatMap((service) => namesOf(service, relays, config.listen.length > 0));
  return [...granted, ...named, ...doorAddresses(doorsOf(config), machineAddresses())];
}
