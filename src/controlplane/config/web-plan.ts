/** What is said of a service that speaks HTTP: its places, rules and routes, and how its messages are written anew. */

import type { Match } from '../../core/policy/match.ts';
import type { Roles, Rule } from '../../core/policy/rules.ts';
import type { ToldPlan } from './told.ts';
import type { Rewriting } from '../../core/http/rewriting.ts';

/** A name, and the path below which it is meant: `/api`, or empty for all of it. Both canonical. */
export type WebPlace = Readonly<{ host: string; path: string }>;

/** Which requests go elsewhere than the rest of the service. */
export type RoutePlan<Behind> = Readonly<{ match: Match; behind: Behind; rewrite: Rewriting | null }>;

/** Error pages by status: absolute paths of files. */
export type ErrorFiles = ReadonlyMap<number, string>;

/** `Behind` is what can lie behind a service: see plan.ts, which knows of this file. */
export type WebPlan<Behind> = Readonly<{
  places: readonly WebPlace[];
  /** Null: whoever is let in may do everything. */
  rules: readonly Rule[] | null;
  roles: Roles;
  routes: readonly RoutePlan<Behind>[];
  rewrite: Rewriting | null;
  errors: ErrorFiles;
  /** What is said while the service is paused; null when it is not. */
  maintenance: string | null;
  /** What the service is told of who asks; left out for nothing. */
  told?: ToldPlan;
}>;

export const noWeb: WebPlan<never> = Object.freeze({
  places: [],
  rules: null,
  roles: new Map(),
  routes: [],
  rewrite: null,
  errors: new Map(),
  maintenance: null,
});
