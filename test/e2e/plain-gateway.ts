/** A gateway in this process that serves one public service, over plain HTTP or through its own relay: what suites of raw bytes are thrown at. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startGateway } from '../../src/gateway.ts';
import { openHome } from '../../src/controlplane/home.ts';
import type { Config } from '../../src/controlplane/config/plan.ts';
import type { GatewayEvent, RunningGateway } from '../../src/controlplane/config/running.ts';
import { limitsWith, type Limits } from '../../src/core/limits.ts';

type Context = { after: (done: () => Promise<void>) => void };

export type PlainGateway = Readonly<{ port: number; gateway: RunningGateway; events: readonly GatewayEvent[] }>;

/** Resolves when it has reached itself. */
export async function startPlainGateway(
  context: Context,
  servicePort: number,
  limits: Partial<Limits> = {},
  by: 'http' | 'relay' = 'http',
): Promise<PlainGateway> {
  const path = await mkdtemp(join(tmpdir(), 'sallyport-plain-'));
  const events: GatewayEvent[] = [];
  const ready = Promise.withResolvers<string>();
  const config: Config = {
    relays: [],
    via: null,
    listen: by === 'http' ? [{ scheme: 'http', host: '127.0.0.1', port: 0 }] : [],
    network: 'trusted',
    local: null,
    plainHttp: 'refuse',
    limits,
    services: [
      {
        name: 'web',
        at: [],
        behind: { is: 'http', host: '127.0.0.1', port: servicePort },
        access: [[{ guard: 'public', options: {} }]],
        firewall: 'off',
        from: null,
        proxy: null,
        rewriteHost: { to: 'keep' },
        rawHeaders: false,
        expires: null,
        forMs: null,
      },
    ],
  };
  const gateway = await startGateway({
    home: await openHome({ SALLYPORT_HOME: path }),
    config,
    limits: limitsWith(limits),
    embeddedRelay: by === 'http' ? null : { host: '127.0.0.1', port: null },
    memberships: [],
    keepSwitches: false,
    verbs: {},
    onEvent: (event) => {
      events.push(event);
      if (event.event === 'ready') ready.resolve(event.url);
    },
  });
  context.after(async () => {
    await gateway.stop();
    await rm(path, { recursive: true, force: true });
  });
  return { port: Number(new URL(await ready.promise).port), gateway, events };
}
