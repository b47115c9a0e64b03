/** `sallyport proxy` for holders of client certificates, as the program runs it. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { run as runCommand } from '../../src/cli/run.ts';
import { scriptedTerminal } from '../../src/cli/scripted-terminal.ts';
import { codes } from '../../src/core/errors.ts';
import { curl, withoutCurl } from './curl.ts';
import { freePort } from './free-port.ts';
import { freshHome, run } from './program.ts';

test('sallyport proxy --certificate --firewall: TLS on loopback too, and nobody else is let in', { skip: withoutCurl }, async (context) => {
  const home = await freshHome(context);
  const server = createServer((_request, response) => response.end('there'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => void server.close());
  const [to, port] = [(server.address() as AddressInfo).port, await freePort()];
  const told = (...words: string[]): Promise<number> => runCommand(words, scriptedTerminal({ home }));
  assert.equal(await told('proxy', '--listen', `127.0.0.1:${port}`), codes['usage-wrong'].exit);
  assert.equal(await told('clients', 'certificate', 'lab', '--pem', home), 0);
  const words = ['proxy', '--listen', `127.0.0.1:${port}`, '--certificate', 'lab', '--firewall', 'on', '--allow', `127.0.0.1:${to}`];
  const program = run(context, words, { home });
  const ready = await program.line('ready');
  assert.equal(ready['proxy'], `https://127.0.0.1:${port}`);
  const through = [
    '--noproxy',
    '',
    '--proxy',
    `https://127.0.0.1:${port}`,
    '--proxy-cacert',
    String(ready['ca']),
    `http://127.0.0.1:${to}/`,
  ];
  const shown = ['--proxy-cert', join(home, 'lab.crt'), '--proxy-key', join(home, 'lab.key')];
  const [led, stranger, twice] = await Promise.all([
    curl([...shown, ...through]),
    curl(through),
    curl([...shown, '-H', 'Range: bytes=0-1', '-H', 'Range: bytes=2-3', ...through]),
  ]);
  assert.deepEqual([led.body, stranger.status, twice.status], ['there', 407, 403], led.said);
  assert.equal(await program.stop(), 0);
});
