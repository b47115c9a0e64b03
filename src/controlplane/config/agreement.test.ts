/**
 * What is explained is what is decided: random policies, random visitors, and roles × methods × paths as a table.
 * SALLYPORT_POLICIES=100000 runs more of them, SALLYPORT_SEED the same ones again.
 */

import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import { exchangeOf, noBody } from '../../../test/doubles/exchange.ts';
import { Chance } from '../../../test/fuzz/chance.ts';
import type { Service } from '../../contracts/snapshot.ts';
import { parsePrefix } from '../../core/address.ts';
import type { Exchange, Identity } from '../../core/policy/exchange.ts';
import { explain, type About } from '../../core/policy/explain.ts';
import { judge, type Outcome } from '../../core/policy/judge.ts';
import { addressMatch, allOf, always, anyOf, hostMatch, methodMatch, not, type Match } from '../../core/policy/match.ts';
import { globPath } from '../../core/policy/match-path.ts';
import type { Route, Tree } from '../../core/policy/route.ts';
import type { Rule, Who } from '../../core/policy/rules.ts';
import type { Check } from '../../core/policy/verdict.ts';
import { buildVariants } from './variants.ts';

const users = ['ana', 'ben', 'eve', 'kim'] as const;
const roles = ['editor', 'guest', 'admin'] as const;
const methods = ['GET', 'HEAD', 'POST', 'DELETE'] as const;
const paths = ['/', '/api', '/api/items', '/admin', '/admin/users', '/a%2fb', '/admin;x/users', '/API/items', '*'] as const;
const addresses = ['192.0.2.7', '198.51.100.9', '2001:db8::7'] as const;
const hosts = ['blog.example.test', 'www.example.test'] as const;
const field = 'x-me';

type Policy = Readonly<{
  pick: (exchange: Exchange) => Route<Service>;
  about: (check: Check) => About;
  rolesOf: ReadonlyMap<string, readonly string[]>;
}>;

function made(match: ReturnType<typeof globPath>): Match {
  assert.ok(match.ok);
  return match.match;
}

function some<Item>(chance: Chance, items: readonly Item[]): readonly Item[] {
  return items.filter(() => chance.once(2));
}

function randomMatch(chance: Chance, depth = 0): Match {
  if (depth < 2 && chance.once(4)) {
    const of = [randomMatch(chance, depth + 1), randomMatch(chance, depth + 1)];
    return chance.pick([() => allOf(of), () => anyOf(of), () => not(of[0] ?? always)])();
  }
  return chance.pick([
    () => always,
    () => methodMatch(some(chance, methods)),
    () => hostMatch(chance.pick(['blog.example.test', '*.example.test'])),
    () => addressMatch([parsePrefix(chance.pick(['192.0.2.0/24', '2001:db8::/32', '198.51.100.9/32']))].filter((each) => each !== null)),
    () => made(globPath(chance.pick(['/api/**', '/admin/**', '/', '/a*/**', '/api/*']))),
  ])();
}

function randomWho(chance: Chance): Who {
  return chance.pick<() => Who>([
    () => ({ is: 'anyone' }),
    () => ({ is: 'signed-in' }),
    () => ({ is: 'some', roles: some(chance, roles), users: some(chance, users) }),
  ])();
}

/** Guards as the real ones are: what is shown is read, what is not known is refused, and who is listed could come in. */
function randomTree(chance: Chance, about: Map<Check, About>, rolesOf: Policy['rolesOf'], depth = 0): Tree {
  if (depth < 3 && chance.once(2)) {
    const of = Array.from({ length: chance.number(3) + 1 }, () => randomTree(chance, about, rolesOf, depth + 1));
    return { is: chance.pick(['any', 'all'] as const), of };
  }
  const anyone: Identity = { guard: 'public', subject: 'anyone', name: 'anyone', by: 'nothing', roles: [] };
  const kind = chance.number(5);
  const listed = some(chance, users) as readonly string[];
  const near = chance.pick(addresses);
  const check: Check =
    kind === 0
      ? () => ({ is: 'pass', identity: anyone })
      : kind === 1
        ? ({ from }) =>
            from.ip === near
              ? { is: 'pass', identity: { ...anyone, guard: 'ip', subject: `address:${near}`, by: 'address' } }
              : { is: 'deny', code: 'address-denied', why: 'another address' }
        : ({ http }) => {
            const name = http?.fields.find(({ lower }) => lower === field)?.value;
            if (name === undefined) return { is: 'challenge', code: 'credentials-missing', why: 'nothing was shown', answer: null };
            if (!listed.includes(name)) return { is: 'challenge', code: 'credentials-wrong', why: 'not of this service', answer: null };
            return {
              is: 'pass',
              identity: { guard: 'password', subject: `user:${name}`, name, by: 'session', roles: rolesOf.get(name) ?? [] },
            };
          };
  const knows = (subject: string): boolean => kind > 1 && listed.some((name) => subject === `user:${name}`);
  about.set(check, { words: `guard ${kind}`, knows });
  return { is: 'check', check };
}

function policyOf(
  rules: readonly Rule[] | null,
  access: Tree,
  about: Map<Check, About>,
  rolesOf: Policy['rolesOf'],
  ownRoles: Policy['rolesOf'],
): Policy {
  const service = { name: 'blog', words: '' } as Service;
  const free: Check = () => ({ is: 'pass', identity: { guard: 'public', subject: 'anyone', name: 'anyone', by: 'nothing', roles: [] } });
  const firewall: Check = ({ http }) => (http?.target === '/.git' ? { is: 'deny', code: 'path-denied', why: 'hidden' } : { is: 'pass' });
  const variants = buildVariants({
    service,
    legs: [{ match: always, open: service.dial, forwarding: service.forwarding, words: '' }] as unknown as Parameters<
      typeof buildVariants
    >[0]['legs'],
    access,
    open: { is: 'check', check: free },
    always: [firewall],
    meter: [],
    rules,
    roles: ownRoles,
  });
  const known = new Map([...about, ...variants.about]);
  return { pick: variants.pick, about: (check) => known.get(check) ?? { words: 'a check' }, rolesOf };
}

function randomPolicy(chance: Chance): Policy {
  const about = new Map<Check, About>();
  const rolesOf = new Map(users.map((name) => [name, some(chance, roles)]));
  const ownRoles = new Map(users.map((name) => [name, some(chance, roles)]));
  const rule = (last: boolean): Rule => ({
    match: last ? always : randomMatch(chance),
    does: chance.pick(['allow', 'deny'] as const),
    who: last ? { is: 'anyone' } : randomWho(chance),
    words: 'a rule',
    last,
  });
  const rules = chance.once(8) ? null : [...Array.from({ length: chance.number(5) }, () => rule(false)), rule(true)];
  return policyOf(rules, randomTree(chance, about, rolesOf), about, rolesOf, ownRoles);
}

type Visitor = Readonly<{ method: string; target: string; from: string; host: string; as: string | null }>;

/** The same visitor twice: as they really come, with their credential; and as somebody asks about them. */
async function both(policy: Policy, { as, ...asked }: Visitor) {
  const real = exchangeOf({ ...asked, fields: as === null ? [] : [[field, as]] });
  const outcome: Outcome = await judge(real, policy.pick(real), noBody);
  const identity: Identity | null =
    as === null ? null : { guard: 'explain', subject: `user:${as}`, name: as, by: 'session', roles: policy.rolesOf.get(as) ?? [] };
  const question = exchangeOf({ ...asked, identity });
  const told = await explain(question, policy.pick(question), policy.about, noBody);
  return { outcome, told };
}

const seed = Number(process.env['SALLYPORT_SEED'] ?? randomInt(2 ** 31));
const cases = Number(process.env['SALLYPORT_POLICIES'] ?? 5_000);

test(`explain agrees with the decision: ${cases} visitors of random policies, seed ${seed}`, async () => {
  const chance = new Chance(seed);
  const seen = new Map<string, number>();
  let policy = randomPolicy(chance);
  for (let at = 0; at < cases; at += 1) {
    if (at % 5 === 0) policy = randomPolicy(chance);
    const visitor: Visitor = {
      method: chance.pick(methods),
      target: chance.once(20) ? '/.git' : chance.pick(paths),
      from: chance.pick(addresses),
      host: chance.pick(hosts),
      as: chance.once(3) ? null : chance.pick(users),
    };
    const { outcome, told } = await both(policy, visitor);
    const where = `seed ${seed}, case ${at}: ${JSON.stringify(visitor)}\n${told.steps.map((step) => `${step.stage} ${step.words}: ${step.says}, ${step.why}`).join('\n')}`;
    assert.equal(told.is, outcome.is, where);
    // What a guard says of a credential that is not its own is not known without one; that it refuses is.
    const sure = outcome.is === 'refuse' && (visitor.as === null || outcome.stage !== 'identify');
    if (sure) assert.equal(told.code, outcome.code, where);
    const deciding = told.steps.filter((step) => step.decides);
    if (outcome.is === 'refuse' && outcome.stage !== 'identify')
      assert.deepEqual(
        deciding.map(({ stage }) => stage),
        [outcome.stage],
        where,
      );
    assert.ok(deciding.length <= 1, where);
    const what = outcome.is === 'admit' ? 'admit' : `${outcome.stage} ${outcome.code}`;
    seen.set(what, (seen.get(what) ?? 0) + 1);
  }
  for (const what of [
    'admit',
    'identify credentials-missing',
    'authorize rule-denied',
    'authorize request-ambiguous',
    'authorize path-denied',
  ])
    assert.ok((seen.get(what) ?? 0) > cases / 1_000, `hardly any ${what}: ${JSON.stringify([...seen])}`);
});

/** Rows: who; columns: methods; in each cell what happens at the five paths below. y: in, n: refused by a rule, ?: asked who it is. */
const table = `
            GET    HEAD   POST   PUT    DELETE
  nobody    yy???  yy???  ?????  ?????  ?????
  guest     yynyn  yynyn  nnnyn  nnnnn  nnnnn
  reader    yynyn  yynyn  nnnyn  nnnnn  nnnnn
  editor    yyyyn  yyyyn  yyyyn  yyyyn  nnnnn
  admin     yyyyy  yyyyy  yyyyy  yyyyy  yyyyy
  both      yyyyy  yyyyy  yyyyy  yyyyy  yyyyy
  ben       yynyn  yynyn  nnnyn  nnnnn  nynnn
  stranger  yy???  yy???  ?????  ?????  ?????
`;
const places = ['/', '/posts/7', '/drafts/7', '/comments/7', '/admin/users'] as const;

test('roles × methods × paths: 200 cases as a table, decided and explained alike', async () => {
  const rolesOf = new Map<string, readonly string[]>([
    ['guest', ['guest']],
    ['reader', ['reader']],
    ['editor', ['editor']],
    ['admin', ['admin']],
    ['both', ['editor', 'admin']],
    ['ben', ['guest']],
  ]);
  const about = new Map<Check, About>();
  const known: Check = ({ http }) => {
    const name = http?.fields.find(({ lower }) => lower === field)?.value;
    if (name === undefined || !rolesOf.has(name)) return { is: 'challenge', code: 'credentials-missing', why: 'nobody', answer: null };
    return { is: 'pass', identity: { guard: 'password', subject: `user:${name}`, name, by: 'session', roles: rolesOf.get(name) ?? [] } };
  };
  about.set(known, { words: 'a password', knows: (subject) => rolesOf.has(subject.slice('user:'.length)) });
  const may = (match: Match, who: Who): Rule => ({ match, does: 'allow', who, words: 'a rule', last: false });
  const role = (...names: readonly string[]): Who => ({ is: 'some', roles: names, users: [] });
  const [reading, writing] = [methodMatch(['GET', 'HEAD']), methodMatch(['POST', 'PUT'])];
  const below = (pattern: string): Match => made(globPath(pattern));
  const rules: readonly Rule[] = [
    may(below('/admin/**'), role('admin')),
    may(allOf([methodMatch(['DELETE']), below('/posts/**')]), { is: 'some', roles: ['admin'], users: ['ben'] }),
    may(allOf([reading, anyOf([below('/'), below('/posts/**')])]), { is: 'anyone' }),
    may(allOf([anyOf([reading, methodMatch(['POST'])]), below('/comments/**')]), { is: 'signed-in' }),
    may(anyOf([reading, writing]), role('editor', 'admin')),
    { match: always, does: 'allow', who: role('admin'), words: 'otherwise', last: true },
  ];
  const policy = policyOf(rules, { is: 'check', check: known }, about, rolesOf, new Map());
  const [head = '', ...rows] = table.trim().split('\n');
  const columns = head.trim().split(/\s+/);
  let count = 0;
  for (const row of rows) {
    const [name = '', ...cells] = row.trim().split(/\s+/);
    for (const [column, cell] of cells.entries()) {
      for (const [place, wanted] of cell.split('').entries()) {
        const visitor = { method: columns[column] ?? '', target: places[place] ?? '', from: '192.0.2.7', host: 'blog.example.test' };
        const { outcome, told } = await both(policy, { ...visitor, as: name === 'nobody' ? null : name });
        const found = outcome.is === 'admit' ? 'y' : outcome.stage === 'identify' ? '?' : 'n';
        assert.equal(found, wanted, `${name} ${visitor.method} ${visitor.target}`);
        assert.equal(told.is, outcome.is, `explained: ${name} ${visitor.method} ${visitor.target}`);
        count += 1;
      }
    }
  }
  assert.equal(count, 200);
});
