/** Where the control socket of a process lies: in the home, or beside it when the path is too long for a socket. */

import { randomBytes } from 'node:crypto';
import { lstat, mkdtemp, readdir, rm, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import type { Home } from '../home.ts';
import { createPrivate, readPrivate } from '../private-file.ts';

/** `sun_path` holds 108 bytes on Linux and 104 on macOS, the last of them NUL. */
const pathBytesMax = process.platform === 'darwin' ? 103 : 107;
const pathFileBytesMax = 4_096;
/** A socket that refuses and is younger may be one that is not listening yet. */
const youngMs = 10_000;

/** A process of this home, by its socket. `record` is the file that stands in the home: the socket itself, or a `.path` that names it. */
export type SocketPlace = Readonly<{ pid: number; socket: string; record: string }>;

/** A free place for this process. What a killed process of the same number left there is removed. */
export async function placeFor(home: Home, pid: number, env: NodeJS.ProcessEnv): Promise<SocketPlace> {
  for (let name = `${pid}`; ; name = `${pid}-${randomBytes(3).toString('hex')}`) {
    const own = join(home.run, `${name}.sock`);
    if (Buffer.byteLength(own) <= pathBytesMax) {
      // Alive: another container's process with our number, over one shared home.
      if (await answers(own)) continue;
      await unlink(own).catch(() => undefined);
      return { pid, socket: own, record: own };
    }
    const record = join(home.run, `${name}.path`);
    const there = await readPrivate(record, pathFileBytesMax);
    if (there !== null && (await answers(there.trim()))) continue;
    await unlink(record).catch(() => undefined);
    const socket = await besideHome(name, env);
    await createPrivate(record, `${socket}\n`);
    return { pid, socket, record };
  }
}

/** The sockets of all processes that were started on this home and not seen to be dead. */
export async function placesOf(home: Home): Promise<readonly SocketPlace[]> {
  const places: SocketPlace[] = [];
  for (const name of await readdir(home.run).catch(() => [])) {
    const [, pid, kind] = /^(\d{1,10})(?:-[0-9a-f]{6})?\.(sock|path)$/.exec(name) ?? [];
    if (pid === undefined) continue;
    const record = join(home.run, name);
    const socket = kind === 'sock' ? record : (await readPrivate(record, pathFileBytesMax))?.trim();
    if (socket !== undefined && isAbsolute(socket)) places.push({ pid: Number(pid), socket, record });
  }
  return places;
}

/** Takes away what a killed process left. Young ones stay. */
export async function removeStale(place: SocketPlace): Promise<void> {
  const found = await lstat(place.record).catch(() => null);
  if (found === null || Date.now() - found.mtimeMs < youngMs) return;
  await removePlace(place);
}

/** The socket, its record, and the folder that was made for it alone. */
export async function removePlace({ socket, record }: SocketPlace): Promise<void> {
  await unlink(record).catch(() => undefined);
  if (socket === record) return;
  await unlink(socket).catch(() => undefined);
  if (/[/\\]sallyport-\w{6}$/.test(dirname(socket))) await rm(dirname(socket), { recursive: true, force: true });
}

/** The runtime directory if it is ours alone, else a folder of our own (0700) among the temporary ones. */
async function besideHome(name: string, env: NodeJS.ProcessEnv): Promise<string> {
  const runtime = env['XDG_RUNTIME_DIR'];
  if (runtime !== undefined && isAbsolute(runtime) && (await isOursAlone(runtime))) {
    const socket = join(runtime, `sallyport-${name}-${randomBytes(4).toString('hex')}.sock`);
    if (Buffer.byteLength(socket) <= pathBytesMax) return socket;
  }
  const socket = join(await mkdtemp(join(tmpdir(), 'sallyport-')), 's');
  // Where even that is too long there is one place that never is.
  return Buffer.byteLength(socket) <= pathBytesMax ? socket : join(await mkdtemp('/tmp/sallyport-'), 's');
}

async function isOursAlone(folder: string): Promise<boolean> {
  const found = await lstat(folder).catch(() => null);
  return found !== null && found.isDirectory() && found.uid === process.getuid?.() && (found.mode & 0o077) === 0;
}

function answers(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect({ path: socket });
    const settle = (alive: boolean): void => {
      probe.destroy();
      resolve(alive);
    };
    probe.once('connect', () => settle(true));
    probe.once('error', () => settle(false));
  });
}
