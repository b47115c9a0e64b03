/** Raw ports as operator, gateway and visitor have them: real processes, real ssh, real DNS questions, and an upgrade in between. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { freePort } from './free-port.ts';
import { invitation, joinedHome, relayProgram } from './machines.ts';
import { freshHome, run, runRefused, runToEnd } from './program.ts';
import { lacks, listening, output, sshWords, startNameServer, startSshd } from './real-servers.ts';

/** Ports beside each other that nobody has, most likely. */
async function freeRange(): Promise<Readonly<{ from: number; to: number }>> {
  const from = Math.min(await freePort(), 65_530);
  return { from, to: from + 3 };
}

test(
  'ssh and dig through raw ports of a relay, over an upgrade, until they are closed',
  { skip: lacks('sshd', 'ssh', 'ssh-keygen', 'dig') },
  async (context) => {
    const folder = mkdtempSync(join(tmpdir(), 'sallyport-raw-'));
    context.after(() => rmSync(folder, { recursive: true, force: true }));
    const sources = new Set<string>();
    const [sshPort, dnsPort] = [await startSshd(context, folder), await startNameServer(context, sources)];
    const relay = await relayProgram(context);
    const range = await freeRange();
    const code = await invitation(context, relay, 'shell', '--ports', `${range.from}-${range.to}`);
    const home = await joinedHome(context, code);
    const config = join(folder, 'sallyport.yaml');
    const services = {
      shell: { to: `tcp://127.0.0.1:${sshPort}`, port: range.from, access: ['public'] },
      names: { to: `udp://127.0.0.1:${dnsPort}`, port: range.from + 1, access: ['public'] },
    };
    // JSON is YAML.
    writeFileSync(config, JSON.stringify({ relay: `127.0.0.1:${relay.port}`, services }));
    const up = run(context, ['up', '--config', config], { home });
    const ready = await up.line('ready', ({ service }) => service === 'shell');
    await up.line('ready', ({ service }) => service === 'names');
    assert.equal(ready['url'], `tcp://127.0.0.1:${range.from}`);
    assert.equal(ready['raw'], true);
    assert.match(String(ready['hint']), /the relay can read/);

    const ssh = (command: string) =>
      output('ssh', [...sshWords(folder), '-p', String(range.from), `${userInfo().username}@127.0.0.1`, command]);
    const dig = (...words: readonly string[]) =>
      output('dig', ['@127.0.0.1', '-p', String(range.from + 1), '+tries=1', '+short', 'example.org', ...words]);
    const found = await ssh('head -c 3000000 /dev/zero | wc -c; echo $SSH_CONNECTION');
    assert.match(found.out, /^\s*3000000\n127\.83\./);
    assert.deepEqual(await dig(), { code: 0, out: '192.0.2.53\n' });
    assert.match([...sources].join(), /^127\.83\.\d+\.\d+$/);

    const running = connect(range.from, '127.0.0.1');
    await once(running, 'data');
    const upgraded = await runToEnd(context, ['relay', 'upgrade'], { home: relay.home });
    assert.equal(upgraded.code, 0);
    // Whoever comes at once waits in the socket until the gateway has come to the new relay.
    assert.equal((await ssh('echo again')).out, 'again\n');
    assert.equal((await dig()).out, '192.0.2.53\n');
    running.write('SSH-2.0-visitor\r\n');
    await once(running, 'data');
    running.destroy();

    const closed = await runToEnd(context, ['close', 'shell'], { home });
    assert.equal(closed.code, 0);
    while (await isOpen(range.from)) await new Promise((resolve) => setTimeout(resolve, 20));
    await listening(relay.port);
  },
);

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => (socket.destroy(), resolve(true)));
    socket.once('error', () => resolve(false));
  });
}

test('a password cannot be asked for on a raw port: the command says what can', async (context) => {
  const home = await freshHome(context);
  const { code, lines } = await runRefused(context, ['tcp', '22', '--port', '2222', '--password', 'ana'], { home });
  assert.equal(code, 64);
  assert.match(String(lines[0]?.['hint']), /Or leave out --port: visitors come by `sallyport connect`/);
});
