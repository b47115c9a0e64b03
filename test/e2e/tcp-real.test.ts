/** Real programs through `sallyport tcp`: PostgreSQL with psql, OpenSSH with ssh. */

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { freePort } from './free-port.ts';
import { linkOf, text } from './lines.ts';
import { freshHome, runInside } from './program.ts';
import { lacks, listening, output, sshWords, startSshd } from './real-servers.ts';

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

    const share = runInside(context, ['tcp', String(pgPort), '--name', 'db'], { home: await freshHome(context) });
    const ready = await share.line('ready');
    const { host } = new URL(text(ready, 'url'));
    const env = { SALLYPORT_LINK: linkOf(ready) };
    const visitor = runInside(context, ['connect', host, '--ca', text(ready, 'ca')], { home: await freshHome(context), env });
    const { listen } = await visitor.line('connecting');
    const port = String(listen).split(':').at(-1) ?? '';
    const psql = (sql: string, at = port) =>
      output('psql', ['-X', '-A', '-t', '-h', '127.0.0.1', '-p', at, '-U', 'ana', 'postgres', '-c', sql], {
        PGSSLMODE: 'disable',
        PGCONNECT_TIMEOUT: '15',
      });
    let answer = await psql('select 6 * 7');
    for (let tries = 0; tries < 40 && /starting up/.test(answer.out); tries += 1) answer = await psql('select 6 * 7');
    assert.deepEqual(answer, { code: 0, out: '42\n' });
    const large = await psql("select string_agg(md5(n::text), '' order by n) from generate_series(1, 60000) n");
    assert.equal(large.out.length, 60_000 * 32 + 1);
    assert.match((await psql('select inet_client_addr()')).out, /^127\.83\./);

    // And on a raw port, where nothing of Sallyport runs beside psql.
    const rawPort = String(await freePort());
    const raw = runInside(context, ['tcp', String(pgPort), '--name', 'raw', '--port', rawPort, '--public'], {
      home: await freshHome(context),
    });
    assert.equal((await raw.line('ready'))['url'], `tcp://127.0.0.1:${rawPort}`);
    assert.equal((await psql("select string_agg(md5(n::text), '') from generate_series(1, 60000) n", rawPort)).out.length, 60_000 * 32 + 1);
    assert.match((await psql('select inet_client_addr()', rawPort)).out, /^127\.83\./);
  },
);

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

test('ssh through sallyport tcp, with connect as its ProxyCommand', { skip: lacks('sshd', 'ssh', 'ssh-keygen') }, async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-ssh-'));
  context.after(async () => rmSync(folder, { recursive: true, force: true }));
  const sshPort = await startSshd(context, folder);
  const share = runInside(context, ['tcp', String(sshPort), '--name', 'shell'], { home: await freshHome(context) });
  const ready = await share.line('ready');
  const { host } = new URL(text(ready, 'url'));
  const proxy = `${process.execPath} ${MAIN} connect ${host} --stdio --ca ${text(ready, 'ca')}`;
  const words = [...sshWords(folder), '-o', `ProxyCommand=${proxy}`, `${userInfo().username}@shell`];
  const env = { SALLYPORT_LINK: linkOf(ready), SALLYPORT_HOME: await freshHome(context) };
  const found = await output('ssh', [...words, 'head -c 3000000 /dev/zero | wc -c; echo $SSH_CONNECTION'], env);
  assert.match(found.out, /^\s*3000000\n127\.83\./);
  assert.equal(found.code, 0);
  // ssh is done and ends its ProxyCommand by a signal: nothing broke.
  assert.doesNotMatch(found.out, /sallyport:/);
});
