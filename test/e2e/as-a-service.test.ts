/** What a service manager and root start: sockets that were there before, and rights that are gone before anybody comes. */

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { chownSync, existsSync, readFileSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { notifyService } from '../../src/cli/notify.ts';
import { bindHandle } from '../../src/dataplane/bound-handles.ts';
import { freshHome, run, runToEnd } from './program.ts';

/** An account that every system has, and nobody signs in to. */
const user = 'nobody';

test('a socket that was handed over is served, by name or by address, and one that nobody asked for is closed', async (context) => {
  const home = await freshHome(context);
  const [web, other, spare] = [bound(context), bound(context), bound(context)];
  const config = await written(home, [
    `listen: [{ url: 'http://127.0.0.1:1', socket: web }, 'http://127.0.0.1:${other.port}']`,
    'services: { a: { to: { respond: 200, text: from the socket }, access: [public] } }',
    'network: shared',
  ]);
  const program = run(context, ['gateway', '--config', config], {
    home,
    descriptors: [web.fd, other.fd, spare.fd],
    env: { LISTEN_FDS: '3', LISTEN_FDNAMES: 'web::spare' },
    under: ['sh', '-c', 'LISTEN_PID=$$ exec "$@"', 'sh'],
  });
  await program.line('ready');
  for (const each of [web, other]) {
    const answer = await fetch(`http://127.0.0.1:${each.port}/`);
    assert.equal(await answer.text(), 'from the socket');
  }
  const unused = await program.line('warning', (line) => line['code'] === 'socket-unused');
  assert.match(String(unused['message']), /spare \(127\.0\.0\.1:\d+\)/);
  assert.equal(await program.stop('SIGTERM'), 0);
});

test('privilege escalation: as root it binds its port, and then has no right of root and no group of its own left', async (context) => {
  if (process.getuid?.() !== 0 || process.platform !== 'linux') return context.skip('not run: not root on Linux');
  if (!readableBy(user)) return context.skip(`not run: ${user} cannot read this checkout`);
  const { home, config } = await ownHome(context, ['listen: http://127.83.4.4:83', 'network: shared', `user: ${user}`]);
  const env = { SALLYPORT_USER: '' };
  const program = run(context, ['gateway', '--config', config], { home, env });
  await program.line('ready');
  assert.deepEqual(rightsOf(program.pid), { ids: [65534], groups: [65534], capabilities: '0000000000000000' });
  assert.equal((await fetch('http://127.83.4.4:83/')).status, 200);
  const refused = await runToEnd(context, ['gateway', '--config', config, '--user', 'root:0'], { home, env });
  assert.equal(refused.code, 64);
  await program.stop('SIGTERM');
});

test('privilege escalation: the relay leaves root with the holder of its sockets', async (context) => {
  if (process.getuid?.() !== 0 || process.platform !== 'linux') return context.skip('not run: not root on Linux');
  if (!readableBy(user)) return context.skip(`not run: ${user} cannot read this checkout`);
  const { home } = await ownHome(context, []);
  const words = ['relay', '--domain', 'example.test', '--listen', '127.83.4.5:443', '--http', '127.83.4.5:80'];
  // The home is that user's, so root without a word is warned first, and then has nothing to serve with.
  const kept = await runToEnd(context, words, { home, env: { SALLYPORT_USER: '' } });
  assert.deepEqual(
    kept.lines.map(({ code }) => code),
    ['root-kept', 'home-exposed'],
  );
  const relay = run(context, [...words, '--user', user], { home, env: { SALLYPORT_USER: '' } });
  const { pid } = await relay.line('listening');
  const left = { ids: [65534], groups: [65534], capabilities: '0000000000000000' };
  assert.deepEqual([rightsOf(relay.pid), rightsOf(Number(pid))], [left, left]);
  await relay.stop('SIGTERM');
});

test('systemd hears that we are ready, where it asks', async (context) => {
  if (!existsSync('/usr/bin/systemd-notify')) return context.skip('not run: no systemd-notify');
  if (!existsSync('/usr/bin/python3')) return context.skip('not run: no python3');
  const socket = join(await mkdtemp(join(tmpdir(), 'sallyport-test-')), 'notify');
  const words =
    'import socket,sys\ns=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM)\ns.bind(sys.argv[1])\nprint("bound",flush=True)\nprint(s.recv(999).decode(),flush=True)';
  const listener = spawn('/usr/bin/python3', ['-c', words, socket], { stdio: ['ignore', 'pipe', 'inherit'] });
  context.after(() => void listener.kill());
  const lines = createInterface({ input: listener.stdout })[Symbol.asyncIterator]();
  assert.equal((await lines.next()).value, 'bound');
  await notifyService({ NOTIFY_SOCKET: socket }, 'READY=1');
  assert.equal((await lines.next()).value, 'READY=1');
  await notifyService({}, 'READY=1');
});

type Context = Parameters<typeof freshHome>[0];

/** As systemd has it, but for the listening. */
function bound(context: Context): Readonly<{ fd: number; port: number }> {
  const handle = bindHandle({ host: '127.0.0.1', port: 0 });
  assert.ok(typeof handle === 'object');
  context.after(async () => handle.close());
  const into: { port?: number } = {};
  handle.getsockname(into);
  return { fd: handle.fd, port: into.port ?? 0 };
}

async function written(home: string, lines: readonly string[]): Promise<string> {
  const path = join(home, 'sallyport.yaml');
  await writeFile(path, lines.join('\n'));
  return path;
}

/** A state directory that belongs to whom the program becomes. */
async function ownHome(context: Context, lines: readonly string[]): Promise<Readonly<{ home: string; config: string }>> {
  const home = await freshHome(context);
  const config = await written(home, [...lines, 'services: { a: { to: { respond: 200, text: ok }, access: [public] } }']);
  chownSync(home, 65534, 65534);
  return { home, config };
}

function readableBy(name: string): boolean {
  try {
    execFileSync('setpriv', [`--reuid=${name}`, '--clear-groups', process.execPath, '-e', 'require("fs").readFileSync("package.json")'], {
      stdio: 'ignore',
    });
    return true;
  } catch {
    return false;
  }
}

function rightsOf(pid: number): Readonly<{ ids: readonly number[]; groups: readonly number[]; capabilities: string | undefined }> {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const field = (name: string) => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1]?.trim();
  const numbers = (text: string | undefined) => [...new Set((text ?? '').split(/\s+/).map(Number))];
  return {
    ids: numbers(`${field('Uid')} ${field('Gid')}`),
    groups: numbers(field('Groups')),
    capabilities: field('CapPrm') === field('CapEff') ? field('CapEff') : 'differ',
  };
}
