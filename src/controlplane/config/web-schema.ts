/** The keys of a service that speaks HTTP, beside `to` and `access`. */

import { z } from 'zod';
import type { ZodType } from 'zod';
import { literalPath } from '../../core/policy/match-path.ts';
import { always } from '../../core/policy/match.ts';
import { readHostName } from './forms.ts';
import { matchSchema } from './match-schema.ts';
import { settleEgress } from './proxy-plan.ts';
import type { Behind } from './plan.ts';
import { rewriteSchema } from './rewrite-schema.ts';
import { rolesSchema, rulesSchema } from './rules-schema.ts';
import { toldSchema, type ToldPlan } from './told.ts';
import { noWeb, type RoutePlan, type WebPlace, type WebPlan } from './web-plan.ts';

export const placeExpected = 'a name like blog.example.org, or a name and a path like blog.example.org/api';

const routesMax = 50;

/** `blog.example.org`, `blog.example.org/api`. A slash alone at the end is the whole name. */
export function readWebPlace(text: string): WebPlace | null {
  const slash = text.indexOf('/');
  const host = readHostName(slash === -1 ? text : text.slice(0, slash));
  if (host === null) return null;
  const path = slash === -1 || slash === text.length - 1 ? '' : literalPath(text.slice(slash));
  // What is below /.sallyport/ is ours on every name.
  if (path === null || /\/$|\*/.test(path) || /^\/\.sallyport(?:\/|$)/.test(path)) return null;
  // A name without a dot stands for one at each relay: whose paths those are nobody could say here.
  return path !== '' && !host.includes('.') && !host.startsWith('[') ? null : { host, path };
}

/** @param behind the schema of `to`, which a route has as well */
export function webKeys(behind: ZodType<Behind>) {
  return {
    rules: rulesSchema().optional(),
    roles: rolesSchema().optional(),
    routes: routesSchema(behind).optional(),
    rewrite: rewriteSchema().optional(),
    errors: errorsSchema().optional(),
    identity: toldSchema().optional(),
    maintenance: z
      .union([z.boolean(), z.string().min(1).max(1_000)], { error: 'true, false or a text for visitors' })
      .prefault(false)
      .describe('Answers 503 instead of the service, with this text. Who is not let in sees what they see always.'),
  };
}

type RouteFile = Readonly<{ plan: Omit<RoutePlan<Behind>, 'behind'>; to: Behind | null; dir: string | null; indexes: boolean }>;

function routesSchema(behind: ZodType<Behind>): ZodType<readonly RouteFile[]> {
  const error = 'a route, like { match: { path: /api/** }, to: 4000 }';
  const entry = z
    .strictObject(
      {
        match: matchSchema().optional().describe('Which requests go here; left out, all.'),
        to: behind.optional().describe('Where they go, as in a service: http:// only, redirect: or respond:.'),
        dir: z.string({ error: 'the path of a folder' }).min(1).max(4096).optional().describe('Or a folder.'),
        indexes: z.boolean({ error: 'true or false' }).prefault(false).describe('Whether a folder without index.html is listed.'),
        rewrite: rewriteSchema().optional(),
      },
      { error },
    )
    .transform((keys, context): RouteFile => {
      const complain = (message: string): void => {
        if (context.issues.length === 0) context.issues.push({ code: 'custom', message, input: keys });
      };
      if ((keys.to === undefined) === (keys.dir === undefined)) complain('either to or dir in a route');
      if (keys.to?.is === 'tls' || keys.to?.is === 'tcp')
        complain('a route to http://, redirect: or respond:, for only requests have routes');
      const plan = { match: keys.match ?? always, rewrite: keys.rewrite ?? null };
      return { plan, to: keys.to ?? null, dir: keys.dir ?? null, indexes: keys.indexes };
    });
  return z
    .array(entry, { error: 'a list of routes' })
    .max(routesMax, `at most ${routesMax} routes`)
    .describe('Requests that go elsewhere: the first route that matches. What matches none goes to the service itself.');
}

/** `404: ./404.html`. */
function errorsSchema() {
  const error = 'a status of an error, from 400 to 599, like 404: ./404.html; a stranger sees one face, so there is no 401';
  const status = z
    .string({ error })
    .regex(/^[45]\d\d$/, error)
    .refine((text) => text !== '401', error);
  return z
    .record(status, z.string({ error: 'the path of a file' }).min(1).max(4096), { error: 'files by status, like { 404: ./404.html }' })
    .describe('Error pages of our own answers, by status: files with {code}, {status}, {title}, {id} and {host} in them.');
}

type WebKeys = Readonly<{
  at?: WebPlace | readonly WebPlace[] | undefined;
  rules?: WebPlan<Behind>['rules'] | undefined;
  roles?: WebPlan<Behind>['roles'] | undefined;
  routes?: readonly RouteFile[] | undefined;
  rewrite?: WebPlan<Behind>['rewrite'] | undefined;
  errors?: Readonly<Record<string, string>> | undefined;
  maintenance?: boolean | string | undefined;
  identity?: ToldPlan | undefined;
}>;

/** What is said when `maintenance: true` says nothing. */
export const pauseText = 'This service is being worked on. Please come back later.';

/**
 * Null where none of it is said.
 * @param absolute makes a path of the file absolute
 */
export function settleWeb(keys: WebKeys, absolute: (path: string) => string): WebPlan<Behind> | null {
  const { rules, roles, routes, rewrite, errors, maintenance, identity } = keys;
  const places = keys.at === undefined ? [] : [keys.at].flat();
  const said =
    [rules, roles, routes, rewrite, errors, identity].some((each) => each !== undefined) || places.some(({ path }) => path !== '');
  if (!said && (maintenance ?? false) === false) return null;
  return {
    places,
    rules: rules ?? null,
    roles: roles ?? noWeb.roles,
    routes: (routes ?? []).map(({ plan, to, dir, indexes }) => ({
      ...plan,
      behind: to === null ? { is: 'folder', path: absolute(dir ?? '.'), indexes } : settleBehind(to, absolute),
    })),
    rewrite: rewrite ?? null,
    errors: new Map(Object.entries(errors ?? {}).map(([status, path]) => [Number(status), absolute(path)])),
    ...(identity === undefined ? {} : { told: identity }),
    maintenance: maintenance === true ? pauseText : typeof maintenance === 'string' ? maintenance : null,
  };
}

/** The files of fixed answers made absolute. */
export function settleBehind(behind: Behind, absolute: (path: string) => string): Behind {
  if (behind.is === 'egress') return settleEgress(behind, absolute);
  return behind.is === 'respond' && behind.file !== null ? { ...behind, file: absolute(behind.file) } : behind;
}
