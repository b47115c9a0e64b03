/** Real servers for real programs: OpenSSH on a port of its own, and a name server of one name. */

import { spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import type { freshHome } from './program.ts';

type Context = Parameters<typeof freshHome>[0];

/** Why a test is not run: the first of these programs that is not here. */
export function lacks(...tools: readonly string[]): string | false {
  const missing = tools.find((tool) => spawnSync('sh', ['-c', `command -v ${tool}`]).status !== 0);
  return missing === undefined ? false : `not run: no ${missing}`;
}

/** Runs without blocking the event loop. */
export function output(
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

/** Resolves when somebody listens there. */
export async function listening(port: number): Promise<void> {
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

/** An sshd that lets in whoever has the key `id` in this folder. Returns its port. */
export async function startSshd(context: Context, folder: string): Promise<number> {
  const port = await freePort();
  for (const name of ['host', 'id']) {
    const made = spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, name)]);
    if (made.status !== 0) throw new Error(made.stderr.toString());
  }
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

/** How ssh is called: with that key, and no files of its user. */
export function sshWords(folder: string): readonly string[] {
  const options = ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'BatchMode=yes', 'LogLevel=ERROR'];
  return ['-F', 'none', '-i', join(folder, 'id'), ...options.flatMap((option) => ['-o', option])];
}

/**
 * A name server (RFC 1035, 4) that answers every question with the address 192.0.2.53. `sources` are the addresses that asked. Returns its port.
 */
export async function startNameServer(context: Context, sources: Set<string>): Promise<number> {
  const socket = createSocket('udp4');
  socket.on('message', (query, from) => {
    sources.add(from.address);
    // Nothing to answer: what looks whether the port leads here.
    if (query.length < 17) return;
    let end = 12;
    while (query[end] !== 0 && end < query.length - 5) end += (query[end] ?? 0) + 1;
    const question = query.subarray(12, end + 5);
    const header = Buffer.from([query[0] ?? 0, query[1] ?? 0, 0x85, 0x00, 0, 1, 0, 1, 0, 0, 0, 0]);
    const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 53]);
    socket.send(Buffer.concat([header, question, record]), from.port, from.address);
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  context.after(async () => void socket.close());
  return socket.address().port;
}
