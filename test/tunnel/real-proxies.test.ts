/** Through the proxies that networks really have, where they are installed. */

import { equal } from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import type { Proxy } from '../../src/contracts/via.ts';
import { failure, proxyAt, reachVia } from './proxies.ts';
import { world } from './relay.ts';

type Real = Readonly<{
  program: string;
  is: Proxy['is'];
  /** Whether it asks for ana's secret. */
  asks: boolean;
  config: (port: number) => string;
  words: (port: number, config: string) => readonly string[];
}>;

const proxies: readonly Real[] = [
  {
    program: 'tinyproxy',
    is: 'http',
    asks: true,
    config: (port) => `Port ${port}\nListen 127.0.0.1\nTimeout 60\nBasicAuth ana secret\nAllow 127.0.0.1\n`,
    words: (_port, config) => ['-d', '-c', config],
  },
  {
    program: 'squid',
    is: 'http',
    asks: false,
    config: (port) =>
      `http_port 127.0.0.1:${port}\npid_filename none\naccess_log none\ncache_log /dev/null\ncache deny all\nhttp_access allow all\ncache_effective_user nobody\n`,
    words: (_port, config) => ['-N', '-f', config],
  },
  {
    program: 'microsocks',
    is: 'socks5',
    asks: true,
    config: () => '',
    words: (port) => ['-i', '127.0.0.1', '-p', String(port), '-u', 'ana', '-P', 'secret'],
  },
];

function installed(name: string): Promise<boolean> {
  return new Promise((resolve) => void execFile('sh', ['-c', `command -v ${name}`], (error) => resolve(error === null)));
}

/** Runs it until the test ends; resolves with its port once it takes connections. */
async function running(test: TestContext, { program, config, words }: Real): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-proxy-'));
  const free = createServer().listen(0, '127.0.0.1');
  await once(free, 'listening');
  const { port } = free.address() as AddressInfo;
  await new Promise((resolve) => free.close(resolve));
  const path = join(folder, 'conf');
  await writeFile(path, config(port));
  const child = spawn(program, words(port, path), { stdio: 'ignore' });
  test.after(async () => {
    child.kill('SIGKILL');
    await rm(folder, { recursive: true });
  });
  while (child.exitCode === null) {
    const socket = connect({ host: '127.0.0.1', port });
    const up = await Promise.race([once(socket, 'connect').then(() => true), once(socket, 'close').then(() => false)]).catch(() => false);
    socket.destroy();
    if (up) return port;
    await new Promise((resolve) => void setTimeout(resolve, 20));
  }
  throw new Error(`${program} ended`);
}

describe('a relay is reached through', () => {
  for (const real of proxies) {
    it(real.program, async (test) => {
      if (!(await installed(real.program))) return test.skip(`not run: no ${real.program}`);
      const port = await running(test, real);
      const at = await world(test);
      const key = await at.member('blog');
      await reachVia(test, at, key, { proxy: proxyAt(real.is, port, real.asks ? 'ana:secret' : null) });
      const away = createServer().listen(0, '127.0.0.1');
      await once(away, 'listening');
      const nobody = (away.address() as AddressInfo).port;
      await new Promise((resolve) => away.close(resolve));
      const proxy = proxyAt(real.is, port, real.asks ? 'ana:secret' : null);
      const lost = await failure(reachVia(test, at, key, { proxy, address: `127.0.0.1:${nobody}` }));
      // Some say that the way behind them is closed, some only that they will not.
      equal(['relay-unreachable', 'proxy-refused', 'proxy-unreachable'].includes(lost.code), true, lost.message);
      if (!real.asks) return;
      for (const wrong of ['ana:wrong', null])
        equal((await failure(reachVia(test, at, key, { proxy: proxyAt(real.is, port, wrong) }))).code, 'proxy-refused', String(wrong));
    });
  }
});
