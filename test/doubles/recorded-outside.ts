/** What a proxy meets outside, for tests: names with addresses of ours, and a dialler that writes down whom it was to dial. */

import { Socket } from 'node:net';
import type { Outside } from '../../src/modules/upstreams/egress.ts';

export type RecordedOutside = Outside & Readonly<{ dials: string[]; asked: string[] }>;

/** Connects to nobody: each dial succeeds at once. */
export function recordedOutside(names: Readonly<Record<string, readonly string[]>>): RecordedOutside {
  const dials: string[] = [];
  const asked: string[] = [];
  return {
    dials,
    asked,
    interfaces: () => ['127.0.0.1/8', '::1/128', '203.0.114.7/24'],
    ask: async (name, version) => {
      asked.push(name);
      return (names[name] ?? []).filter((address) => address.includes(':') === (version === 6)).map((address) => ({ address, ttl: 0 }));
    },
    connect: ({ host, port }) => {
      dials.push(`${host} ${port}`);
      const socket = new Socket();
      setImmediate(() => socket.emit('connect'));
      return socket;
    },
  };
}
