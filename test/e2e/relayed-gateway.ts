/** A gateway in this process behind a relay of its own, and the local doors of partners, who reach its proxies through that relay. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parser } from '../../src/cli/configuration.ts';
import { configOrThrow } from '../../src/controlplane/config/parse.ts';
import type { GatewayEvent, RunningGateway } from '../../src/controlplane/config/running.ts';
import { openHome } from '../../src/controlplane/home.ts';
import type { AuditEvent } from '../../src/core/audit/event.ts';
import type { Shown } from '../../src/core/egress/asking.ts';
import { defaults, limitsWith } from '../../src/core/limits.ts';
import { createDeadlines, startDeadlines, steadyNow } from '../../src/dataplane/deadlines.ts';
import { openLocalProxy } from '../../src/dataplane/local-proxy.ts';
import { createSplice } from '../../src/dataplane/splice.ts';
import { startGateway } from '../../src/gateway.ts';
import { addUsers } from './written-gateway.ts';

type Context = Readonly<{ after: (done: () => unknown) => void }>;

export type Door = Readonly<{ port: number; failures: readonly unknown[] }>;

export type RelayedGateway = Readonly<{
  gateway: RunningGateway;
  /** The local CA's file. */
  ca: string;
  /** Of the relay, where its names are reached. */
  port: number;
  records: () => readonly AuditEvent[];
  /** `sallyport connect NAME --proxy` as a partner has it, with that credential; `own` is what programs must show to it. */
  door: (service: string, shown: Shown, own?: Shown) => Promise<Door>;
}>;

export type RelayedOptions = Readonly<{ folder: string; text: string; users: readonly string[] }>;

/** Resolves when all services of the file are reached. What it opened ends before what `context` was told of earlier. */
export async function startRelayed(context: Context, { folder, text, users }: RelayedOptions): Promise<RelayedGateway> {
  const home = await openHome({ SALLYPORT_HOME: join(folder, 'home') });
  if (users.length > 0) await addUsers(home.store, users);
  const config = configOrThrow(parser.parse(text, join(folder, 'sallyport.yaml')), 'sallyport.yaml');
  const events: GatewayEvent[] = [];
  const ready = Promise.withResolvers<undefined>();
  let relay = 0;
  const missing = new Set(config.services.map(({ name }) => name));
  const gateway = await startGateway({
    ...{ home, config, limits: limitsWith(config.limits), embeddedRelay: { host: '127.0.0.1', port: null }, memberships: [] },
    ...{ keepSwitches: false, verbs: {} },
    onEvent: (event) => {
      events.push(event);
      if (event.event !== 'ready') return;
      missing.delete(event.service);
      // What has an address of its own is not reached by a name.
      const url = URL.parse(event.url);
      if (url?.hostname.endsWith('.localhost') === true) relay = Number(url.port);
      if (missing.size === 0) ready.resolve(undefined);
    },
  });
  context.after(() => gateway.stop());
  await ready.promise;
  const port = relay;
  const ca = await readFile(home.ca, 'latin1');
  const deadlines = createDeadlines(steadyNow);
  const ticking = startDeadlines(deadlines);
  context.after(() => ticking.close());
  const door: RelayedGateway['door'] = async (service, shown, own = null) => {
    const failures: unknown[] = [];
    const host = `${service}.localhost`;
    const far = { host, port, dial: '127.0.0.1', ca, session: { last: null }, shown, limits: defaults, timeoutMs: 20_000 };
    const opened = await openLocalProxy({
      ...{ host: '127.0.0.1', port: 0, limits: defaults, deadlines, splice: createSplice({ deadlines }), far, own },
      onFailure: (error) => failures.push(error),
    });
    context.after(() => opened.close());
    return { port: opened.port, failures };
  };
  const records = (): readonly AuditEvent[] => events.flatMap((event) => (event.event === 'exchange' ? [event.record] : []));
  return { gateway, ca: home.ca, port, records, door };
}
