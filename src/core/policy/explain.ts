/** Which rule decides, and why: the judge's road told step by step, in words. */

import type { Code } from '../errors.ts';
import type { Exchange } from './exchange.ts';
import { judge, type Outcome } from './judge.ts';
import type { Route, Stage, Tree } from './route.ts';
import type { Check, GatherBody, Verdict } from './verdict.ts';

/** What the wiring knows of a check: its guard's words, and whether it could let a subject in. */
export type About = Readonly<{
  words: string;
  knows?: (subject: string, exchange?: Exchange) => boolean;
  /** Roles of whoever comes in by it. */
  roles?: readonly string[];
  /** Told only where it refuses: it holds for few, and says nothing of the others. */
  quiet?: true;
}>;

export type Step = Readonly<{
  stage: Stage;
  /** How deep in the tree of identify; 0 elsewhere. */
  depth: number;
  /** `any of`, `all of`, or the guard's words. */
  words: string;
  says: 'pass' | 'deny' | 'not asked';
  why: string;
  /** The step that settled it. */
  decides: boolean;
}>;

/** `code` as the record would have it; null where the exchange is admitted. */
export type Explanation = Readonly<{ is: Outcome['is']; code: Code | null; steps: readonly Step[] }>;

type Asker = Readonly<{ exchange: Exchange; route: Route<unknown>; about: (check: Check) => About; gather: GatherBody }>;

/** A node of the tree of identify with what was found: told, and judged again as a whole. */
type Told = Readonly<{ tree: Tree; steps: readonly Step[] }>;

/**
 * Tells how an exchange would be judged. With `exchange.identity` set it is somebody who would show
 * their credentials (`--as ana`): a guard that knows them counts as passed, and no secret is needed.
 * What is found for each check is judged by the judge itself, so that this cannot say anything else.
 * Meters are named but not asked: asking would count.
 */
export async function explain(
  exchange: Exchange,
  route: Route<unknown>,
  about: (check: Check) => About,
  gather: GatherBody,
): Promise<Explanation> {
  const asker: Asker = { exchange, route, about, gather };
  const told = route.identify === null ? null : await tellTree(route.identify, 0, asker);
  const outcome = await judge(exchange, { ...route, identify: told?.tree ?? null, meter: [] }, gather);
  const steps = told?.steps ?? [
    { stage: 'identify', depth: 0, words: 'no guard', says: 'deny', why: 'nothing is open unless it says public', decides: false },
  ];
  return {
    is: outcome.is,
    code: outcome.is === 'refuse' ? outcome.code : null,
    steps: [...decided(steps, outcome), ...tellChecks('authorize', asker, outcome), ...tellChecks('meter', asker, outcome)],
  };
}

async function tellTree(tree: Tree, depth: number, asker: Asker): Promise<Told> {
  if (tree.is === 'check') return tellCheck(tree.check, depth, asker);
  const branches: Told[] = [];
  for (const branch of tree.of) branches.push(await tellTree(branch, depth + 1, asker));
  const passed = branches.filter((branch) => branch.steps[0]?.says === 'pass').length;
  const says = (tree.is === 'any' ? passed > 0 : passed === branches.length && passed > 0) ? 'pass' : 'deny';
  const head: Step = {
    stage: 'identify',
    depth,
    words: `${tree.is} of`,
    says,
    why: `${passed} of ${branches.length} pass`,
    decides: false,
  };
  return { tree: { is: tree.is, of: branches.map((branch) => branch.tree) }, steps: [head, ...branches.flatMap((branch) => branch.steps)] };
}

async function tellCheck(check: Check, depth: number, { exchange, route, about, gather }: Asker): Promise<Told> {
  const { words, knows, roles = [] } = about(check);
  const as = exchange.identity;
  const alone = await judge(exchange, { ...route, identify: { is: 'check', check }, authorize: [], meter: [] }, gather);
  const step = { stage: 'identify', depth, words, decides: false } as const;
  if (alone.is === 'admit') {
    const identity = alone.exchange.identity ?? undefined;
    const verdict: Verdict = identity === undefined ? { is: 'pass' } : { is: 'pass', identity };
    return {
      tree: { is: 'check', check: () => verdict },
      steps: [{ ...step, says: 'pass', why: `it is ${identity?.subject ?? 'nobody'}` }],
    };
  }
  if (as !== null && knows?.(as.subject, exchange) === true) {
    const identity = roles.length === 0 ? as : { ...as, roles: [...new Set([...as.roles, ...roles])] };
    return {
      tree: { is: 'check', check: () => ({ is: 'pass', identity }) },
      steps: [{ ...step, says: 'pass', why: `${as.subject} could come in here` }],
    };
  }
  const why = as === null ? alone.why : `${as.subject} could not come in here`;
  const { code, answer } = alone;
  return { tree: { is: 'check', check: () => ({ is: 'challenge', code, why, answer }) }, steps: [{ ...step, says: 'deny', why }] };
}

/** Marks the one leaf of the tree that settled it: the first that passed, or the one whose refusal was the most telling. */
function decided(steps: readonly Step[], outcome: Outcome): readonly Step[] {
  const wanted = outcome.is === 'refuse' && outcome.stage === 'identify' ? 'deny' : 'pass';
  const leaves = steps.filter((step) => step.says === wanted && !step.words.endsWith(' of'));
  const leaf = (outcome.is === 'refuse' ? leaves.find((step) => step.why === outcome.why) : undefined) ?? leaves[0];
  const settled = outcome.is === 'admit' || outcome.stage === 'identify';
  return settled ? steps.map((step) => (step === leaf ? { ...step, decides: true } : step)) : steps;
}

/** A stage in which all must pass: the first that does not settles it, and those after it are not asked. */
function tellChecks(stage: 'authorize' | 'meter', { route, about }: Asker, outcome: Outcome): readonly Step[] {
  let over = outcome.is === 'refuse' && outcome.stage === 'identify';
  return route[stage].flatMap((check, at): readonly Step[] => {
    const { words, quiet } = about(check);
    const step = { stage, depth: 0, words, decides: false } as const;
    const told = (said: Step): readonly Step[] => (quiet === true && said.says !== 'deny' ? [] : [said]);
    if (over || stage === 'meter')
      return told({ ...step, says: 'not asked', why: stage === 'meter' ? 'asking would count' : 'it was settled before' });
    if (outcome.is === 'refuse' && at === outcome.at) {
      over = true;
      return told({ ...step, says: 'deny', why: outcome.why, decides: true });
    }
    return told({ ...step, says: 'pass', why: 'nothing against it' });
  });
}
