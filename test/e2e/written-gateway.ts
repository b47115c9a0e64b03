/** A gateway in this process that runs what a configuration file would say. */

import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parser } from '../../src/cli/configuration.ts';
import { configOrThrow } from '../../src/controlplane/config/parse.ts';
import type { GatewayEvent, RunningGateway } from '../../src/controlplane/config/running.ts';
import { openHome } from '../../src/controlplane/home.ts';
import { openIdentities } from '../../src/controlplane/identities/identities.ts';
import { limitsWith } from '../../src/core/limits.ts';
import { startGateway } from '../../src/gateway.ts';
import { openSqliteStore } from '../../src/modules/stores/sqlite.ts';

type Context = { after: (done: () => Promise<void>) => void };
type Ready = Extract<GatewayEvent, { event: 'ready' }>;

export type WrittenGateway = Readonly<{
  gateway: RunningGateway;
  events: readonly GatewayEvent[];
  /** The local CA's file. */
  ca: string;
  /** The first event, past or to come, that `where` holds for. */
  event: <Found extends GatewayEvent>(where: (event: GatewayEvent) => event is Found) => Promise<Found>;
  /** Takes another file, whole or not at all. */
  rewrite: (text: string) => Promise<void>;
}>;

export type WrittenOptions = Readonly<{
  /** Of the configuration, for relative paths; the state lies there as well. */
  folder: string;
  text: string;
  /** Each with the password. */
  users?: readonly string[];
  /** Behind a relay of its own, where its services are reached by their names. */
  relay?: boolean;
}>;

export const goodPassword = 'lamp orbit velvet acre';
export const isReady = (event: GatewayEvent): event is Ready => event.event === 'ready';

/** A folder that goes with the test. */
export async function ownFolder(context: Context): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-written-'));
  context.after(() => rm(folder, { recursive: true, force: true, maxRetries: 10 }));
  return folder;
}

/** Resolves when it listens. Errors: those of the configuration and of `startGateway`. */
export async function startWritten(context: Context, { folder, text, users = [], relay = false }: WrittenOptions): Promise<WrittenGateway> {
  const home = await openHome({ SALLYPORT_HOME: join(folder, 'home') });
  const parse = (written: string) => configOrThrow(parser.parse(written, join(folder, 'sallyport.yaml')), 'sallyport.yaml');
  if (users.length > 0) await addUsers(home.store, users);
  const events: GatewayEvent[] = [];
  const waiting = new Set<() => void>();
  const config = parse(text);
  const gateway = await startGateway({
    home,
    config,
    limits: limitsWith(config.limits),
    embeddedRelay: relay ? { host: '127.0.0.1', port: null } : null,
    memberships: [],
    keepSwitches: true,
    verbs: {},
    onEvent: (event) => {
      events.push(event);
      for (const look of waiting) look();
    },
  });
  context.after(() => gateway.stop());
  const event: WrittenGateway['event'] = (where) =>
    new Promise((resolve) => {
      const look = (): void => {
        const found = events.find(where);
        if (found === undefined) return;
        waiting.delete(look);
        resolve(found);
      };
      waiting.add(look);
      look();
    });
  return { gateway, events, ca: home.ca, event, rewrite: (next) => gateway.reconfigure(parse(next)) };
}

export async function addUsers(path: string, names: readonly string[]): Promise<void> {
  const now = Date.now;
  const store = await openSqliteStore({ path, now });
  const cost = { memoryKib: 8, passes: 1, lanes: 1 };
  const identities = await openIdentities({ store, now, randomBytes, limits: limitsWith({}), cost });
  for (const name of names) await identities.users.add(name, goodPassword);
  identities.close();
  await store.close();
}
