/** Connections to a service: how many there may be, and that none is left. */

import assert from 'node:assert/strict';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { exchangeOf } from '../../../test/doubles/exchange.ts';
import { limitsWith, type Limits } from '../../core/limits.ts';
import type { Tools } from '../../contracts/tools.ts';
import { http } from './http.ts';

describe('a service over http', () => {
  let server: Server;
  before(async () => {
    server = createServer((socket) => socket.on('error', () => undefined));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  after(() => void server.close());

  const never = { signal: new AbortController().signal };
  const build = (limits: Partial<Limits>, port = (server.address() as AddressInfo).port) =>
    // Nothing else of the tools is asked for.
    http.build(http.options.parse({ hosts: ['127.0.0.1'], port, from: null }), { now: Date.now, limits: limitsWith(limits) } as Tools);

  it('resource exhaustion: connections that are still being dialled count as connections', async () => {
    const built = build({ upstreamsPerServiceMax: 2 });
    const dialling = [built.open(exchangeOf(), never, false), built.open(exchangeOf(), never, false)];
    assert.throws(() => built.open(exchangeOf(), never, false), { code: 'connections-exceeded' });
    for (const each of dialling) {
      const opened = await each;
      assert.ok(opened.is === 'stream');
      opened.release(false);
      opened.release(false);
    }
    const again = await built.open(exchangeOf(), never, false);
    assert.ok(again.is === 'stream');
    again.release(false);
    await built.close();
  });

  it('resource exhaustion: a dial that fails, or whose visitor leaves, gives its place back', async () => {
    const gone = createServer();
    await new Promise<void>((resolve) => gone.listen(0, '127.0.0.1', resolve));
    const { port } = gone.address() as AddressInfo;
    await new Promise((resolve) => gone.close(resolve));
    const refused = build({ upstreamsPerServiceMax: 1 }, port);
    for (let each = 0; each < 3; each += 1)
      await assert.rejects(async () => refused.open(exchangeOf(), never, false), { code: 'upstream-refused' });
    const built = build({ upstreamsPerServiceMax: 1 });
    for (let each = 0; each < 3; each += 1)
      await assert.rejects(async () => built.open(exchangeOf(), { signal: AbortSignal.abort() }, false), { code: 'visitor-gone' });
  });
});
