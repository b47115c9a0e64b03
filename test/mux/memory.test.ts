/** A thousand streams whose readers have stalled: what a carrier then really holds, measured in a process of its own, at either end. */

import { equal, ok } from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import tls from 'node:tls';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { defaults } from '../../src/core/limits.ts';
import { Carrier } from '../../src/dataplane/carrier.ts';
import type { CarrierStream } from '../../src/dataplane/carrier-stream.ts';
import { certificate } from './line.ts';

const pause = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
/** V8 sweeps buffers beside the program: what a first collection found is gone by the second. */
const held = async (): Promise<number> => {
  collect();
  await pause(200);
  collect();
  return process.memoryUsage().arrayBuffers;
};

for (const pieceBytes of [65_536, 9_000, 200]) {
  describe(`mux memory: a thousand stalled readers, written in pieces of ${pieceBytes} bytes`, () => {
    it('stays below the cap of the carrier', { timeout: 60_000 }, async (test) => {
      const server = tls.createServer({ ...(await certificate()), minVersion: 'TLSv1.3' });
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      const came = once(server, 'secureConnection') as Promise<[tls.TLSSocket]>;
      const child = fork(new URL('stalled-sender.ts', import.meta.url), [String(port), '1000', String(pieceBytes)]);
      try {
        const [socket] = await came;
        const streams: CarrierStream[] = [];
        let arrived = 0;
        const read = socket.on('data', (bytes: Buffer) => (arrived += bytes.length));
        const gateway: Carrier = new Carrier({
          socket: read,
          side: 'gateway',
          limits: defaults,
          taker: {
            message: () => {
              gateway.begin({ window: gateway.limits.window, streams: 0 });
              gateway.message('register', {});
            },
            // The first few read for a while, so that their windows have grown when they stall.
            open: (stream) => {
              streams.push(stream);
              if (streams.length > 30) return;
              stream.resume();
              setTimeout(() => stream.pause(), 2_000);
            },
            goaway: () => undefined,
            end: () => undefined,
          },
        });
        gateway.message('hello', {});
        // Until all have filled their first windows, and nothing more arrives.
        const least = 1_000 * gateway.limits.window;
        const full = (): boolean => arrived >= least;
        const grew = async (): Promise<boolean> => {
          const last = arrived;
          await pause(500);
          ok(!gateway.ended);
          return arrived !== last;
        };
        while ((await grew()) || !full());
        const ours = await held();
        child.send('memory');
        const [theirs] = (await once(child, 'message')) as [number];
        test.diagnostic(`the reader holds ${mib(ours)}, the writer ${mib(theirs)}, the cap is ${mib(defaults.carrierWindowBytes)}`);
        equal(streams.length, 1_000);
        ok(ours >= least, 'the windows are full');
        ok(ours <= defaults.carrierWindowBytes, `the reader holds ${mib(ours)}`);
        ok(theirs <= defaults.carrierWindowBytes * 1.1, `the writer holds ${mib(theirs)}`);
        socket.destroy();
      } finally {
        child.disconnect();
        server.close();
        if (child.exitCode === null) await once(child, 'exit');
      }
    });
  });
}

function mib(bytes: number): string {
  return `${(bytes / 1_048_576).toFixed(1)} MiB`;
}
