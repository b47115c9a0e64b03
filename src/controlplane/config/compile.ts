/** From a plan to the snapshot that the data plane reads: everything is built, or nothing is kept. */

import type { Balancing } from '../../contracts/balance.ts';
import type { Guard } from '../../contracts/guard.ts';
import type { Post } from '../../contracts/mail.ts';
import type { Service, Snapshot } from '../../contracts/snapshot.ts';
import type { Tools } from '../../contracts/tools.ts';
import type { BuiltUpstream, Forwarding, Upstream } from '../../contracts/upstream.ts';
import { SallyportError } from '../../core/errors.ts';
import { face } from '../../core/pages/face.ts';
import { limitsWith } from '../../core/limits.ts';
import type { Exchange } from '../../core/policy/exchange.ts';
import type { Route } from '../../core/policy/route.ts';
import type { About } from '../../core/policy/explain.ts';
import type { Check } from '../../core/policy/verdict.ts';
import { buildAccess } from './access.ts';
import { askingNames } from './asking.ts';
import { buildUpstream } from './behind-upstream.ts';
import { wallOf } from './firewall-keys.ts';
import { buildHolding, type Holding } from './holding.ts';
import { assertNamesApart } from './claims.ts';
import type { BuiltAccess } from './access.ts';
import type { Config, ServicePlan } from './plan.ts';
import { portNames, portWarnings } from './ports.ts';
import { offersAt } from './offers.ts';
import { buildPages, type BuiltPages } from './page-settings.ts';
import { accessOf, isLoopbackHost, localIsFree, plainRedirects, presetWarnings } from './presets.ts';
import type { Warning, Ways } from './presets.ts';
import { challengeRoute, strictTransportOf } from './transport.ts';
import type { CertificateWorld } from './transport.ts';
import { DoorBook } from './door-book.ts';
import { answering, type Answering } from './destination-question.ts';
import { hasOwnDoor, proxyNames, proxyRouter, proxyWarnings } from './proxy.ts';
import { redirectRoute } from './redirect.ts';
import { ruleWarnings } from './rule-warnings.ts';
import { placeRouter, type Placed } from './router.ts';
import { buildWeb } from './web.ts';
import { shownRoles } from './shown-roles.ts';
import { terminatedWarnings } from './terminated.ts';
import { unreadNames, unreadWarnings } from './unread.ts';
import { usualPort } from './forms.ts';

/** What a configuration meets: modules, people, and the state of this process. */
export type World = Readonly<{
  guards: ReadonlyMap<string, Guard<unknown>>;
  upstreams: ReadonlyMap<string, Upstream<unknown>>;
  /** What stands before several backends; left out where no service has them. */
  balancing?: Balancing;
  tools: Tools;
  /** What sends mail, where a configuration says how; left out: nothing does. */
  post?: Post;
  ways: Ways;
  /** All names of a service, canonical: its `at`, and those by which relays reach it, `blog.localhost`, `blog.ana.example.org`. */
  namesOf: (plan: Pick<ServicePlan, 'name' | 'at'>, hasDoors: boolean) => readonly string[];
  /** The switch of a service. */
  isOpen: (service: string) => boolean;
  /** What is said while a service's switch stands at maintenance, or null. Left out: it never does. */
  pausedBy?: (service: string) => string | null;
  /** When a service first stood open in this process, milliseconds since 1970. */
  openedAt: (service: string) => number;
  version: number;
  checkNonce: string;
  /** What is known of certificates, at this moment; left out: nothing. */
  certificates?: CertificateWorld;
  /** `process.platform`. */
  platform: string;
}>;

export type Compiled = Readonly<{
  snapshot: Snapshot;
  warnings: readonly Warning[];
  /** Who may come in, in words, by service. */
  accessWords: ReadonlyMap<string, string>;
  /** Which rule would decide about a request, and why. Errors: `usage-wrong`. */
  answer: Answering;
  /** Closes the upstreams; for the snapshot that was replaced. */
  close: () => Promise<void>;
}>;

type BuiltService = Placed &
  Readonly<{
    upstream: BuiltUpstream;
    access: BuiltAccess;
    about: ReadonlyMap<Check, About>;
    warnings: readonly Warning[];
  }>;

/**
 * Compiles a plan. Nothing listens or dials yet.
 * Errors: `config-unsafe`, `config-malformed`, and what guards and upstreams throw (`user-missing`, `file-missing`).
 */
export function compile(config: Config, world: World): Compiled {
  const limits = limitsWith({ ...world.tools.limits, ...config.limits });
  const tools: Tools = { ...world.tools, limits, mail: config.mail === undefined ? null : (world.post?.by(config.mail) ?? null) };
  const presets = presetWarnings(config, world.ways);
  const built: BuiltService[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(built.map(({ upstream }) => upstream.close()));
  };
  try {
    const doors = new DoorBook();
    for (const plan of DoorBook.order(config.services)) built.push(buildService(plan, config, world, tools, doors));
    built.sort((left, right) => placeIn(config, left) - placeIn(config, right));
    assertNamesApart(built);
    const pages = buildPages(config.pages, limits);
    const asking = askingNames(built);
    const offers = offersAt(built.map(({ service }) => service));
    const snapshot: Snapshot = Object.freeze({
      version: world.version,
      route: router(built, config, pages.route, world.certificates),
      unread: unreadNames(built.map(({ kind, service }) => ({ kind, hosts: service.hosts }))),
      face: (exchange, code) => face(exchange, code, offers(exchange.host)),
      decoy: offers('').password ? (world.guards.get('password')?.decoy?.(tools) ?? null) : null,
      services: built.map(({ service }) => service),
      proxyFor: proxyNames(config, built),
      ...(asking === null ? {} : { asking }),
      strictTransport: strictTransportOf(config, world.certificates),
      ...(pages.settings === undefined ? {} : { pages: pages.settings }),
      limits,
      checkNonce: world.checkNonce,
    });
    const accessWords = new Map(built.map(({ service, access }) => [service.name, access.words]));
    const about = new Map(built.flatMap((each) => [...each.about]));
    const answer = answering({
      snapshot,
      about: (check) => doors.about(check, about.get(check) ?? { words: 'a check' }),
      via: world.ways.relay !== null && config.listen.length === 0 ? 'relay' : 'direct',
      loopback: config.listen.every((listen) => isLoopbackHost(listen.host)),
      // When it is asked, and not when this was compiled: hours and ends depend on it.
      get now() {
        return tools.now();
      },
      rolesOf: shownRoles(tools, config),
      clientOf: (name) => tools.clients?.byName(name) ?? null,
      holderOf: (fingerprint) => tools.certificates?.own.find(fingerprint)?.name ?? null,
    });
    return {
      snapshot,
      answer,
      warnings: [...presets, ...pages.warnings, ...built.flatMap(({ warnings }) => warnings)],
      accessWords,
      close,
    };
  } catch (error) {
    // Nothing of it may stay behind; that closing goes wrong as well would hide the cause.
    close().catch(() => undefined);
    throw error;
  }
}

/** In the operator's order. */
function placeIn({ services }: Config, { service }: BuiltService): number {
  return services.findIndex(({ name }) => name === service.name);
}

function buildService(plan: ServicePlan, config: Config, world: World, tools: Tools, doors: DoorBook): BuiltService {
  const { name } = plan;
  const behindRelay = world.ways.relay !== null;
  const named = portNames(plan.behind) ?? world.namesOf(plan, config.listen.length > 0);
  // Without `at`, a gateway that listens itself gives every name to its one service.
  const hosts =
    plan.behind.is !== 'port' && !hasOwnDoor(plan) && plan.at.length === 0 && config.listen.length > 0 && config.services.length === 1
      ? []
      : named;
  if (hosts.length === 0 && !hasOwnDoor(plan) && (config.listen.length === 0 || config.services.length > 1)) {
    throw new SallyportError('config-malformed', `services.${name} has no name to be reached by.`, {
      hint: `Give it one: at: ${name}.example.org`,
    });
  }
  const { is: kind } = plan.behind;
  const door = doorOf(plan, config);
  const bare = [...proxyWarnings(plan), ...unreadWarnings(plan, world.ways), ...portWarnings(name, plan.behind, plan.access)];
  const access = buildAccess(
    accessOf(plan, config),
    localIsFree(config) && kind !== 'tls' && kind !== 'port' && kind !== 'egress',
    world.guards,
    tools,
    {
      name,
      hosts: named,
      behindRelay,
      door,
    },
  );
  doors.add(plan, access, config);
  const holding = buildHolding(plan, world.guards, tools, { name, hosts: named, behindRelay }, config.clients);
  const ends = [plan.expires, plan.forMs === null ? null : world.openedAt(name) + plan.forMs].filter((end) => end !== null);
  const base = {
    name,
    hosts,
    open: world.isOpen(name),
    expires: ends.length === 0 ? null : Math.min(...ends),
    guarded: access.guarded,
    ...(plan.terminate === 'relay' ? { relayTerminates: true as const } : {}),
    asksPassword: accessOf(plan, config).some((uses) => uses.some((use) => use.guard === 'password')),
    forms: [...access.forms, ...doors.formsAt(name, access, tools)],
    ...pagesOf(plan, holding),
  };
  const { service, variants, upstream } = buildWeb(plan, base, {
    access,
    always: holding.authorize.map(({ check }) => check),
    meter: holding.meter.map(({ check }) => check),
    make: (each, place) => ({ upstream: buildUpstream(each, place, world, tools), forwarding: forwardingOf(each) }),
    world: { guards: world.guards, tools, pausedBy: world.pausedBy ?? (() => null), behindRelay },
  });
  const about = new Map([...access.about, ...variants.about, ...holding.authorize.map((guard) => [guard.check, guard] as const)]);
  return {
    kind,
    service,
    variants,
    places: plan.web?.places ?? [],
    upstream,
    access,
    about,
    warnings: [...access.warnings, ...bare, ...ruleWarnings(plan, behindRelay), ...serviceWarnings(plan)],
  };
}

/** Services that share a name have one door: the first of them. */
function doorOf(plan: ServicePlan, { services }: Config): string {
  return services.find(({ at }) => at.some((host) => plan.at.includes(host)))?.name ?? plan.name;
}

function forwardingOf(plan: ServicePlan): Forwarding {
  const { behind, rewriteHost, rawHeaders, limits, timeouts } = plan;
  const target =
    behind.is === 'http'
      ? `${behind.host.includes(':') ? `[${behind.host}]` : behind.host}${behind.port === usualPort(behind.speaks ?? 'http') ? '' : `:${behind.port}`}`
      : null;
  const body = limits?.bodyBytes ?? null;
  const host = rewriteHost.to === 'keep' ? null : rewriteHost.to === 'name' ? rewriteHost.name : target;
  return Object.freeze({
    host,
    hostless: target ?? '',
    spent: [],
    forwarded: !rawHeaders,
    ...(body === null ? {} : { bodyBytesMax: body }),
    ...(timeouts?.answerMs === undefined ? {} : { answerMs: timeouts.answerMs }),
    ...(timeouts?.idleMs === undefined ? {} : { idleMs: timeouts.idleMs }),
    ...wallOf(plan),
  });
}

/** A proxy that hides has no page either. */
function pagesOf({ behind }: ServicePlan, { authorize }: Holding): Pick<Service, 'pages'> {
  if (behind.is !== 'egress' || behind.door.hide) return {};
  return { pages: authorize.flatMap(({ pages = [] }) => pages) };
}

function serviceWarnings(plan: ServicePlan): readonly Warning[] {
  return [...terminatedWarnings(plan), ...sourceWarnings(plan)];
}

function sourceWarnings(plan: ServicePlan): readonly Warning[] {
  if (plan.from === null || !plan.from.startsWith('127.0.0.')) return [];
  const message = `${plan.name} is dialled from ${plan.from}: it takes every visitor for somebody on this machine, if it trusts that address.`;
  return [{ code: 'source-local', message, hint: `Leave out from:, unless ${plan.name} has a password of its own.` }];
}

/** Names first, then the one service that answers to every name. */
function router(
  built: readonly BuiltService[],
  config: Config,
  logo: BuiltPages['route'],
  certificates?: CertificateWorld,
): (exchange: Exchange) => Route<Service> | null {
  const hosts = new Set(built.flatMap(({ service }) => service.hosts));
  const all = built.some(({ service }) => service.hosts.length === 0);
  const place = placeRouter(built.filter(({ kind }) => kind !== 'egress'));
  const led = proxyRouter(built);
  const httpsPort = config.listen.find((listen) => listen.scheme === 'https')?.port ?? null;
  const redirect = plainRedirects(config) ? redirectRoute(httpsPort ?? 443, (host) => all || hosts.has(host)) : null;
  const challenge = challengeRoute(certificates);
  return (exchange) => {
    if (exchange.listener.proxy !== undefined) return led(exchange);
    const asked = challenge?.(exchange) ?? null;
    if (asked !== null) return asked;
    // Before any face is shown: nobody is to be asked for a password in the clear.
    if (redirect !== null && exchange.listener.scheme === 'http') return redirect;
    return logo?.(exchange) ?? place(exchange);
  };
}
