/** Imported services as the lines of a configuration. */

import { comment, flow } from './comment.ts';
import type { Guarded } from './pound-listeners.ts';
import type { ImportedRoute, Unlike } from './pound-service.ts';

type Parts = Readonly<{ at: readonly string[] | null; all: readonly ImportedRoute[]; guards: readonly Guarded[] }>;

export function serviceLines(name: string, { at, all, guards }: Parts): readonly string[] {
  const there = all.filter(({ off }) => !off);
  const matchOf = (route: ImportedRoute) => (at === null ? route.match : route.beside);
  // What takes everybody else is the service's own, unless its changes would become those of its routes.
  const last = there.findIndex((route) => matchOf(route) === null);
  const own = last === -1 ? undefined : there[last];
  const isAlone = own !== undefined && ((last === 0 && guards.length === 0) || own.rewrite === null);
  const routes = last === -1 ? there : there.slice(0, isAlone ? last : last + 1);
  const lines = [`  ${name}:`, ...(at === null ? [] : [`    at: ${flow(at.length === 1 ? at[0] : at)}`]), '    access: [public]'];
  for (const each of all) lines.push(...toldOf(each.unlike, '    '), ...stateLines(each));
  for (const each of last === -1 ? [] : there.slice(last + 1))
    lines.push(`    ${comment(`line ${each.line}: left out: a service before it takes everything`)}`);
  if (isAlone) lines.push(...ownLines(own));
  if (guards.length + routes.length > 0) lines.push('    routes:');
  for (const { why, route } of guards) lines.push(`      ${comment(why)}`, `      - ${flow(route)}`);
  for (const each of routes) lines.push(...routeLines(each, matchOf(each)));
  if (!isAlone && routes.length === 0) lines.push('    to: respond:503');
  return lines;
}

function stateLines({ line, off, shut }: ImportedRoute): readonly string[] {
  if (off) return [`    ${comment(`line ${line}: left out: it was disabled`)}`];
  return shut === null ? [] : [`    ${comment(`line ${line}: answered with 503: ${shut}`)}`];
}

/** What it leads to; nothing where that cannot be said. */
function targetOf({ target, shut }: ImportedRoute): Readonly<Record<string, unknown>> {
  return shut === null && target !== null ? target : { to: 'respond:503' };
}

function ownLines(route: ImportedRoute): readonly string[] {
  const target = targetOf(route);
  const { rewrite, balance, timeouts } = route;
  const to = target['to'];
  const dials = Array.isArray(to) || (typeof to === 'string' && !/^(?:respond|redirect):/.test(to));
  const all = {
    ...target,
    ...(rewrite === null ? {} : { rewrite }),
    ...(dials && balance !== null ? { balance } : {}),
    ...(dials && timeouts !== null ? { timeouts } : {}),
  };
  return Object.entries(all).map(([key, value]) => `    ${key}: ${flow(value)}`);
}

function routeLines(route: ImportedRoute, match: unknown): readonly string[] {
  const parts = { ...(match === null ? {} : { match }), ...targetOf(route), ...(route.rewrite === null ? {} : { rewrite: route.rewrite }) };
  const lost =
    route.balance === null
      ? []
      : [
          `      ${comment(`line ${route.line}: balance: stands at a service, not at a route; give it a service of its own for ${flow(route.balance)}`)}`,
        ];
  return [...(route.name === null ? [] : [`      ${comment(route.name)}`]), ...lost, `      - ${flow(parts)}`];
}

export function toldOf(all: readonly Unlike[], indent = ''): readonly string[] {
  return all
    .toSorted((one, other) => one.line - other.line)
    .map(({ line, text, why }) => `${indent}${comment(`line ${line}: ${text} — ${why}`)}`);
}
