/** Sockets that are bound and not listened on yet: made here, or handed over by whoever started this process. */

import net, { isIP } from 'node:net';
import { getSystemErrorName } from 'node:util';

/** A bound socket as Node passes it to another process. */
export type Handle = Readonly<{
  fd: number;
  getsockname: (into: object) => number;
  getpeername?: (into: object) => number;
  close: () => void;
}>;

export type At = Readonly<{ host: string; port: number }>;

/** What `systemd.socket(5)` handed over: `name` is its FileDescriptorName, `unknown` where there is none. */
export type HandedSocket = At & Readonly<{ name: string; handle: Handle }>;

/**
 * The one call of Node for a socket that is bound and not listened on: `cluster` makes its own by it. Node documents how such
 * a handle is sent and listened on, and not this; its tests are src/relay/held-sockets.test.ts and bound-handles.test.ts.
 */
const { _createServerHandle: createServerHandle } = net as typeof net & {
  _createServerHandle: (host: string, port: number, family: number, fd: number | undefined, flags: number) => Handle | number;
};

/** A socket of this address, or the name of the system's error. `host` is a number. */
export function bindHandle({ host, port }: At): Handle | string {
  const made = isIP(host) === 0 ? -22 : createServerHandle(host, port, isIP(host), undefined, 0);
  if (typeof made === 'number') return getSystemErrorName(made);
  // libuv keeps "address in use" to itself until somebody asks; a socket that is not bound would listen on any port.
  const wrong = made.getsockname({});
  if (wrong === 0) return made;
  made.close();
  return getSystemErrorName(wrong);
}

/** The first of the descriptors that are handed over: SD_LISTEN_FDS_START. */
const firstFd = 3;

/**
 * What this process was handed (sd_listen_fds(3)): nothing unless LISTEN_PID names it. The variables are taken away, so that
 * no process that we start believes them; Node has made the descriptors close-on-exec.
 * @returns `odd` names what is no listening TCP socket of an address, in words
 */
export function handedSockets(
  env: NodeJS.ProcessEnv,
  { pid, most }: Readonly<{ pid: number; most: number }>,
): Readonly<{ sockets: readonly HandedSocket[]; odd: readonly string[] }> {
  const { LISTEN_PID: forPid, LISTEN_FDS: counted = '', LISTEN_FDNAMES: named = '' } = env;
  for (const key of ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES', 'LISTEN_PIDFDID']) delete env[key];
  if (forPid !== String(pid) || !/^\d{1,4}$/.test(counted)) return { sockets: [], odd: [] };
  const names = named.split(':');
  const sockets: HandedSocket[] = [];
  const odd: string[] = [];
  for (let index = 0; index < Math.min(Number(counted), most); index += 1) {
    const name = names[index] || 'unknown';
    const found = adopted(firstFd + index);
    if (found === null) odd.push(`${name} (descriptor ${firstFd + index})`);
    else sockets.push({ ...found, name });
  }
  if (Number(counted) > most) odd.push(`all behind the ${most}th`);
  return { sockets, odd };
}

function adopted(fd: number): (At & Readonly<{ handle: Handle }>) | null {
  try {
    const handle = createServerHandle('', 0, -1, fd, 0);
    if (typeof handle === 'number' || typeof handle.getsockname !== 'function') return null;
    const into: { address?: string; port?: number } = {};
    // A socket that is connected has a name as well: whoever passes one (Accept=yes) means something else.
    const wrong = handle.getsockname(into) !== 0 || into.address === undefined || into.port === undefined || into.port === 0;
    return wrong || isConnected(handle) ? null : { host: into.address ?? '', port: into.port ?? 0, handle };
  } catch {
    // A file, a pipe, nothing at all.
    return null;
  }
}

function isConnected(handle: Handle): boolean {
  return handle.getpeername?.({}) === 0;
}

/** Whether a socket of `has` is what somebody means who asks for `wants`: `ListenStream=443` is both families at once. */
export function isFor(wants: At, has: At): boolean {
  if (wants.port !== has.port) return false;
  if (wants.host === 'localhost') return has.host === '127.0.0.1' || has.host === '::1';
  return wants.host === has.host || (wants.host === '0.0.0.0' && has.host === '::');
}
