/** What is said of a service that speaks HTTP: its places, rules and routes, and how its messages are written anew. */

import type { Match } from '../../core/policy/match.ts';
import type { Roles, Rule } from '../../core/policy/rules.ts';
import type { Rewriting } from '../../core/http/rewriting.ts';
import type { Behind } from './plan.ts';

/** A name, and the path below which it is meant: `/api`, or empty for all of it. Both canonical. */
export type WebPlace = Readonly<{ host: string; path: string }>;

/** Which requests go elsewhere than the rest of the service. */
export type RoutePlan = Readonly<{ match: Match; behind: Behind; rewrite: Rewriting | null }>;

/** Error pages by status: absolute paths of files. */
export type ErrorFiles = ReadonlyMap<number, string>;

export type WebPlan = Readonly<{
  places: readonly WebPlace[];
  /** Null: whoever is let in may do everything. */
  rules: readonly Rule[] | null;
  roles: Roles;
  routes: readonly RoutePlan[];
  rewrite: Rewriting | null;
  errors: ErrorFiles;
  /** What is said while the service is paused; null when it is not. */
  maintenance: string | null;
}>;

export const noWeb: WebPlan = Object.freeze({
  places: [],
  rules: null,
  roles: new Map(),
  routes: [],
  rewrite: null,
  errors: new Map(),
  maintenance: null,
});
