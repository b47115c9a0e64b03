/** Shares what was asked for on the command line: people, links and secrets first, then the gateway. */

import { randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import { configOrThrow } from '../controlplane/config/parse.ts';
import { parseDuration } from '../controlplane/config/duration.ts';
import type { Config } from '../controlplane/config/plan.ts';
import type { Cli } from './cli.ts';
import { newPassword } from './ask-password.ts';
import { parser } from './configuration.ts';
import { membershipsFor } from './membership.ts';
import type { People } from './people.ts';
import { withPeople } from './people.ts';
import { urlOf } from './running.ts';
import { runGateway } from './run-gateway.ts';
import type { ShareRequest } from './share-request.ts';
import { rawService, wantsLink, webhookSecretName } from './share-request.ts';
import type { Fresh } from './shown-access.ts';

export type Share = Readonly<{
  requests: readonly ShareRequest[];
  /** Passwords that were said already (PageKite's words); others are asked for. */
  passwords: ReadonlyMap<string, string>;
  /** Reached on this network, without a relay. */
  lan: boolean;
  /** The relay that was named; null takes those that were joined, or one on this machine. */
  relay: string | null;
}>;

/**
 * What a share is called when nobody says: the name that the relay granted, unless it runs already; else what the target suggests.
 * Errors: `relay-unreachable` (a relay that was never joined).
 */
export async function defaultName(cli: Cli, at: Pick<Share, 'lan' | 'relay'>, suggested: string): Promise<string> {
  const [first] = await membershipsAt(cli, at, null);
  const label = first?.name.split('.')[0] ?? suggested;
  return label === suggested || (await urlOf(cli, label)) !== null ? suggested : label;
}

async function membershipsAt(cli: Cli, { lan, relay }: Pick<Share, 'lan' | 'relay'>, service: string | null) {
  return lan ? [] : membershipsFor(cli, relay === null ? [] : [relay], service);
}

/** Resolves when the share has ended. Its links end with it. */
export async function share(cli: Cli, wanted: Share): Promise<void> {
  const memberships = await membershipsAt(cli, wanted, wanted.requests[0]?.name ?? null);
  const config = configOf(wanted, wanted.lan ? await lanPort() : null);
  const made = await withPeople(cli, (people) => prepare(cli, people, wanted));
  try {
    await runGateway(cli, {
      config,
      embeddedRelay: wanted.lan || memberships.length > 0 ? null : { host: '127.0.0.1', port: null },
      memberships,
      keepSwitches: false,
      fresh: (service) => made.get(service) ?? nothing,
      endsWithServices: true,
      reload: null,
      watch: null,
      source: 'the command',
    });
  } finally {
    // Who ends a share means it: a link that was given away opens nothing tomorrow.
    const ids = [...made.values()].flatMap(({ linkId }) => (linkId === null ? [] : [linkId]));
    if (ids.length > 0) await withPeople(cli, ({ links }) => Promise.all(ids.map((id) => links.revoke(id)))).catch(() => undefined);
  }
}

type Made = Fresh & Readonly<{ linkId: string | null }>;
const nothing: Fresh = { link: null, webhook: null };

/** What a command says passes the same schema as what a file says. */
function configOf({ requests }: Share, lan: number | null): Config {
  const raw = {
    ...(lan === null ? {} : { listen: [`https://0.0.0.0:${lan}`] }),
    services: Object.fromEntries(requests.map((request) => [request.name, rawService(request)])),
  };
  return configOrThrow(parser.take(raw, '/the command line'), 'the command line');
}

async function prepare(cli: Cli, people: People, { requests, passwords }: Share): Promise<ReadonlyMap<string, Made>> {
  for (const user of new Set(requests.flatMap(({ access }) => access.users)))
    await ensureUser(cli, people, user, passwords.get(user) ?? null);
  const made = new Map<string, Made>();
  for (const request of requests) made.set(request.name, await makeSecrets(cli, people, request));
  return made;
}

/** A user who exists keeps their password, unless a new one was handed in. */
export async function ensureUser(cli: Cli, { users, passwords }: People, name: string, spoken: string | null): Promise<void> {
  const known = users.find(name);
  const handed = spoken !== null || (cli.terminal.env['SALLYPORT_PASSWORD'] ?? '') !== '';
  if (known !== null && !handed) return;
  const password = spoken ?? (await newPassword(cli.terminal, name));
  if (known === null) await users.add(name, password);
  else if ((await passwords.verify(password, known.hash)) !== true) await users.setPassword(name, password);
}

async function makeSecrets(cli: Cli, { links, secrets }: People, request: ShareRequest): Promise<Made> {
  const webhook = request.access.webhook === null ? null : randomBytes(24).toString('base64url').replaceAll(/[_-]/g, 'x');
  if (webhook !== null) await secrets.put(webhookSecretName(request.name), Buffer.from(webhook));
  if (!wantsLink(request.access)) return { link: null, linkId: null, webhook };
  const span = request.for === null ? null : parseDuration(request.for);
  const expires = typeof span === 'number' ? cli.terminal.now() + span : null;
  const { secret, link } = await links.create({ service: request.name, expires, label: null });
  return { link: { secret, expires }, linkId: link.id, webhook };
}

const usualPort = 8_443;
const portsTried = 20;

/** The first free port from 8443 on; the system's choice after twenty. */
async function lanPort(): Promise<number> {
  for (let port = usualPort; port < usualPort + portsTried; port += 1) {
    if (await isFree(port)) return port;
  }
  return 0;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ host: '0.0.0.0', port, exclusive: true }, () => probe.close(() => resolve(true)));
  });
}
