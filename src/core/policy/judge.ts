/** The judge: walks an exchange through identify, authorize and meter, and says admit or refuse. */

import { codes, type Code } from '../errors.ts';
import type { Reply } from '../http/reply.ts';
import type { Exchange, Identity } from './exchange.ts';
import type { Permit } from './permit.ts';
import type { Route, Stage, Tree } from './route.ts';
import type { Check, GatherBody, Verdict } from './verdict.ts';

/** `at` is the place of the check that refused among those of its stage; 0 for identify, which is one tree. */
export type Refused = Readonly<{
  is: 'refuse';
  stage: Stage;
  at: number;
  code: Code;
  why: string;
  answer: Reply | null;
  /** Who it was, where that was known by then. */
  identity?: Identity;
}>;

/** What becomes of an exchange. `answer` null: the visitor gets the uniform face (identify) or the code's plain page. */
export type Outcome = (Readonly<{ is: 'admit'; exchange: Exchange }> & Readonly<Gained>) | Refused;

/** What the checks said beside yes. `note`: what a check that only watches would have refused. */
type Gained = Readonly<{ spent: readonly string[]; permit: Permit | null; note: string | null }>;

type Pass = Extract<Verdict, { is: 'pass' }>;
type No = Extract<Verdict, { is: 'challenge' }>;
/** A verdict that has been looked at: `skip` and `deny` are a `No` by now. */
type Finding = Pass | No;
type Weighed = Finding | Promise<Finding>;

const nothingSpent: readonly string[] = Object.freeze([]);
const skipped: No = no('credentials-missing', 'no credential of a kind that is asked for was shown');
const empty: No = no('guard-failed', 'a tree of guards that names none lets nobody in');
const nobody: No = no('guard-failed', 'a guard let somebody in without saying whom');

/**
 * Judges one exchange. No promise is made and none awaited as long as no check returns one.
 * Never throws: what a check throws, rejects with or returns in nonsense is `guard-failed`.
 */
export function judge<Service>(exchange: Exchange, route: Route<Service>, gather: GatherBody): Outcome | Promise<Outcome> {
  if (route.identify === null) return refuse('identify', no('credentials-missing', 'the route names no guard that lets anybody in'));
  const found = weigh(route.identify, exchange, gather);
  if (found instanceof Promise) return found.then((settled) => identified(settled, exchange, route, gather));
  return identified(found, exchange, route, gather);
}

function identified<Service>(found: Finding, exchange: Exchange, route: Route<Service>, gather: GatherBody): Outcome | Promise<Outcome> {
  if (found.is !== 'pass') return refuse('identify', found);
  if (found.identity === undefined) return refuse('identify', nobody);
  const known: Exchange = { ...exchange, identity: found.identity };
  return every(
    'authorize',
    0,
    known,
    route,
    gather,
    found.spent === undefined ? nothingGained : { spent: found.spent, permit: null, note: null },
  );
}

/** All checks of a stage from the `from`-th on, then those of the next stage. */
function every<Service>(
  stage: 'authorize' | 'meter',
  from: number,
  exchange: Exchange,
  route: Route<Service>,
  gather: GatherBody,
  before: Gained,
): Outcome | Promise<Outcome> {
  const checks = route[stage];
  let gained = before;
  for (let at = from; at < checks.length; at += 1) {
    const found = ask(checks[at], exchange, gather);
    if (found instanceof Promise) {
      const soFar = gained;
      return found.then((settled) => {
        const verdict = decided(settled);
        return verdict.is === 'pass'
          ? every(stage, at + 1, exchange, route, gather, more(soFar, verdict))
          : refuseHolding(soFar.permit, exchange, refuse(stage, verdict, at));
      });
    }
    const verdict = decided(found);
    if (verdict.is !== 'pass') return refuseHolding(gained.permit, exchange, refuse(stage, verdict, at));
    gained = more(gained, verdict);
  }
  if (stage === 'authorize') return every('meter', 0, exchange, route, gather, gained);
  return { is: 'admit', exchange, spent: gained.spent, permit: gained.permit, note: gained.note };
}

const nothingGained: Gained = Object.freeze({ spent: nothingSpent, permit: null, note: null });

function more(before: Gained, { spent, permit, note }: Pass): Gained {
  if (spent === undefined && permit === undefined && note === undefined) return before;
  return { spent: joined(before.spent, spent), permit: held(before.permit, permit), note: note ?? before.note };
}

/** One meter gives a permit; of a second one the first would never be given back. */
function held(before: Permit | null, permit: Permit | undefined): Permit | null {
  if (permit !== undefined) before?.close();
  return permit ?? before;
}

function refuseHolding(permit: Permit | null, { identity }: Exchange, refused: Refused): Outcome {
  permit?.close();
  return identity === null ? refused : { ...refused, identity };
}

/** After identify nobody may look away: a skip there would be an open door. */
function decided(verdict: Verdict): Finding {
  return verdict.is === 'skip' ? no('guard-failed', 'a guard skipped where it must decide') : finding(verdict);
}

/** The tree of identify. A branch that says no does not stop another that says yes. */
function weigh(tree: Tree, exchange: Exchange, gather: GatherBody): Weighed {
  switch (tree.is) {
    case 'check': {
      const verdict = ask(tree.check, exchange, gather);
      return verdict instanceof Promise ? verdict.then(finding) : finding(verdict);
    }
    case 'any':
      return anyOf(tree.of, 0, exchange, gather, null);
    case 'all':
      return allOf(tree.of, 0, exchange, gather, null);
    default:
      return unknownTree(tree);
  }
}

function anyOf(of: readonly Tree[], from: number, exchange: Exchange, gather: GatherBody, before: No | null): Weighed {
  let best = before;
  for (let at = from; at < of.length; at += 1) {
    const found = weighAt(of, at, exchange, gather);
    if (found instanceof Promise) {
      const soFar = best;
      return found.then((settled) => (settled.is === 'pass' ? settled : anyOf(of, at + 1, exchange, gather, moreTelling(soFar, settled))));
    }
    if (found.is === 'pass') return found;
    best = moreTelling(best, found);
  }
  return best ?? empty;
}

function allOf(of: readonly Tree[], from: number, exchange: Exchange, gather: GatherBody, before: Pass | null): Weighed {
  let passed = before;
  for (let at = from; at < of.length; at += 1) {
    const found = weighAt(of, at, exchange, gather);
    if (found instanceof Promise) {
      const soFar = passed;
      return found.then((settled) => (settled.is === 'pass' ? allOf(of, at + 1, exchange, gather, both(soFar, settled)) : settled));
    }
    if (found.is !== 'pass') return found;
    passed = both(passed, found);
  }
  return passed ?? empty;
}

function weighAt(of: readonly Tree[], at: number, exchange: Exchange, gather: GatherBody): Weighed {
  const tree = of[at];
  return tree === undefined ? empty : weigh(tree, exchange, gather);
}

function unknownTree(tree: never): Finding {
  return no('guard-failed', `a tree of guards is of no known kind: ${typeof tree}`);
}

function both(one: Pass | null, other: Pass): Pass {
  if (one === null) return other;
  const identity = stronger(one.identity, other.identity);
  const spent = joined(one.spent, other.spent);
  return identity === undefined ? { is: 'pass', spent } : { is: 'pass', identity, spent };
}

/** An address and "anyone" are the weakest words for somebody, then a certificate, which a device may have; of equals the first stands. */
function stronger(one: Identity | undefined, other: Identity | undefined): Identity | undefined {
  if (one === undefined) return other;
  if (other === undefined) return one;
  return strength(other) > strength(one) ? bound(other, one) : bound(one, other);
}

/** Who needed a certificate beside what says who they are goes with it as well. */
function bound(strong: Identity, { certificate }: Identity): Identity {
  return certificate === undefined || strong.certificate !== undefined ? strong : { ...strong, certificate };
}

function strength({ by }: Identity): number {
  return by === 'nothing' ? 0 : by === 'address' ? 1 : by === 'certificate' ? 2 : 3;
}

function joined(one: readonly string[] | undefined, other: readonly string[] | undefined): readonly string[] {
  if (other === undefined || other.length === 0) return one ?? nothingSpent;
  if (one === undefined || one.length === 0) return other;
  return [...new Set([...one, ...other])];
}

/** The smaller, the more telling; what is not listed stands before all (a failure, a foreign origin). */
const telling: ReadonlyMap<Code, number> = new Map<Code, number>([
  ['credentials-throttled', 1],
  ['credentials-wrong', 1],
  ['signature-wrong', 1],
  ['credentials-expired', 2],
  ['credentials-missing', 3],
  ['address-denied', 4],
]);

function moreTelling(one: No | null, other: No): No {
  if (one === null) return other;
  return (telling.get(other.code) ?? 0) < (telling.get(one.code) ?? 0) ? other : one;
}

/** Calls a check; what it throws or returns in nonsense becomes a verdict. */
function ask(check: Check | undefined, exchange: Exchange, gather: GatherBody): Verdict | Promise<Verdict> {
  try {
    // The array's element cannot be missing; if it were, calling it throws, and that is a refusal too.
    const answer: unknown = (check as Check)(exchange, gather);
    if (isThenable(answer)) return Promise.resolve(answer).then(seen, failed);
    return seen(answer);
  } catch (error) {
    return failed(error);
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

/** A verdict, or the refusal that stands for anything else. */
function seen(value: unknown): Verdict {
  try {
    return isVerdict(value) ? value : no('guard-failed', 'a guard answered with something that is no verdict');
  } catch (error) {
    return failed(error);
  }
}

function isVerdict(value: unknown): value is Verdict {
  if (typeof value !== 'object' || value === null || !('is' in value)) return false;
  // Only the shape is looked at here: every guard's own types hold what lies deeper.
  const verdict = value as Partial<Record<'is' | 'code' | 'why' | 'identity' | 'spent' | 'answer', unknown>>;
  switch (verdict.is) {
    case 'skip':
      return true;
    case 'pass':
      return isIdentity(verdict.identity) && (verdict.spent === undefined || Array.isArray(verdict.spent));
    case 'challenge':
    case 'deny':
      return typeof verdict.code === 'string' && Object.hasOwn(codes, verdict.code) && typeof verdict.why === 'string';
    default:
      return false;
  }
}

function isIdentity(value: unknown): boolean {
  if (value === undefined) return true;
  if (typeof value !== 'object' || value === null) return false;
  const { subject, by } = value as Partial<Identity>;
  return typeof subject === 'string' && subject !== '' && typeof by === 'string';
}

function finding(verdict: Verdict): Finding {
  switch (verdict.is) {
    case 'pass':
    case 'challenge':
      return verdict;
    case 'skip':
      return skipped;
    case 'deny':
      return { is: 'challenge', code: verdict.code, why: verdict.why, answer: verdict.answer ?? null };
    default:
      return verdict satisfies never;
  }
}

/** Names the error's kind and never its message: that may hold what somebody sent. */
function failed(error: unknown): No {
  const kind = error instanceof Error ? (codeOf(error) ?? error.constructor.name) : typeof error;
  return no('guard-failed', `a guard failed: ${/^[A-Za-z][\w-]{0,40}$/.test(kind) ? kind : 'unnamed'}`);
}

function codeOf(error: Error): string | null {
  return 'code' in error && typeof error.code === 'string' ? error.code : null;
}

function no(code: Code, why: string): No {
  return { is: 'challenge', code, why, answer: null };
}

function refuse(stage: Stage, { code, why, answer }: No, at = 0): Refused {
  return { is: 'refuse', stage, at, code, why, answer };
}
