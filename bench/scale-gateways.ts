/** Many gateways in one process, for `bench/scale.ts`: real keys, real carriers, and nothing behind them. Told what to do over IPC. */

import { loadIdentity } from '../src/controlplane/certificates/identity.ts';
import type { MachineIdentity } from '../src/contracts/tunnel.ts';
import { limitsWith } from '../src/core/limits.ts';
import { dialRelay } from '../src/dataplane/dial-relay.ts';

/** `names` of each gateway, in the order of the keys. */
export type Order =
  | Readonly<{ is: 'keys'; folder: string; first: number; count: number }>
  | Readonly<{ is: 'go'; address: string; fingerprint: string; names: readonly (readonly string[])[] }>
  | Readonly<{ is: 'mark'; at: number }>;

/**
 * `first`: each gateway has registered once since the mark, `all`: with every carrier that it keeps; `ms` is when each of them
 * had, behind the mark, and `failed` how often a relay was lost or tried in vain. `arrived`: a visitor came.
 */
export type Report =
  | Readonly<{ is: 'keys'; fingerprints: readonly string[] }>
  | Readonly<{ is: 'first' | 'all'; ms: readonly number[]; failed: number }>
  | Readonly<{ is: 'arrived' }>;

const limits = limitsWith({});

let keys: readonly MachineIdentity[] = [];
let mark = { at: Date.now(), registered: new Map<number, number>(), first: [] as number[], all: [] as number[], failed: 0 };

function say(report: Report): void {
  process.send?.(report);
}

function registered(gateway: number): void {
  const count = (mark.registered.get(gateway) ?? 0) + 1;
  mark.registered.set(gateway, count);
  if (count === 1) reached('first', mark.first);
  if (count === limits.carriersPerRelay) reached('all', mark.all);
}

function reached(is: 'first' | 'all', times: number[]): void {
  times.push(Date.now() - mark.at);
  if (times.length === keys.length) say({ is, ms: times, failed: mark.failed });
}

function go({ address, fingerprint, names }: Extract<Order, { is: 'go' }>): void {
  const { signal } = new AbortController();
  for (const [index, identity] of keys.entries()) {
    dialRelay({
      ...{ address, fingerprint, identity, limits, signal, names: names[index] ?? [] },
      onArrival: ({ stream }) => {
        stream.destroy();
        say({ is: 'arrived' });
      },
      onState: (state) => {
        if (state === 'lost') mark.failed += 1;
      },
      onNames: () => registered(index),
    });
  }
}

process.on('message', (order: Order) => {
  if (order.is === 'mark') mark = { at: order.at, registered: new Map(), first: [], all: [], failed: 0 };
  else if (order.is === 'go') go(order);
  else void makeKeys(order);
});
process.once('disconnect', () => process.exit(0));

async function makeKeys({ folder, first, count }: Extract<Order, { is: 'keys' }>): Promise<void> {
  const made: MachineIdentity[] = [];
  for (let index = 0; index < count; index += 1) made.push(await loadIdentity(folder, `gateway-${first + index}`));
  keys = made;
  say({ is: 'keys', fingerprints: made.map(({ fingerprint }) => fingerprint) });
}
