/** Overload: what begins it, what ends it, and what a relay does meanwhile. */

import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { dial, drained, gateway, until, visitor, world } from '../../test/tunnel/relay.ts';
import { Overload } from './overload.ts';
import type { Pressure } from './overload.ts';

const limits = { overloadLagMs: 100, overloadBytesMax: 1_000 };
const calm: Pressure = { lagMs: 0, bytes: 0 };

describe('overload', () => {
  it('one late turn is none, three in a row are, and it ends when the loop is well in time', () => {
    const overload = new Overload(limits, 1e9);
    const whys = [150, 150, 20, 150, 150, 150, 90, 40].map((lagMs) => {
      overload.look({ lagMs, bytes: 0 });
      return overload.why !== null;
    });
    deepEqual(whys, [false, false, false, false, false, true, true, false]);
  });

  it('too much memory begins at once, and ends a tenth below', () => {
    const overload = new Overload(limits, 1e9);
    const whys = [1_000, 1_001, 950, 901, 900].map((bytes) => {
      overload.look({ lagMs: 0, bytes });
      return overload.why !== null;
    });
    deepEqual(whys, [false, true, true, true, false]);
  });

  it('three quarters of what a small machine has are the limit there', () => {
    const overload = new Overload(limits, 400);
    overload.look({ lagMs: 0, bytes: 301 });
    match(overload.why ?? '', /memory/);
  });

  it('meanwhile new visitors get an alert, 503 on plain HTTP; what runs goes on, gateways come in, and then all is as before', async (test) => {
    let pressure = calm;
    const at = await world(test, {}, null, undefined, { plain: [{ host: '127.0.0.1', port: 0 }], pressure: () => pressure });
    const [one, two] = [await at.member('blog'), await at.member('shop')];
    await gateway(test, at, { identity: one, names: ['blog.example.test'] }).link.ready;
    const running = visitor(at.port, 'blog.example.test');
    await once(running, 'secureConnect');

    pressure = { lagMs: 0, bytes: Number.MAX_SAFE_INTEGER };
    const turned = async (): Promise<boolean> => {
      const late = visitor(at.port, 'blog.example.test');
      const [error] = (await Promise.race([once(late, 'error'), once(late, 'secureConnect')])) as [NodeJS.ErrnoException | undefined];
      late.destroy();
      return error?.code === 'ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR';
    };
    while (!(await turned()));
    const plain = dial(Number(at.relay.plain[0]?.split(':').at(-1)));
    plain.write('GET / HTTP/1.1\r\nHost: blog.example.test\r\n\r\n');
    match((await drained(plain)).toString(), /^HTTP\/1\.1 503 [^]*\r\nRetry-After: \d+\r\n/);
    running.write('still here');
    equal(String((await once(running, 'data'))[0]), 'still here');
    await gateway(test, at, { identity: two, names: ['shop.example.test'] }).link.ready;
    ok(at.sink.last().some(({ code }) => code === 'relay-overloaded'));

    pressure = calm;
    while (await turned());
    running.destroy();
  });

  it('slowloris: connections that say nothing are taken up to a limit, and then told so at once', async (test) => {
    const at = await world(test, { hellosMax: 3 });
    const silent = Array.from({ length: 3 }, () => dial(at.port));
    await Promise.all(silent.map((socket) => once(socket, 'connect')));
    deepEqual(await drained(dial(at.port)), Buffer.from([21, 3, 3, 0, 2, 2, 80]));
    for (const socket of silent) socket.destroy();
    await until(() => at.relay.visitors() === 0);
    const next = dial(at.port);
    next.end('x');
    ok(!(await drained(next)).equals(Buffer.from([21, 3, 3, 0, 2, 2, 80])));
  });

  it('connections beyond the caps get an alert, or 503, instead of a silent end', async (test) => {
    const at = await world(test, { connectionsPerAddressMax: 1 }, null, undefined, { plain: [{ host: '127.0.0.1', port: 0 }] });
    const plainPort = Number(at.relay.plain[0]?.split(':').at(-1));
    for (const port of [at.port, plainPort]) await once(dial(port), 'connect');
    deepEqual(await drained(dial(at.port)), Buffer.from([21, 3, 3, 0, 2, 2, 80]));
    match((await drained(dial(plainPort))).toString(), /^HTTP\/1\.1 503 Service Unavailable\r\n/);
  });
});
