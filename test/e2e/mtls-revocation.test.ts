/** Client certificates of our own, from the command that makes one to the WebSocket that it loses: through a blind relay, with curl and openssl. */

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { startAwake } from '../doubles/awake.ts';
import type { ConnectionOptions } from 'node:tls';
import { WebSocket, type ClientOptions } from 'ws';
import { run as runCommand } from '../../src/cli/run.ts';
import { scriptedTerminal } from '../../src/cli/scripted-terminal.ts';
import { curl, withoutCurl } from './curl.ts';
import { text } from './lines.ts';
import { freshHome, runInside } from './program.ts';
import { startService } from './service.ts';
import { echoed } from './websocket.ts';

const withoutOpenssl = spawnSync('openssl', ['version'], { stdio: 'ignore' }).status === 0 ? false : 'not run: no openssl on this machine';

test(
  'a revoked certificate is refused on open connections, and loses WebSockets within a second, through the relay',
  { skip: withoutCurl !== false ? withoutCurl : withoutOpenssl },
  async (context) => {
    const service = await startService(context);
    const home = await freshHome(context);
    const command = async (...words: readonly string[]): Promise<Record<string, unknown>> => {
      const terminal = scriptedTerminal({ home });
      assert.equal(await runCommand([...words, '--json'], terminal), 0, terminal.written());
      return terminal.events()[0] ?? {};
    };
    const filesOf = (event: Record<string, unknown>): readonly [string, string] => {
      const { certificate, key } = event['files'] as Readonly<{ certificate: string; key: string }>;
      return [certificate, key];
    };
    const [crt, key] = filesOf(await command('clients', 'certificate', 'ana', '--role', 'editor', '--pem', home));
    const [otherCrt, otherKey] = filesOf(await command('clients', 'certificate', 'ben', '--pem', home));
    const config = join(home, 'sallyport.yaml');
    await writeFile(config, `services:\n  blog: { to: ${service.port}, identity: [headers], access: [{ mtls: {} }] }\n`);
    const gateway = runInside(context, ['up', '--config', config], { home });
    const ready = await gateway.line('ready');
    const [url, ca] = [text(ready, 'url'), text(ready, 'ca')];

    const visit = (...more: readonly string[]) => curl(['--cacert', ca, ...more, `${url}/`]);
    assert.equal((await visit('--cert', crt, '--key', key)).status, 200);
    assert.match(service.seen.at(-1)?.headers.join('\n') ?? '', /x-sallyport-user\n?.*ana/i);
    assert.equal((await visit('--cert', crt, '--key', key, '--tlsv1.2', '--tls-max', '1.2', '--http1.1')).status, 200);
    assert.equal((await visit()).status, 401);
    assert.match(await opensslSays(url, ca, crt, key), /HTTP\/1\.1 200 /);

    const { host, hostname, port } = new URL(url);
    const opened = async (cert: string, secret: string): Promise<WebSocket> => {
      const settings: ClientOptions & ConnectionOptions = { servername: hostname, headers: { Host: host }, ca: await readFile(ca) };
      const socket = new WebSocket(`wss://127.0.0.1:${port}/echo`, {
        ...settings,
        cert: await readFile(cert),
        key: await readFile(secret),
      });
      await once(socket, 'open');
      socket.on('error', () => undefined);
      return socket;
    };
    const [socket, bystander] = [await opened(crt, key), await opened(otherCrt, otherKey)];
    assert.equal((await echoed(socket, 'there?')).toString(), 'there?');
    const closed = once(socket, 'close');
    const awake = startAwake(context);
    await command('clients', 'certificates', 'revoke', 'ana');
    await closed;
    const ms = awake();
    context.diagnostic(`from the command to the closed WebSocket: ${ms.toFixed(0)} ms`);
    assert.ok(ms < 1_000, `it took ${ms.toFixed(0)} ms`);
    assert.equal((await visit('--cert', crt, '--key', key)).status, 401);
    assert.equal((await echoed(bystander, 'still')).toString(), 'still', 'somebody else goes on');
    bystander.terminate();
  },
);

/** What a server of `url` answers to `openssl s_client` with a client certificate. */
async function opensslSays(url: string, ca: string, crt: string, key: string): Promise<string> {
  const { host, hostname, port } = new URL(url);
  const words = ['s_client', '-quiet', '-connect', `127.0.0.1:${port}`, '-servername', hostname, '-CAfile', ca, '-cert', crt, '-key', key];
  const child = spawn('openssl', words, { stdio: ['pipe', 'pipe', 'ignore'] });
  child.stdin.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  const [said] = (await once(child.stdout, 'data')) as [Buffer];
  child.kill();
  return said.toString('latin1');
}
