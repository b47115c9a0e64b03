/** From rules and legs to the routes of a service: each is made once, and a request only chooses. */

import type { Service } from '../../contracts/snapshot.ts';
import type { Exchange } from '../../core/policy/exchange.ts';
import type { About } from '../../core/policy/explain.ts';
import type { Route, Tree } from '../../core/policy/route.ts';
import { allowCheck, chooseRule, denyCheck, unreadableCheck, type Roles, type Rule } from '../../core/policy/rules.ts';
import type { Check } from '../../core/policy/verdict.ts';
import type { Leg } from './legs.ts';

export type VariantParts = Readonly<{
  /** As its own leg makes it. */
  service: Service;
  legs: readonly Leg[];
  /** Who may come in at all. */
  access: Tree;
  /** Lets everybody in. */
  open: Tree;
  /** What holds whoever asks: the firewall. */
  always: readonly Check[];
  /** How often it may be asked. */
  meter: readonly Check[];
  rules: readonly Rule[] | null;
  roles: Roles;
}>;

export type Variants = Readonly<{
  pick: (exchange: Exchange) => Route<Service>;
  /** For what cannot be read in one way: nobody passes, and who is not let in sees what they see always. */
  unreadable: Route<Service>;
  about: ReadonlyMap<Check, About>;
}>;

type Judging = Readonly<{ name: string; identify: Tree; authorize: readonly Check[]; meter: readonly Check[] }>;

export function buildVariants(parts: VariantParts): Variants {
  const { service, legs, access, always, meter, rules } = parts;
  const about = new Map<Check, About>([[unreadableCheck, { words: 'what a rule depends on has one reading' }]]);
  const services = legs.map(({ open: dial, forwarding, words }) => Object.freeze({ ...service, dial, forwarding, words }));
  const unreadable = routesOf({ name: `${service.name}/unreadable`, identify: access, authorize: [unreadableCheck], meter }, [service])[0];
  if (unreadable === undefined) throw new TypeError('a service without a leg');
  const leg = legChooser(legs);
  const plain = routesOf({ name: service.name, identify: access, authorize: always, meter }, services);
  const at = (routes: readonly Route<Service>[], index: number | null): Route<Service> =>
    index === null ? unreadable : (routes[index] ?? unreadable);
  if (rules === null) return { pick: (exchange) => at(plain, leg(exchange)), unreadable, about };
  const judged = rules.map((rule, index) => judgings(parts, rule, index, about));
  const named = judged.map(({ asking, free }) => ({
    asking: routesOf(asking, services),
    free: free === null ? null : routesOf(free, services),
  }));
  const pick = (exchange: Exchange): Route<Service> => {
    const chosen = chooseRule(rules, exchange);
    const routes = named[chosen.index];
    if (chosen.is === 'unreadable' || routes === undefined) return unreadable;
    // Where a rule before this one refuses some, it must be known who asks.
    return at(routes.free === null || chosen.stops ? routes.asking : routes.free, leg(exchange));
  };
  return { pick, unreadable, about };
}

/** One rule as the judge meets it. `free`: without asking who it is; null where the rule asks. */
function judgings(
  parts: VariantParts,
  rule: Rule,
  index: number,
  about: Map<Check, About>,
): Readonly<{ asking: Judging; free: Judging | null }> {
  const { service, access, open, always, meter, rules, roles } = parts;
  const name = rule.last ? `${service.name}/otherwise` : `${service.name}/rules/${index + 1}`;
  const told = (check: Check, { words, last }: Rule, at: number): Check => {
    about.set(check, { words: last ? words : `rule ${at + 1}: ${words}` });
    return check;
  };
  const stops = (rules ?? [])
    .slice(0, index)
    .flatMap((each, at) => (each.does === 'deny' && each.who.is !== 'anyone' ? [told(denyCheck(each, roles), each, at)] : []));
  const own = told(rule.does === 'deny' ? denyCheck(rule, roles) : allowCheck(rule, roles), rule, index);
  const asking = { name, identify: access, authorize: [...stops, own, ...always], meter };
  const free = rule.does === 'allow' && rule.who.is === 'anyone' ? { name, identify: open, authorize: [own, ...always], meter } : null;
  return { asking, free };
}

function routesOf({ name, identify, authorize, meter }: Judging, services: readonly Service[]): readonly Route<Service>[] {
  return services.map((service, index) =>
    Object.freeze({
      name: services.length === 1 || index === services.length - 1 ? name : `${name}/routes/${index + 1}`,
      service,
      identify,
      authorize,
      meter,
    }),
  );
}

/** The first leg that matches; null where that cannot be said. */
function legChooser(legs: readonly Leg[]): (exchange: Exchange) => number | null {
  if (legs.length === 1) return () => 0;
  return (exchange) => {
    for (let index = 0; index < legs.length; index += 1) {
      const found = legs[index]?.match.finds(exchange) ?? null;
      if (found === null) return null;
      if (found) return index;
    }
    return null;
  };
}
