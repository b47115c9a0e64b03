/** Two networks on one machine with a long way between them, on which packets are delayed and lost: what a proxy cannot do to TCP. */

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';

type Context = Readonly<{ after: (done: () => void | Promise<void>) => void }>;

export type Side = Readonly<{
  address: string;
  /** Words before a command that runs there. */
  under: readonly string[];
}>;

export type LossyWay = Readonly<{ near: Side; far: Side; lose: (percent: number) => void }>;

/** netem is a module that many kernels lack; TUN and a small forwarder are nearly everywhere. */
const needed = ['/usr/sbin/ip', '/sbin/ip'];

/** Why there can be none on this machine; null when there can. */
export function noWay(): string | null {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'no root on Linux';
  if (!needed.some((path) => existsSync(path))) return 'no ip';
  if (!existsSync('/dev/net/tun')) return 'no /dev/net/tun';
  if (spawnSync('python3', ['-c', '']).status !== 0) return 'no python3';
  const name = `sallyport-${process.pid}-try`;
  const may = spawnSync('ip', ['netns', 'add', name]).status === 0;
  spawnSync('ip', ['netns', 'del', name]);
  return may ? null : 'no network namespaces';
}

/** @param delayMs of each direction */
export async function lossyWay(context: Context, { delayMs, mtu }: Readonly<{ delayMs: number; mtu: number }>): Promise<LossyWay> {
  const [near, far] = [`sallyport-${process.pid}-near`, `sallyport-${process.pid}-far`];
  const names = [near, far];
  context.after(() => names.forEach((name) => spawnSync('ip', ['netns', 'del', name])));
  for (const name of names) spawnSync('ip', ['netns', 'add', name]);
  // Of the networks that are set aside for documentation (RFC 5737).
  const words = [near, '198.51.100.1/24', far, '198.51.100.2/24', String(mtu), String(delayMs)];
  const forwarder = spawn('python3', [`${import.meta.dirname}/lossy-way.py`, ...words], { stdio: ['pipe', 'pipe', 'inherit'] });
  context.after(async () => {
    if (forwarder.exitCode !== null) return;
    forwarder.kill('SIGKILL');
    await once(forwarder, 'close');
  });
  const [said] = (await Promise.race([once(createInterface({ input: forwarder.stdout }), 'line'), once(forwarder, 'exit')])) as unknown[];
  if (said !== 'ready') throw new Error('the way could not be made');
  const side = (name: string, address: string): Side => ({ address, under: ['ip', 'netns', 'exec', name] });
  return {
    near: side(near, '198.51.100.1'),
    far: side(far, '198.51.100.2'),
    lose: (percent) => void forwarder.stdin.write(`loss ${percent}\n`),
  };
}
