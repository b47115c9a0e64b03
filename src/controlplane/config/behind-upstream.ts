/** From what lies behind a service to what dials it: one upstream, or several that are balanced. */

import type { Balancing, Member } from '../../contracts/balance.ts';
import type { Tools } from '../../contracts/tools.ts';
import type { BuiltUpstream, Upstream } from '../../contracts/upstream.ts';
import { parseIp, hostPort } from '../../core/address.ts';
import { SallyportError } from '../../core/errors.ts';
import { usualBalance } from './balance-plan.ts';
import { limitsOf } from './limit-keys.ts';
import type { Behind, BehindMember, ServicePlan } from './plan.ts';
import { dialledBehind } from './ports.ts';
import { ownSource } from './source.ts';

export type UpstreamWorld = Readonly<{
  upstreams: ReadonlyMap<string, Upstream<unknown>>;
  /** Left out where there is none: then a list is a mistake. */
  balancing?: Balancing;
  platform: string;
}>;

/** @param place tells the lists of a service apart: its name, or a route of it */
export function buildUpstream(plan: ServicePlan, place: string, world: UpstreamWorld, tools: Tools): BuiltUpstream {
  const { behind, balance, timeouts } = plan;
  const own = limitsOf(tools.limits, plan.limits);
  const limits = timeouts?.dialMs === undefined ? own : { ...own, dialMs: timeouts.dialMs };
  const suited = { ...tools, limits };
  const members = membersOf(plan);
  if (members === null) return buildOne(plan, behind, null, world, suited);
  if (world.balancing === undefined) throw new SallyportError('program-failed', 'There is nothing that balances.');
  const { rules, connections } = balance ?? usualBalance;
  const each = { ...suited, limits: { ...limits, upstreamsPerServiceMax: connections ?? limits.upstreamsPerServiceMax } };
  return world.balancing.build({
    service: plan.name,
    place,
    members: members.map((member): Member => ({
      words: memberWords(member.behind),
      name: nameOf(member.behind),
      weight: member.weight,
      emergency: member.emergency,
      build: (address) => buildOne(plan, member.behind, address, world, each),
    })),
    rules: { ...rules, exchangesMax: plan.limits?.connections ?? null },
  });
}

/** Null where one upstream is all: it costs nothing more than it did. */
function membersOf({ behind, balance }: ServicePlan): readonly BehindMember[] | null {
  if (behind.is !== 'http' && behind.is !== 'tcp' && behind.is !== 'tls') return null;
  if (behind.members !== undefined) return behind.members;
  return balance === undefined ? null : [{ behind, weight: 1, emergency: false }];
}

/** @param address one of the addresses of its name, to be dialled in its place */
function buildOne(plan: ServicePlan, said: Behind, address: string | null, world: UpstreamWorld, tools: Tools): BuiltUpstream {
  const behind = dialledBehind(said);
  const kind = behind.is === 'tls' ? 'tcp' : behind.is;
  const upstream = world.upstreams.get(kind);
  if (upstream === undefined) throw new SallyportError('program-failed', `There is no upstream ${kind}.`);
  const options = !('host' in behind)
    ? optionsOf(behind)
    : {
        hosts: address === null ? dialled(behind.host) : [address],
        port: behind.port,
        from: plan.from ?? ownSource(plan.name, address ?? behind.host, world.platform),
        ...(plan.proxy === null ? {} : { proxy: plan.proxy }),
        ...(behind.is === 'http' ? asked(plan, behind, address) : { scheme: behind.is }),
      };
  return upstream.build(upstream.options.parse(options), tools);
}

/** What an HTTP service is asked in and where, and whom we take for it. */
function asked({ verify }: ServicePlan, { speaks, host, socket }: Extract<Behind, { is: 'http' }>, address: string | null): object {
  if (socket !== undefined) return { socket };
  if (speaks === undefined) return address === null ? {} : { name: host };
  return { speaks, name: host, ...(verify === undefined ? {} : { trust: verify }) };
}

function optionsOf(behind: Exclude<Behind, { host: string }>): unknown {
  if (behind.is === 'egress') return behind.way;
  const { is, ...options } = behind;
  return is === 'folder' ? { path: behind.path, indexes: behind.indexes } : options;
}

/** `localhost` may be either loopback: a development server listens on one of both. Names below it are here as well (RFC 6761, 6.3). */
function dialled(host: string): readonly string[] {
  return isLocalName(host) ? ['127.0.0.1', '::1'] : [host];
}

function isLocalName(host: string): boolean {
  return host === 'localhost' || host.endsWith('.localhost');
}

/** A name that DNS knows, each address of which is a backend of its own. */
function nameOf(behind: BehindMember['behind']): string | null {
  const { host } = behind;
  return isLocalName(host) || parseIp(host) !== null || 'socket' in behind ? null : host;
}

function memberWords(behind: BehindMember['behind']): string {
  if (behind.is !== 'http') return `${behind.is}://${hostPort(behind.host, behind.port)}`;
  return behind.socket === undefined ? `${behind.speaks ?? 'http'}://${hostPort(behind.host, behind.port)}` : `unix:${behind.socket}`;
}
