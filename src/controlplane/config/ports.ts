/** Services at a port of a relay's own: the key that says which, and what cannot stand beside it. */

import { z } from 'zod';
import { portName, type RelayPort, type Transport } from '../../core/port-name.ts';
import type { Access, Behind } from './plan.ts';
import type { Warning } from './presets.ts';
import { impossibleGuard } from './unread.ts';

type AtPort = Extract<Behind, { is: 'port' }>;

const expected = 'a port from 1 to 65535';

/** `port:` of a service. */
export function portKey() {
  return z
    .int({ error: expected })
    .min(1, expected)
    .max(65_535, expected)
    .optional()
    .describe('A port of the relay that leads to this service, for tcp:// and udp://, as it was granted (relay invite --ports).');
}

/** With its port, what is reached by `tcp://` is no TLS of ours any more. */
export function atPort(behind: Behind, port: number | undefined): Behind {
  if (port === undefined || (behind.is !== 'tcp' && behind.is !== 'port')) return behind;
  const transport = behind.is === 'port' ? behind.transport : 'tcp';
  return { is: 'port', transport, host: behind.host, port: behind.port, at: port };
}

/** What the service itself speaks, for whoever dials it. */
export function dialledBehind(behind: Behind): Exclude<Behind, AtPort> | Readonly<{ is: 'udp'; host: string; port: number }> {
  if (behind.is !== 'port') return behind;
  const { transport, host, port } = behind;
  return { is: transport, host, port };
}

/** The port of such a service; null for every other. */
export function portOf(behind: Behind): RelayPort | null {
  return behind.is === 'port' && behind.at !== null ? { transport: behind.transport, port: behind.at } : null;
}

/** It has this one name. */
export function portNames(behind: Behind): readonly string[] | null {
  const port = portOf(behind);
  return port === null ? null : [portName(port)];
}

/** The part of a service that is looked at, as the schema gives it. */
export type PortedService = Readonly<{
  to?: Behind | undefined;
  port?: number | undefined;
  at?: unknown;
  access?: Access | undefined;
  proxy?: 'v1' | 'v2' | undefined;
  rewritehost?: unknown;
  rawheaders?: unknown;
}>;

export type PortProblem = Readonly<{ key: string; sentence: string }>;

/** Which services have which port: the same twice would be two gateways at one door. */
export type ClaimedPorts = Map<string, string>;

/** Mistakes of one service, in no order. */
export function portProblems(
  name: string,
  service: PortedService,
  file: Readonly<{ relay?: unknown; listen?: unknown; claimed: ClaimedPorts }>,
): readonly PortProblem[] {
  const { to, port } = service;
  if (port === undefined && to?.is !== 'port') return [];
  if (to === undefined || (to.is !== 'tcp' && to.is !== 'port'))
    return [{ key: 'port', sentence: 'found it without tcp:// or udp:// in to, expected one of them' }];
  const transport = to.is === 'port' ? to.transport : 'tcp';
  if (port === undefined)
    return [{ key: 'to', sentence: 'found udp:// and no port, expected one that the relay granted, like port: 5353' }];
  const problems: PortProblem[] = [];
  if (service.at !== undefined)
    problems.push({ key: 'at', sentence: 'found it beside port, expected one of both: a raw port has no name' });
  if (file.listen !== undefined && file.relay === undefined)
    problems.push({ key: 'port', sentence: 'found it beside listen, expected it beside relay: it is a port of the relay' });
  if (transport === 'udp' && service.proxy !== undefined)
    problems.push({ key: 'proxy', sentence: 'found it beside udp://, expected it beside tcp:// and http only' });
  for (const key of ['rewritehost', 'rawheaders'] as const) {
    if (service[key] !== undefined && service[key] !== false)
      problems.push({ key, sentence: `found it beside ${transport}://, expected it beside http only` });
  }
  problems.push(...accessProblems(service.access, transport));
  const claim = portName({ transport, port });
  const other = file.claimed.get(claim);
  if (other !== undefined)
    problems.push({ key: 'port', sentence: `found ${claim}, which belongs to services.${other}, expected one service a port` });
  file.claimed.set(claim, name);
  return problems;
}

/** Nothing is read on a raw port, so nobody can be asked for anything. */
function accessProblems(access: Access | undefined, transport: Transport): readonly PortProblem[] {
  const instead = transport === 'tcp' ? '; without port visitors come by sallyport connect, and a password or link can be asked for' : '';
  if (access === undefined)
    return [
      {
        key: 'port',
        sentence: `found it and no access, expected [public], [{ ip: [192.0.2.0/24] }] or [{ login: { service: web, for: 2h } }]: a raw port is passed on unread${instead}`,
      },
    ];
  const impossible = impossibleGuard(access, 'port');
  return impossible === null
    ? []
    : [{ key: 'access', sentence: `found ${impossible}, which cannot be asked on a raw port, expected public, ip or login${instead}` }];
}

/** What the owner of such a service must know. */
export function portWarnings(name: string, behind: Behind, access: Access | null): readonly Warning[] {
  if (behind.is !== 'port') return [];
  const isOpen = access?.some((uses) => uses.every(({ guard }) => guard === 'public')) ?? true;
  return [
    {
      code: 'port-raw',
      message: `The relay can read what goes over ${behind.transport} port ${behind.at} to ${name}, unless ${name} encrypts it itself.`,
      hint: `${behind.transport === 'udp' ? 'QUIC, DTLS and WireGuard do; DNS does not' : 'ssh and TLS do; most others do not'}.${
        isOpen ? ` Anybody who reaches the port reaches ${name} itself: nothing of Sallyport asks who they are.` : ''
      }`,
    },
  ];
}
