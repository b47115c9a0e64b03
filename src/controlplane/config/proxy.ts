/** A proxy among the services of a gateway: its doors, its names, its route, and what its owner must know. */

import type { Service } from '../../contracts/snapshot.ts';
import { hostPort } from '../../core/address.ts';
import type { ProxyFacts } from '../../core/egress/destination.ts';
import { SallyportError } from '../../core/errors.ts';
import type { Exchange } from '../../core/policy/exchange.ts';
import type { Route } from '../../core/policy/route.ts';
import type { Config, Listen, ServicePlan } from './plan.ts';
import { isLoopbackHost, type Warning } from './presets.ts';
import type { EgressBehind, ProxyVia } from './proxy-plan.ts';
import type { Placed } from './router.ts';
import { impossibleGuard } from './unread.ts';

type Door = Listen & Readonly<{ proxy?: ProxyFacts }>;

/** All that is listened on: the gateway's addresses, and those of its proxies. */
export function doorsOf({ listen, services }: Pick<Config, 'listen' | 'services'>): readonly Door[] {
  const own = services.flatMap(({ name, behind, access }) =>
    behind.is === 'egress' ? behind.door.listen.map((each): Door => ({ ...each, proxy: factsOf(name, behind, access) })) : [],
  );
  return [...listen, ...own];
}

/** Whether it is reached at an address of its own, so that it needs no name. */
export function hasOwnDoor({ behind }: Pick<ServicePlan, 'behind'>): boolean {
  return behind.is === 'egress' && behind.door.listen.length > 0;
}

/** Which names of a handshake are a proxy's. The one service of a gateway has all of them. */
export function proxyNames(config: Config, built: readonly Placed[]): (name: string | null) => ProxyFacts | null {
  const byName = new Map<string, ProxyFacts>();
  let everywhere: ProxyFacts | null = null;
  for (const { name, behind, access } of config.services) {
    if (behind.is !== 'egress') continue;
    const facts = factsOf(name, behind, access);
    if (config.services.length === 1 && !hasOwnDoor({ behind })) everywhere = facts;
    for (const host of built.find(({ service }) => service.name === name)?.service.hosts ?? []) byName.set(host, facts);
  }
  return (name) => (name === null ? undefined : byName.get(name)) ?? everywhere;
}

/** Whoever came to a proxy's door, or by its name, is led by it and by no other. */
export function proxyRouter(built: readonly Placed[]): (exchange: Exchange) => Route<Service> | null {
  const proxies = new Map(built.filter(({ kind }) => kind === 'egress').map((each) => [each.service.name, each] as const));
  return (exchange) => proxies.get(exchange.listener.proxy?.service ?? '')?.variants.pick(exchange) ?? null;
}

/**
 * What the owner of a proxy must know.
 * Errors: `config-unsafe` for credentials in the clear, and for a proxy that everybody may use.
 */
export function proxyWarnings({ name, behind, access, terminate }: ServicePlan): readonly Warning[] {
  if (behind.is !== 'egress') return [];
  const impossible = access === null ? null : impossibleGuard(access, 'egress');
  if (impossible !== null) {
    throw new SallyportError('config-unsafe', `services.${name}: ${impossible} cannot be asked before a proxy.`, {
      hint: 'Say access: [{ key: {} }], [{ password: {} }] or [{ ip: [192.0.2.0/24] }]. A proxy that is open to everyone is soon known to everyone.',
    });
  }
  if (terminate === 'relay') {
    throw new SallyportError('config-unsafe', `services.${name}: a relay that ends the TLS would read the credentials of its clients.`, {
      hint: 'Leave out terminate: relay.',
    });
  }
  const { via } = behind.way;
  const unsafe = via !== undefined && via.is !== 'https' && via.secret !== null && !isLoopbackHost(via.host);
  const exposed = behind.door.udp === true && behind.door.socks5 ? behind.door.listen.find(({ host }) => !isLoopbackHost(host)) : undefined;
  const warnings: readonly Warning[] = [...(unsafe ? [viaWarning(name, via)] : []), ...(exposed === undefined ? [] : [udpWarning(name)])];
  const first = behind.door.listen.find(({ scheme, host }) => scheme === 'http' && !isLoopbackHost(host));
  if (first === undefined) return warnings;
  const where = `http://${hostPort(first.host, first.port)}`;
  if (!behind.door.clear) {
    throw new SallyportError(
      'config-unsafe',
      `services.${name} would take names and passwords in the clear at ${where}, where anybody on the way can read them.`,
      {
        hint: `Say ${where.replace('http:', 'https:')}, or clear: allow if it must be.`,
      },
    );
  }
  const message = `Names and passwords of ${name} can be read on the way: ${where} is plain HTTP and SOCKS.`;
  return [...warnings, { code: 'proxy-clear', message, hint: `Say ${where.replace('http:', 'https:')}.` }];
}

function udpWarning(name: string): Warning {
  const message = `Datagrams of the clients of ${name} can be read on the way: UDP has no part in TLS.`;
  return { code: 'proxy-clear', message, hint: 'What is sent so should be encrypted itself, as QUIC is. Or leave out udp: true.' };
}

function viaWarning(name: string, { is, host, port }: ProxyVia): Warning {
  const message = `What ${name} shows to the proxy behind it can be read on the way: ${is}://${hostPort(host, port)} has no TLS.`;
  return { code: 'proxy-clear', message, hint: 'Say https:// where it speaks that, or reach it through sallyport connect.' };
}

function factsOf(service: string, { door: { http, socks5, hide, udp, listen } }: EgressBehind, access: ServicePlan['access']): ProxyFacts {
  const datagrams = udp === undefined ? {} : { udp: socks5 && listen.length > 0 ? ('beside' as const) : ('inside' as const) };
  return Object.freeze({ service, http, socks5, hide, ...datagrams, ...challengesOf(access) });
}

/** Tokens are asked for by their own scheme; names, passwords and keys by Basic, which every client has. */
function challengesOf(access: ServicePlan['access']): Pick<ProxyFacts, 'challenges'> {
  const asked = new Set((access ?? []).flat().map(({ guard }) => guard));
  if (!asked.has('bearer')) return {};
  return { challenges: asked.has('password') || asked.has('key') ? ['Basic', 'Bearer'] : ['Bearer'] };
}
