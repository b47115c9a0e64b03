/** From the access that a service asks for to the tree that the judge walks. */

import type { Admits, DoorTerms } from '../../contracts/address-doors.ts';
import type { BuiltGuard, Form, FormAnswer, Guard, GuardedService } from '../../contracts/guard.ts';
import type { Tools } from '../../contracts/tools.ts';
import { SallyportError } from '../../core/errors.ts';
import type { About } from '../../core/policy/explain.ts';
import { isLocal } from '../../core/policy/local.ts';
import type { Tree } from '../../core/policy/route.ts';
import type { Check } from '../../core/policy/verdict.ts';
import type { Asks } from './asking.ts';
import { assertFactorsFit, codeAlone, loginOf } from './login-ways.ts';
import type { Access, GuardUse } from './plan.ts';
import type { Warning } from './presets.ts';

export type BuiltAccess = Readonly<{
  tree: Tree;
  forms: readonly Form[];
  /** False when a stranger needs nothing. */
  guarded: boolean;
  /** "a password of ana or ben, or a secret link". */
  words: string;
  /** What `explain` says of each check. */
  about: ReadonlyMap<Check, About>;
  /** The branches in which somebody says who they are; null where there is none. */
  signIn: Tree | null;
  /** Whether somebody of that subject could come in by one of these. */
  knows: (subject: string) => boolean;
  /** What its handshakes ask for. */
  asks: readonly Asks[];
  /** What is asked of whoever comes, on the page of another service. */
  doors: readonly BuiltDoor[];
  warnings: readonly Warning[];
}>;

/** Something that is asked of visitors on the page of another service. */
export type BuiltDoor = Readonly<{ check: Check; terms: DoorTerms; admits: Admits }>;

/** `door`: services that share a name share its sessions, under the name of one of them; a browser keeps one cookie a name. */
export type AccessedService = GuardedService & Readonly<{ door: string }>;

/** The cheap first and the costly last: a password is hashed only when nothing else admits, and `public` hides nobody's name. */
const costs: ReadonlyMap<string, number> = new Map([
  ['ip', 0],
  ['link', 1],
  ['oidc', 1],
  ['key', 1],
  ['mtls', 1],
  ['webhook', 2],
  ['bearer', 3],
  // Before what is typed into our own form: it asks for a login in its own way.
  ['forward-auth', 6],
  ['password', 7],
  ['passkey', 8],
  ['totp', 9],
  ['public', 10],
]);

/** Guards whose sessions are those of a name, whichever of its services opened them. */
const sharesSessions: ReadonlySet<string> = new Set(['password', 'passkey', 'totp', 'oidc', 'email']);

/** Guards that say nobody's name: an address, everybody, whoever signed a body, and a login elsewhere. */
const nameless: ReadonlySet<string> = new Set(['public', 'ip', 'webhook', 'login']);

const costOf = (use: GuardUse): number => costs.get(use.guard) ?? 5;

/**
 * Builds the guards of one service.
 * Errors: what a guard's `build` throws (`user-missing`); `config-malformed` for a guard that does not exist.
 */
export function buildAccess(
  access: Access,
  localFree: boolean,
  guards: ReadonlyMap<string, Guard<unknown>>,
  tools: Tools,
  service: AccessedService,
): BuiltAccess {
  assertOneLogin(access, service.name);
  assertFactorsFit(access, service.name);
  const forms: Form[] = [];
  const about = new Map<Check, About>();
  const branches = access
    .map((uses) => uses.toSorted((left, right) => costOf(left) - costOf(right)))
    .toSorted((left, right) => branchCost(left) - branchCost(right))
    .map((uses) => {
      const built = uses.map((use) => buildGuard(use, guards, tools, { ...service, ...loginOf(use.guard, uses, access, service.name) }));
      forms.push(...built.flatMap((guard) => guard.forms ?? []));
      for (const guard of built) about.set(guard.check, guard);
      return { uses, built, tree: treeOf(built), words: built.map((guard) => guard.words).join(' and ') };
    });
  const guarded = !branches.some(({ uses }) => uses.every((use) => use.guard === 'public'));
  const here = localFree && guarded ? localCheck(service.hosts) : null;
  if (here !== null) about.set(here, { words: 'anyone on this machine' });
  const local: readonly Tree[] = here === null ? [] : [{ is: 'check', check: here }];
  const trees = [...local, ...branches.map(({ tree }) => tree)];
  const words = [...(local.length > 0 ? ['anyone on this machine'] : []), ...branches.map((branch) => branch.words)].join(', or ');
  return {
    tree: trees.length === 1 && trees[0] !== undefined ? trees[0] : { is: 'any', of: trees },
    forms: joinedForms(forms),
    guarded,
    words,
    about,
    ...signInOf(branches),
    asks: branches.flatMap(({ built }) => built.flatMap(({ asks }) => asks ?? [])),
    doors: branches.flatMap(({ built }) => built.flatMap(({ check, door }) => (door === undefined ? [] : { check, ...door }))),
    warnings: [...addressAlone(access, service), ...codeAlone(access, service.name)],
  };
}

type Branch = Readonly<{ uses: readonly GuardUse[]; built: readonly BuiltGuard[]; tree: Tree }>;

function signInOf(branches: readonly Branch[]): Pick<BuiltAccess, 'signIn' | 'knows'> {
  const naming = branches.filter(({ uses }) => uses.some(({ guard }) => !nameless.has(guard)));
  return {
    signIn: naming.length === 0 ? null : { is: 'any', of: naming.map(({ tree }) => tree) },
    knows: (subject) =>
      naming.some(({ uses, built }) => built.some(({ knows }, at) => !nameless.has(uses[at]?.guard ?? '') && knows?.(subject) === true)),
  };
}

/** A name has one login and one way back from it: of two providers the second would never be asked, and nobody would say so. */
function assertOneLogin(access: Access, service: string): void {
  const logins = access.flatMap((uses) => uses.filter(({ guard }) => guard === 'oidc'));
  if (logins.length <= 1) return;
  throw new SallyportError('config-malformed', `services.${service}.access has oidc ${logins.length} times, and a service has one login.`, {
    hint: 'Name the emails, domains and groups in one entry; a second provider takes a service of its own.',
  });
}

function branchCost(uses: readonly GuardUse[]): number {
  return Math.max(0, ...uses.map(costOf));
}

function buildGuard(use: GuardUse, guards: ReadonlyMap<string, Guard<unknown>>, tools: Tools, service: AccessedService): BuiltGuard {
  const guard = guards.get(use.guard);
  if (guard === undefined)
    throw new SallyportError('config-malformed', `services.${service.name}.access names the guard ${use.guard}, which does not exist.`);
  const { door, ...guarded } = service;
  return guard.build(use.options, tools, sharesSessions.has(use.guard) ? { ...guarded, name: door } : guarded);
}

function treeOf(built: readonly BuiltGuard[]): Tree {
  const checks = built.map(({ check }): Tree => ({ is: 'check', check }));
  const [only] = checks;
  return checks.length === 1 && only !== undefined ? only : { is: 'all', of: checks };
}

/** Two branches with a password have one login page: each is asked in turn, as the branches are. */
export function joinedForms(forms: readonly Form[]): readonly Form[] {
  const byPlace = Map.groupBy(forms, (form) => `${form.method} ${form.path}`);
  return [...byPlace.values()].flatMap((same) => {
    const [first, ...others] = same;
    if (first === undefined) return [];
    return others.length === 0 ? [first] : [{ ...first, handle: inTurn(same) }];
  });
}

function inTurn(forms: readonly Form[]): Form['handle'] {
  return async (exchange, input) => {
    let answer: FormAnswer | null = null;
    for (const form of forms) {
      answer = await form.handle(exchange, input);
      if (!('is' in answer)) return answer;
    }
    if (answer === null) throw new SallyportError('program-failed', 'A form without anybody behind it was asked.');
    return answer;
  };
}

function localCheck(ownNames: readonly string[]): Check {
  return (exchange) =>
    isLocal(exchange, ownNames)
      ? { is: 'pass', identity: { guard: 'local', subject: 'local', name: 'this machine', by: 'address', roles: [] } }
      : { is: 'skip' };
}

/** A relay says who the visitor is; a hostile one says what it likes. */
function addressAlone(access: Access, service: AccessedService): readonly Warning[] {
  if (!service.behindRelay || !access.some((uses) => uses.every(({ guard }) => guard === 'ip' || guard === 'login'))) return [];
  if (access.some((uses) => uses.some(({ guard }) => guard === 'login'))) return [addressAfterLogin(service)];
  return [
    {
      code: 'address-alone',
      message: `${service.name} is open to addresses alone, and behind a relay the address is the relay's word.`,
      hint: 'Ask for a password as well: access: [{ ip: …, password: {} }].',
    },
  ];
}

/** Nothing else can be asked there, and whoever opened the door has said who they are. */
function addressAfterLogin({ name }: AccessedService): Warning {
  return {
    code: 'address-alone',
    message: `${name} lets in addresses from which somebody signed in, and behind a relay the address is the relay's word.`,
    hint: `Let ${name} ask for keys or passwords of its own as well: a door keeps strangers away and proves nobody.`,
  };
}
