/** Real programs through `sallyport tcp`: PostgreSQL with psql, OpenSSH with ssh. */

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { freePort } from './free-port.ts';
import { linkOf, text } from './lines.ts';
import { freshHome, run } from './program.ts';

const has = (tool: string): boolean => spawnSync('sh', ['-c', `command -v ${tool}`]).status === 0;
const lacks = (...tools: readonly string[]): string | false => {
  const missing = tools.find((tool) => !has(tool));
  return missing === undefined ? false : `not run: no ${missing}`;
};

type Context = Parameters<typeof freshHome>[0];

/** Resolves when somebody listens there. */
async function listening(port: number): Promise<void> {
  for (let tries = 0; tries < 400; tries += 1) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect({ host: '127.0.0.1', port });
      socket.once('connect', () => (socket.destroy(), resolve(true)));
      socket.once('error', () => resolve(false));
    });
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`nobody listens on ${port}`);
}

/** Runs without blocking the event loop, which carries the bytes of nobody here but is watched by the runner. */
function output(
  command: string,
  words: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<Readonly<{ code: number | null; out: string }>> {
  return new Promise((resolve) => {
    const child = spawn(command, words, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes: Buffer) => (out += bytes.toString()));
    child.once('close', (code) => resolve({ code, out }));
  });
}

/** A server that refuses to run as root is run as its own user, where there is one. */
function unprivileged(user: string): Readonly<{ uid: number; gid: number }> | null {
  if (userInfo().uid !== 0) return { uid: userInfo().uid, gid: userInfo().gid };
  const numbers = ['-u', '-g'].map((which) => Number(spawnSync('id', [which, user]).stdout.toString().trim()));
  const [uid = 0, gid = 0] = numbers;
  return uid > 0 && gid > 0 ? { uid, gid } : null;
}

const who = unprivileged('postgres');

test(
  'psql through sallyport tcp and connect',
  { skip: lacks('psql', 'postgres', 'initdb') || (who === null ? 'not run: no user for PostgreSQL' : false) },
  async (context) => {
    assert.ok(who);
    const folder = mkdtempSync(join(tmpdir(), 'sallyport-pg-'));
    context.after(() => rmSync(folder, { recursive: true, force: true }));
    chownSync(folder, who.uid, who.gid);
    const as = { ...who, cwd: folder, env: { ...process.env, LC_ALL: 'C' } };
    const made = spawnSync('initdb', ['-D', join(folder, 'data'), '-U', 'ana', '-A', 'reject', '-N', '-E', 'UTF8'], as);
    assert.equal(made.status, 0, made.stderr.toString());
    // As docs/configuration.md says: only the gateway's own addresses are let in.
    writeFileSync(join(folder, 'data/pg_hba.conf'), 'host all all 127.83.0.0/16 trust\n');
    const pgPort = await freePort();
    const server = spawn('postgres', ['-D', join(folder, 'data'), '-p', String(pgPort), '-h', '127.0.0.1', '-k', folder, '-F'], {
      ...as,
      stdio: 'ignore',
    });
    const over = new Promise((resolve) => server.once('close', resolve));
    context.after(async () => (server.kill('SIGQUIT'), over));
    await listening(pgPort);

    const share = run(context, ['tcp', String(pgPort), '--name', 'db'], { home: await freshHome(context) });
    const ready = await share.line('ready');
    const { host } = new URL(text(ready, 'url'));
    const env = { SALLYPORT_LINK: linkOf(ready) };
    const visitor = run(context, ['connect', host, '--ca', text(ready, 'ca')], { home: await freshHome(context), env });
    const { listen } = await visitor.line('connecting');
    const port = String(listen).split(':').at(-1) ?? '';
    const psql = (sql: string) =>
      output('psql', ['-X', '-A', '-t', '-h', '127.0.0.1', '-p', port, '-U', 'ana', 'postgres', '-c', sql], {
        PGSSLMODE: 'disable',
        PGCONNECT_TIMEOUT: '15',
      });
    let answer = await psql('select 6 * 7');
    for (let tries = 0; tries < 40 && /starting up/.test(answer.out); tries += 1) answer = await psql('select 6 * 7');
    assert.deepEqual(answer, { code: 0, out: '42\n' });
    const large = await psql("select string_agg(md5(n::text), '' order by n) from generate_series(1, 60000) n");
    assert.equal(large.out.length, 60_000 * 32 + 1);
    assert.match((await psql('select inet_client_addr()')).out, /^127\.83\./);
  },
);

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

async function startSshd(context: Context, folder: string): Promise<number> {
  const port = await freePort();
  for (const name of ['host', 'id'])
    assert.equal(spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, name)]).status, 0);
  const allowed = spawnSync('cat', [join(folder, 'id.pub')]).stdout.toString();
  writeFileSync(join(folder, 'allowed'), allowed);
  chmodSync(join(folder, 'allowed'), 0o600);
  const options = [
    `HostKey=${join(folder, 'host')}`,
    `AuthorizedKeysFile=${join(folder, 'allowed')}`,
    'StrictModes=no',
    'UsePAM=no',
    'PidFile=none',
    'ListenAddress=127.0.0.1',
  ];
  // Started by root it wants a place of its own, which its init script makes otherwise.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  const path = spawnSync('sh', ['-c', 'command -v sshd']).stdout.toString().trim();
  const server = spawn(path, ['-D', '-f', '/dev/null', '-p', String(port), ...options.flatMap((option) => ['-o', option])], {
    stdio: 'ignore',
  });
  const over = new Promise((resolve) => server.once('close', resolve));
  context.after(async () => (server.kill('SIGTERM'), void (await over)));
  await listening(port);
  return port;
}

test('ssh through sallyport tcp, with connect as its ProxyCommand', { skip: lacks('sshd', 'ssh', 'ssh-keygen') }, async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-ssh-'));
  context.after(async () => rmSync(folder, { recursive: true, force: true }));
  const sshPort = await startSshd(context, folder);
  const share = run(context, ['tcp', String(sshPort), '--name', 'shell'], { home: await freshHome(context) });
  const ready = await share.line('ready');
  const { host } = new URL(text(ready, 'url'));
  const proxy = `${process.execPath} ${MAIN} connect ${host} --stdio --ca ${text(ready, 'ca')}`;
  const options = [`ProxyCommand=${proxy}`, 'StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'BatchMode=yes', 'LogLevel=ERROR'];
  const words = ['-F', 'none', '-i', join(folder, 'id'), ...options.flatMap((option) => ['-o', option]), `${userInfo().username}@shell`];
  const env = { SALLYPORT_LINK: linkOf(ready), SALLYPORT_HOME: await freshHome(context) };
  const found = await output('ssh', [...words, 'head -c 3000000 /dev/zero | wc -c; echo $SSH_CONNECTION'], env);
  assert.match(found.out, /^\s*3000000\n127\.83\./);
  assert.equal(found.code, 0);
});
