/** Processes that a bench starts: their CPU time, and their sure end. */

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';

/** Linux counts in hundredths of a second whatever the kernel's own tick is (USER_HZ, proc(5)). */
const ticksPerSecond = 100;

const started = new Set<ChildProcess>();

export type Program = Readonly<{
  child: ChildProcess;
  /** Lines of standard output, as they come. */
  lines: AsyncIterator<string>;
  /** What it wrote to standard error, the last of it: for the message when it fails. */
  complaint: () => string;
}>;

/** Starts a program in a group of its own, so that its children end with it. */
export function start(file: string, words: readonly string[], env: NodeJS.ProcessEnv = {}, input?: string): Program {
  const child = spawn(file, words, {
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, SALLYPORT_USER: 'root', ...env },
  });
  let said = '';
  child.stderr.on('data', (bytes: Buffer) => (said = `${said}${bytes.toString()}`.slice(-2_000)));
  child.on('error', (error) => (said += error.message));
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  started.add(child);
  child.once('exit', () => started.delete(child));
  return { child, lines: createInterface(child.stdout)[Symbol.asyncIterator](), complaint: () => said.trim() };
}

export function stop(program: Program): void {
  killGroup(program.child, 'SIGTERM');
}

/** Ends whatever is left; the last thing that a bench does, also when it is interrupted. */
export function stopAll(): void {
  for (const child of started) killGroup(child, 'SIGKILL');
}

function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined || child.exitCode !== null) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    child.kill(signal);
  }
}

type Stat = Readonly<{ pid: number; parent: number; ticks: number }>;

function stats(): readonly Stat[] {
  const found: Stat[] = [];
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    try {
      // After the name in brackets: state ppid pgrp … utime stime cutime cstime are fields 14 to 17.
      const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
      const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
      const ticks = [11, 12, 13, 14].reduce((sum, index) => sum + Number(fields[index]), 0);
      found.push({ pid, parent: Number(fields[1]), ticks });
    } catch {
      // It ended between the two looks.
    }
  }
  return found;
}

/** Seconds of CPU that the programs and all below them have used so far, user and system. */
export function cpuSeconds(programs: readonly Program[]): number {
  const all = stats();
  const ours = new Set(programs.map(({ child }) => child.pid));
  for (let grew = true; grew;) {
    grew = false;
    for (const { pid, parent } of all) {
      if (ours.has(parent) && !ours.has(pid)) {
        ours.add(pid);
        grew = true;
      }
    }
  }
  return all.reduce((sum, { pid, ticks }) => sum + (ours.has(pid) ? ticks : 0), 0) / ticksPerSecond;
}

/** A port that was free a moment ago: the peers cannot be told to choose one themselves. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** Waits until something listens, 15 s at most. */
export async function listening(port: number, program: Program): Promise<void> {
  for (let attempt = 0; attempt < 150; attempt++) {
    const socket = createConnection(port, '127.0.0.1');
    const open = await new Promise<boolean>((resolve) => socket.once('connect', () => resolve(true)).once('error', () => resolve(false)));
    socket.destroy();
    if (open) return;
    await pause(100);
  }
  throw new Error(`Nothing listens on port ${port}. ${program.complaint()}`);
}

/** The absolute path of a program, or null. Servers lie in sbin, which is not on everybody's PATH. */
export function find(name: string): string | null {
  for (const folder of [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/usr/local/sbin']) {
    try {
      if (readdirSync(folder).includes(name)) return `${folder}/${name}`;
    } catch {
      // A folder of PATH that does not exist.
    }
  }
  return null;
}
