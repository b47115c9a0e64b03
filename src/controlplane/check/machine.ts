/** What of this machine would keep a gateway from working: ports, the clock, the runtime. */

import { createServer } from 'node:net';
import { systemCode } from '../../core/system-error.ts';
import type { Listen } from '../config/plan.ts';

export type Check = Readonly<{ check: string; state: 'ok' | 'warning' | 'failed'; why: string; hint: string | null }>;

/** Certificates are read with less than this; half a minute makes one-time codes fail, an hour makes new certificates "not yet valid". */
const clockMsMax = 60_000;

/** Whether each can be listened on: tried, and given back at once. One that is taken may be taken by our own gateway. */
export async function checkPorts(listen: readonly Listen[]): Promise<readonly Check[]> {
  const found: Check[] = [];
  for (const { host, port } of listen) {
    const check = `port ${port} of ${host}`;
    const code = await tryPort(host, port);
    if (code === null) found.push({ check, state: 'ok', why: 'it is free', hint: null });
    else if (code === 'EADDRINUSE')
      found.push({
        check,
        state: 'warning',
        why: 'somebody listens there: this gateway, if it runs',
        hint: 'sallyport status shows what runs.',
      });
    else if (code === 'EACCES')
      found.push({ check, state: 'failed', why: 'this user may not listen there', hint: 'Ports below 1024 need CAP_NET_BIND_SERVICE.' });
    else
      found.push({
        check,
        state: 'failed',
        why: `it cannot be listened on (${code})`,
        hint: 'Use an address of this machine, or 0.0.0.0.',
      });
  }
  return found;
}

/** @param date as a server that is trusted says it (RFC 9110, 6.6.1); null when none was asked */
export function checkClock(date: string | null, now: number): Check {
  const theirs = date === null ? Number.NaN : Date.parse(date);
  if (Number.isNaN(theirs))
    return { check: 'clock', state: 'ok', why: `it says ${new Date(now).toISOString()}; nobody was asked`, hint: null };
  const off = Math.abs(theirs - now);
  return off <= clockMsMax
    ? { check: 'clock', state: 'ok', why: 'it agrees with the certificate authority', hint: null }
    : {
        check: 'clock',
        state: 'failed',
        why: `it is ${Math.round(off / 1_000)} s ${theirs > now ? 'behind' : 'ahead of'} the certificate authority`,
        hint: 'Certificates, links and signatures depend on it: turn on time synchronisation (timedatectl set-ntp true).',
      };
}

/** @param node like `26.10.0` */
export function checkRuntime(node: string): Check {
  const [major = 0, minor = 0] = node.split('.').map(Number);
  const fits = (major === 24 && minor >= 21) || (major === 26 && minor >= 10) || major > 26;
  return fits
    ? { check: 'runtime', state: 'ok', why: `Node ${node}`, hint: null }
    : {
        check: 'runtime',
        state: 'failed',
        why: `Node ${node} is not one that Sallyport is tested with`,
        hint: 'Use Node 26.10 or newer, or 24.21.',
      };
}

function tryPort(host: string, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error) => resolve(systemCode(error) ?? 'unknown'));
    server.listen({ host, port }, () => server.close(() => resolve(null)));
  });
}
