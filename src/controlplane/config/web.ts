/** Builds what a service that speaks HTTP is made of beside its guards: legs, variants of its routes, and its own pages. */

import type { Guard } from '../../contracts/guard.ts';
import type { Service } from '../../contracts/snapshot.ts';
import type { Tools } from '../../contracts/tools.ts';
import type { BuiltUpstream } from '../../contracts/upstream.ts';
import { SallyportError } from '../../core/errors.ts';
import { hostOnlyCookies } from '../../core/http/host-only-cookies.ts';
import { credentialsOf } from '../../core/policy/credentials.ts';
import type { Tree } from '../../core/policy/route.ts';
import type { Check } from '../../core/policy/verdict.ts';
import type { BuiltAccess } from './access.ts';
import { errorPages } from './error-pages.ts';
import { buildLegs, type Leg, type LegMaker } from './legs.ts';
import { pausedLegs } from './maintenance.ts';
import type { ServicePlan } from './plan.ts';
import { buildTold, type Told } from './told.ts';
import { buildVariants, type Variants } from './variants.ts';
import { noWeb } from './web-plan.ts';

export type WebWorld = Readonly<{
  guards: ReadonlyMap<string, Guard<unknown>>;
  tools: Tools;
  /** What is said while the switch of a service stands at maintenance; null otherwise. */
  pausedBy: (service: string) => string | null;
  /** Whether its names are below one that others have names below as well. */
  behindRelay: boolean;
}>;

export type BuiltWeb = Readonly<{ service: Service; variants: Variants; upstream: BuiltUpstream }>;

/**
 * @param base the service but for what lies behind it
 * Errors: `config-unsafe` for rules before which nobody signs in; what upstreams and files of pages throw.
 */
export function buildWeb(
  plan: ServicePlan,
  base: Omit<Service, 'dial' | 'forwarding' | 'words'>,
  parts: Readonly<{ access: BuiltAccess; always: readonly Check[]; meter: readonly Check[]; make: LegMaker; world: WebWorld }>,
): BuiltWeb {
  const web = plan.web ?? noWeb;
  const { access, always, meter, make, world } = parts;
  if (web.rules !== null && !access.guarded) {
    throw new SallyportError('config-unsafe', `services.${plan.name} has rules, and nobody is asked who they are.`, {
      hint: 'Say access: [{ password: {} }]; what is open to everyone is said by a rule: allow: anyone.',
    });
  }
  const told = web.told === undefined ? null : buildTold(web.told, plan.name, web.roles, world.tools);
  const built = buildLegs(plan, web, told === null ? make : telling(make, told));
  const pause = web.maintenance ?? world.pausedBy(plan.name);
  // Of a proxy they are other people's, whose names a relay has nothing to do with.
  const ours = world.behindRelay && plan.behind.is !== 'egress' && !keepsDomains(web);
  const cookies = ours ? built.map(hostOnly) : built;
  const legs = pause === null ? cookies : pausedLegs(cookies, pause);
  const own = legs.at(-1);
  if (own === undefined) throw new SallyportError('program-failed', `services.${plan.name} leads nowhere.`);
  const errorPage = errorPages(web.errors, world.tools.limits.errorPageBytesMax);
  const service: Service = Object.freeze({
    ...base,
    forms: [...base.forms, ...(told?.forms ?? [])],
    forwarding: own.forwarding,
    dial: own.open,
    ...(own.ruling === undefined ? {} : { ruling: own.ruling }),
    words: own.words,
    ...(errorPage === null ? {} : { errorPage }),
  });
  const anyone = openTree(world, base);
  const open: Tree = { is: 'any', of: [access.tree, { is: 'check', check: anyone }] };
  const variants = buildVariants({ service, legs, access: access.tree, open, always, meter, rules: web.rules, roles: web.roles });
  const about = new Map([...variants.about, [anyone, { words: 'anyone', knows: () => true }] as const]);
  return { service, variants: { ...variants, about }, upstream: together(built, own.words) };
}

/** `rewrite: { cookies: { domain: keep } }`: its names are all its owner's. */
function keepsDomains({ rewrite, routes }: Pick<NonNullable<ServicePlan['web']>, 'rewrite' | 'routes'>): boolean {
  return [rewrite, ...routes.map((route) => route.rewrite)].some((each) => each?.cookies.domain === 'keep');
}

function hostOnly(leg: Leg): Leg {
  return { ...leg, forwarding: { ...leg.forwarding, rewrite: hostOnlyCookies(leg.forwarding.rewrite) } };
}

/** Tells each leg's service. */
function telling(make: LegMaker, { tell }: Told): LegMaker {
  return (...asked) => {
    const { upstream, forwarding } = make(...asked);
    return { upstream, forwarding: { ...forwarding, tell } };
  };
}

/** Lets everybody in: who is known is known, and everybody else is anyone. */
function openTree({ guards, tools }: WebWorld, base: Readonly<{ name: string; hosts: readonly string[]; asksPassword: boolean }>): Check {
  const guard = guards.get('public');
  // Without the guard nobody is let in.
  if (guard === undefined) return () => ({ is: 'skip' });
  const { check } = guard.build(guard.options.parse({}), tools, { name: base.name, hosts: base.hosts, behindRelay: false });
  return base.asksPassword ? keepingPasswords(check) : check;
}

/**
 * A browser that once signed in with Basic sends the password to every path. Where no guard used it up (too many were asked at
 * once, or it is wrong), the service must not hear it all the same. Where Sallyport-Authorization speaks to us, Authorization is the service's.
 */
function keepingPasswords(check: Check): Check {
  return (exchange, gather) => {
    const fields = exchange.http?.fields ?? [];
    const ours = fields.some(({ lower, value }) => lower === 'authorization' && credentialsOf(value, 'basic') !== null);
    const verdict = check(exchange, gather);
    if (!ours || verdict instanceof Promise || verdict.is !== 'pass') return verdict;
    return fields.some(({ lower }) => lower === 'sallyport-authorization') ? verdict : { ...verdict, spent: ['authorization'] };
  };
}

function together(legs: readonly Leg[], words: string): BuiltUpstream {
  const own = legs.at(-1);
  return {
    open: own?.open ?? (() => Promise.reject(new TypeError('no leg'))),
    words,
    close: async () => {
      await Promise.all(legs.map((leg) => leg.close()));
    },
  };
}
