/** Whether somebody listens on a port of this machine, read from the kernel's own table: nothing is sent to the service. */

import { readFile } from 'node:fs/promises';

/** `v6`: on ::1 alone, where there is no second loopback address. `unknown`: this system has no such table. */
export type Listening = 'nobody' | 'v4' | 'v6' | 'unknown';

const LISTEN = '0A';
/** Addresses are written in the machine's byte order; these are little-endian, as every machine that Node runs on. */
const V6_LOOPBACK = '00000000000000000000000001000000';

/** Never throws. A port that the firewall leads elsewhere (some containers) looks like nobody's. */
export async function whoListens(port: number, tables: readonly string[] = ['/proc/net/tcp', '/proc/net/tcp6']): Promise<Listening> {
  const read = await Promise.all(tables.map((path) => readFile(path, 'latin1').catch(() => null)));
  if (read.every((text) => text === null)) return 'unknown';
  const addresses = read.flatMap((text) => addressesOf(text ?? '', port));
  if (addresses.some(takesV4)) return 'v4';
  return addresses.includes(V6_LOOPBACK) ? 'v6' : 'nobody';
}

/** A busy machine has thousands of lines: only those that name the port are taken apart. */
function addressesOf(table: string, port: number): readonly string[] {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const addresses: string[] = [];
  for (let at = table.indexOf(wanted); at !== -1; at = table.indexOf(wanted, at + 1)) {
    const end = table.indexOf('\n', at);
    const line = table.slice(table.lastIndexOf('\n', at) + 1, end === -1 ? table.length : end);
    const [, local = '', , state] = line.trim().split(/\s+/);
    if (state === LISTEN && local.endsWith(wanted)) addresses.push(local.slice(0, -wanted.length));
  }
  return addresses;
}

/** 127.x.y.z, 0.0.0.0, :: (which takes both kinds as a rule), and 127.x.y.z written as IPv6. */
function takesV4(address: string): boolean {
  return /^0+$/.test(address) || /^(?:0{16}FFFF0000)?[0-9A-F]{6}7F$/.test(address);
}
