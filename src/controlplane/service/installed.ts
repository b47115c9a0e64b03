/** Units on the disk and in systemd: written, removed and asked for, and never another's. */

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, rename, unlink, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { SallyportError } from '../../core/errors.ts';
import { fileFault, systemCode } from '../../core/system-error.ts';
import { unitMark } from './unit.ts';

export type UnitFile = Readonly<{ path: string; text: string }>;

/** What systemd's own program may take. */
const systemctlMs = 60_000;

/** Errors: `name-taken` where another's file stands there; nothing is written then. `home-unwritable`, `disk-full`. */
export async function writeUnits(files: readonly UnitFile[]): Promise<void> {
  await assertOurs(files.map(({ path }) => path));
  for (const { path, text } of files) {
    try {
      await mkdir(dirname(path), { recursive: true });
      // Whole or not at all: systemd may read it at any moment.
      await writeFile(`${path}.new`, text, { mode: 0o644 });
      await chmod(`${path}.new`, 0o644);
      await rename(`${path}.new`, path);
    } catch (error) {
      throw fileFault(error, 'writing', path);
    }
  }
}

/** Returns those that were there and ours. Errors: `name-taken`, `home-unwritable`. */
export async function removeUnits(paths: readonly string[]): Promise<readonly string[]> {
  await assertOurs(paths);
  const gone: string[] = [];
  for (const path of paths) {
    if (!existsSync(path)) continue;
    await unlink(path).catch((error: unknown) => {
      throw fileFault(error, 'removing', path);
    });
    gone.push(path);
  }
  return gone;
}

/** Errors: `name-taken` where one is there that we did not write. */
export async function assertOurs(paths: readonly string[]): Promise<void> {
  for (const path of paths) await assertOne(path);
}

async function assertOne(path: string): Promise<void> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return null;
    throw fileFault(error, 'reading', path);
  });
  if (text === null || text.startsWith(`${unitMark}\n`)) return;
  throw new SallyportError('name-taken', `${path} was not written by this command.`, {
    hint: 'Move it away, choose another --name, or take what you need from --print.',
  });
}

/** Where systemd's programs are: absolute, so that no PATH chooses them for us. Null: this machine has none. */
export function systemdProgram(name: 'systemctl' | 'systemd-sysusers' | 'systemd-notify'): string | null {
  return [`/usr/bin/${name}`, `/bin/${name}`].find((path) => existsSync(path)) ?? null;
}

/** Whether systemd runs this machine (sd_booted(3)); its programs may be there without it, in a container. */
export function runsSystemd(): boolean {
  return existsSync('/run/systemd/system');
}

/** What it printed, and how it ended; never throws for that. */
export function runSystemd(program: string, words: readonly string[]): Promise<Readonly<{ code: number; said: string }>> {
  return new Promise((resolve) => {
    execFile(program, [...words], { timeout: systemctlMs, encoding: 'utf8' }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
      resolve({ code, said: `${stdout}${stderr}`.trim() });
    });
  });
}
