/** Relays of different operators, or of one who wants two: in this process, each with its own key, store and address. */

import { randomBytes } from 'node:crypto';
import type { TestContext } from 'node:test';
import { createInvite } from '../../src/controlplane/enrolment/invites.ts';
import type { Bounds } from '../../src/controlplane/enrolment/bounds.ts';
import { limitsWith } from '../../src/core/limits.ts';
import { createMemorySink } from '../../src/modules/sinks/memory.ts';
import { createMemoryStore } from '../../src/modules/stores/memory.ts';
import { startRelay, type Relay } from '../../src/relay.ts';
import { identityOf } from './relay.ts';

export type OneRelay = Readonly<{
  address: string;
  port: number;
  running: () => Relay;
  invite: (name: string, bounds?: Partial<Bounds>) => Promise<string>;
  /** Gone, as after a power cut but for the sockets that the system closes. */
  stop: () => Promise<void>;
  /** At the same address, with the same key and store. */
  again: () => Promise<void>;
}>;

export async function oneRelay(
  test: TestContext,
  options: Readonly<{ key: string; domain: string; host?: string; port?: number }>,
): Promise<OneRelay> {
  const { domain, host = '127.0.0.1' } = options;
  const identity = await identityOf(options.key);
  const store = createMemoryStore({ now: Date.now });
  const start = (port: number): Promise<Relay> =>
    startRelay({
      identity,
      store,
      listen: [{ host, port }],
      domain,
      limits: limitsWith({}),
      audit: createMemorySink({ eventsMax: 100 }),
      now: Date.now,
      owner: null,
      onFault: (error) => test.diagnostic(String(error)),
    });
  let relay = await start(options.port ?? 0);
  test.after(() => relay.close());
  const address = relay.addresses[0] ?? '';
  const port = Number(address.split(':').at(-1));
  return {
    address,
    port,
    running: () => relay,
    invite: async (name, bounds = {}) =>
      (
        await createInvite(store, {
          name,
          domain,
          relayAddress: address,
          fingerprint: identity.fingerprint,
          lifeMs: 60_000,
          now: Date.now(),
          randomBytes,
          ...(Object.keys(bounds).length === 0
            ? {}
            : {
                bounds: { names: null, ports: null, expires: null, streams: null, bytesPerSecond: null, visitorsPerDay: null, ...bounds },
              }),
        })
      ).code,
    stop: () => relay.close(),
    again: async () => {
      relay = await start(port);
    },
  };
}
