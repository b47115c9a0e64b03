/** A service that leads back to its own gateway. */

import assert from 'node:assert/strict';
import { connect, createServer, type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { startPlainGateway } from './plain-gateway.ts';
import { sendRaw } from './raw.ts';

test(
  'request loop: a service that is the gateway itself ends in a refusal, and the gateway lives on',
  { timeout: 30_000 },
  async (context) => {
    const way = { port: 0, passed: 0 };
    const back = createServer((socket) => {
      way.passed += 1;
      const on = connect(way.port, '127.0.0.1');
      for (const each of [socket, on]) each.on('error', () => undefined);
      socket.pipe(on).pipe(socket);
    });
    await new Promise<void>((resolve) => back.listen(0, '127.0.0.1', resolve));
    context.after(async () => void back.close());
    const { port, gateway } = await startPlainGateway(context, (back.address() as AddressInfo).port);
    way.port = port;
    const answer = await sendRaw('GET / HTTP/1.1\r\nHost: web.localhost\r\nConnection: close\r\n\r\n', { port, silentMs: 10_000 });
    assert.ok([502, 503].includes(answer.statuses[0] ?? 0), answer.text);
    assert.ok(way.passed <= 101, `${way.passed} rounds`);
    for (let look = 0; look < 300 && gateway.status().services[0]?.live !== 0; look += 1)
      await new Promise((resolve) => void setTimeout(resolve, 10));
    assert.equal(gateway.status().services[0]?.live, 0);
  },
);
