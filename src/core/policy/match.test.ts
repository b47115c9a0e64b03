/** Matches: each by examples, and all spellings of a path against a slow second reading of the rules. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseNetwork } from '../address.ts';
import { fieldOf } from '../http/fields.ts';
import { canonicalPath } from '../http/path.ts';
import { rewrittenTarget } from '../http/rewrite-target.ts';
import type { Exchange } from './exchange.ts';
import { addressMatch, allOf, anyOf, hostMatch, methodMatch, not, type Finding, type Match } from './match.ts';
import { exactPath, globPath, literalPath, prefixPath, regexPath } from './match-path.ts';
import { headerMatch, queryMatch } from './match-values.ts';

type Asked = Readonly<{ target?: string; host?: string; method?: string; ip?: string; fields?: readonly (readonly [string, string])[] }>;

function asked({ target = '/', host = 'x.org', method = 'GET', ip = '192.0.2.7', fields = [] }: Asked): Exchange {
  const sent = fields.map(([name, value]) => fieldOf(name, value));
  const path = target === '*' ? null : canonicalPath(target);
  const rest = { minor: 1, framing: { is: 'none' }, persistent: true, expectsContinue: false, upgrade: null } as const;
  return {
    id: 'x',
    at: 0,
    listener: { name: 'x', scheme: 'https', port: 443, via: 'direct', loopback: false },
    from: { ip, port: 1 },
    host,
    sni: null,
    identity: null,
    http: { ...rest, method, target, path, fields: sent, authority: { host, port: null } },
  };
}

function made(text: string, make: typeof globPath = globPath): Match {
  const found = make(text);
  assert.ok(found.ok, text);
  return found.match;
}

test('paths: exact, prefix, glob and regex, all of the whole canonical text', () => {
  const finds = (match: Match, target: string): Finding => match.finds(asked({ target }));
  const yes: readonly (readonly [Match, string])[] = [
    [made('/admin'), '/admin'],
    [made('/admin'), '/%61dmin?x'],
    [made('/admin/**'), '/admin'],
    [made('/admin/**'), '/admin/'],
    [made('/admin/**'), '/admin/a//b'],
    [made('/a/*/c'), '/a/b/c'],
    [made('/a/**/c'), '/a/c'],
    [made('/a/**/c'), '/a/b/b/c'],
    [made('/**/*.php'), '/x/y.php'],
    [made('/*.php'), '/y.php'],
    [made('/über'), '/%C3%BCber'],
    [made('/api/', prefixPath), '/api/x'],
    [made('/**'), '/x//y'],
    [made('/a*b', exactPath), '/a*b'],
    [made('/u/[0-9]+', regexPath), '/u/17'],
  ];
  for (const [match, target] of yes) assert.equal(finds(match, target), true, `${match.words} ${target}`);
  const no: readonly (readonly [Match, string])[] = [
    [made('/admin'), '/admin/'],
    [made('/admin'), '/Admin'],
    [made('/admin/**'), '/administrator'],
    [made('/a/*/c'), '/a/b/b/c'],
    [made('/*.php'), '/x/y.php'],
    [made('/a*b', exactPath), '/axb'],
    [made('/u/[0-9]+', regexPath), '/u/17/x'],
    [made('/admin/**'), '/public//x'],
  ];
  for (const [match, target] of no) assert.equal(finds(match, target), false, `${match.words} ${target}`);
  for (const target of ['/x/..;/admin', '//admin', '/admin%2f..', '/ad%00min', '*'])
    assert.equal(finds(made('/admin/**'), target), null, target);
  for (const text of ['admin', '/a//b', '/a/../b', '/a?b', '/a%2fb', '/a b', '/%zz', '/a***', '/a**b', '', '/\ud800'])
    assert.equal(globPath(text).ok, false, text);
});

test('hosts, methods and addresses', () => {
  assert.equal(hostMatch('x.org').finds(asked({})), true);
  assert.equal(hostMatch('*.x.org').finds(asked({ host: 'a.x.org' })), true);
  assert.equal(hostMatch('*.x.org').finds(asked({ host: 'a.b.x.org' })), false);
  assert.equal(hostMatch('*.x.org').finds(asked({ host: '.x.org' })), false);
  assert.equal(hostMatch('*.x.org').finds(asked({})), false);
  assert.equal(hostMatch('**.x.org').finds(asked({ host: 'a.b.x.org' })), true);
  assert.equal(hostMatch('x.org').finds(asked({ host: '' })), null);
  assert.equal(methodMatch(['GET', 'HEAD']).finds(asked({ method: 'HEAD' })), true);
  assert.equal(methodMatch(['GET']).finds(asked({ method: 'get' })), false);
  assert.equal(methodMatch(['GET']).finds({ ...asked({}), http: null }), null);
  const networks = ['192.0.2.0/24', '2001:db8::/32'].flatMap((text) => parseNetwork(text) ?? []);
  assert.equal(addressMatch(networks).finds(asked({})), true);
  assert.equal(addressMatch(networks).finds(asked({ ip: '2001:db8::1' })), true);
  assert.equal(addressMatch(networks).finds(asked({ ip: '198.51.100.1' })), false);
  assert.equal(addressMatch(networks).finds(asked({ ip: 'unknown' })), null);
});

test('attack: parameter pollution: a query that servers read differently is no answer', () => {
  const found = (query: string, wanted: string | boolean = 'true', name = 'debug'): Finding =>
    queryMatch(name, wanted).finds(asked({ target: `/?${query}` }));
  for (const query of ['debug=true', 'a=1&debug=true', '%64ebug=tru%65', 'debug=true&debug=true']) assert.equal(found(query), true, query);
  for (const query of ['', 'a=debug', 'debug=false', 'debug', 'debugs=true', 'x=debug%3Dtrue']) assert.equal(found(query), false, query);
  for (const query of [
    'debug=true&debug=false',
    'a=1;debug=true',
    'Debug=true',
    'debug[]=true',
    'debug=%74%72ue;x',
    'debug=%2574rue',
    'debug=%zz',
    '%zz=1',
  ])
    assert.equal(found(query), null, query);
  assert.equal(found('debug', true), true);
  assert.equal(found('x', false), true);
  assert.equal(found('x;debug', false), null);
  assert.equal(found('q=a+b', 'a b', 'q'), null);
  assert.equal(found('q=a%20b', 'a*', 'q'), true);
});

test('attack: hop-by-hop abuse: a field is matched as its service gets it, or not at all', () => {
  const found = (fields: readonly (readonly [string, string])[], wanted: string | boolean = 'blue'): Finding =>
    headerMatch('x-team', wanted).finds(asked({ fields }));
  assert.equal(found([['X-Team', 'blue']]), true);
  assert.equal(found([['X-Team', 'red']]), false);
  assert.equal(found([]), false);
  assert.equal(found([], false), true);
  assert.equal(
    found([
      ['X-Team', 'blue'],
      ['x-team', 'red'],
    ]),
    null,
  );
  assert.equal(found([['X_Team', 'blue']]), null);
  assert.equal(found([['X_Team', 'blue']], false), null);
  assert.equal(
    found([
      ['X-Team', 'blue'],
      ['Connection', 'x-team'],
    ]),
    null,
  );
  assert.equal(
    found([
      ['X-Team', 'blue'],
      ['Connection', 'keep-alive'],
    ]),
    true,
  );
  assert.equal(headerMatch('cookie', true).finds(asked({ fields: [['Cookie', '__Host-sallyport=x']] })), false);
});

test('and, or, not: what is unsure stays so, unless the rest settles it', () => {
  const saying = (found: Finding): Match => ({ words: String(found), finds: () => found });
  const [yes, no, unsure] = [saying(true), saying(false), saying(null)];
  const of = (match: Match): Finding => match.finds(asked({}));
  assert.equal(of(allOf([yes, unsure])), null);
  assert.equal(of(allOf([unsure, no])), false);
  assert.equal(of(anyOf([unsure, yes])), true);
  assert.equal(of(anyOf([no, unsure])), null);
  assert.equal(of(not(unsure)), null);
  assert.equal(of(not(no)), true);
});

/** What servers are known to make of a path: decoding once or twice, `;` cut, `\` as `/`, dots removed, slashes merged. */
function serverReadings(target: string): ReadonlySet<string> {
  const found = new Set<string>();
  const decode = (text: string): string =>
    text.replaceAll(/%([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  for (const times of [0, 1, 2])
    for (const cut of [false, true])
      for (const back of [false, true])
        for (const merge of [false, true]) {
          let text = target;
          for (let count = 0; count < times; count += 1) text = decode(text);
          if (back) text = text.replaceAll('\\', '/');
          if (cut) text = text.replaceAll(/;[^/]*/g, '');
          if (merge) text = text.replaceAll(/\/\/+/g, '/');
          const kept: string[] = [];
          for (const segment of text.slice(1).split('/')) {
            if (segment === '..') kept.pop();
            else if (segment !== '.') kept.push(segment);
          }
          found.add(decode(`/${kept.join('/')}`));
        }
  return found;
}

/** A second, slow reading of a glob: segment by segment. */
function slowGlob(glob: readonly string[], path: readonly string[]): boolean {
  const [first, ...rest] = glob;
  if (first === undefined) return path.length === 0;
  if (first === '**') return Array.from({ length: path.length + 1 }, (_, skip) => slowGlob(rest, path.slice(skip))).some(Boolean);
  const [segment, ...more] = path;
  if (segment === undefined) return false;
  const pattern = first
    .split('*')
    .map((part) => part.replaceAll(/[.]/g, '\\.'))
    .join('[^]*');
  return new RegExp(`^${pattern}$`).test(segment) && slowGlob(rest, more);
}

test('attack: path confusion: in all spellings, the decision is that of every server, or none', () => {
  let seed = 11;
  const chance = (below: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor(seed / 65_536) % below;
  };
  const pick = (from: readonly string[]): string => from[chance(from.length)] ?? '';
  const pieces = [
    'admin',
    'a',
    'x.php',
    'x',
    '.',
    '..',
    '',
    '%2e',
    '%2E%2e',
    '..;',
    'admin;y',
    '%61dmin',
    '%2561dmin',
    'admin%2fx',
    '\\..',
    '%5cadmin',
    'a%20',
    '%252e%252e',
  ];
  const globs = ['/admin/**', '/admin', '/a/*', '/**/x.php', '/a/**/x', '/*.php', '/**/admin/**'];
  const counts = { sure: 0, unsure: 0, yes: 0 };
  for (let round = 0; round < 6_000; round += 1) {
    const target = `/${Array.from({ length: 1 + chance(4) }, () => pick(pieces)).join(pick(['/', '/', '/', '//', '%2f', '\\']))}`;
    const glob = pick(globs);
    const found = made(glob).finds(asked({ target }));
    if (found === null) {
      counts.unsure += 1;
      continue;
    }
    counts.sure += 1;
    if (found) counts.yes += 1;
    // The service gets these very bytes: whatever it makes of them, the rule has said the same.
    for (const reading of serverReadings(target))
      assert.equal(slowGlob(glob.slice(1).split('/'), reading.slice(1).split('/')), found, `${glob} on ${target}, read as ${reading}`);
    // And where the path is rewritten, it is of the text that was matched.
    const head = asked({ target }).http;
    assert.ok(head !== null);
    const sent = rewrittenTarget(head, { is: 'prefix', from: '/a', to: '/b' }, { set: [], remove: [] });
    const text = head.path?.clear === true ? head.path.text : null;
    const expected = text === '/a' || text?.startsWith('/a/') === true ? `/b${text.slice(2)}` : target;
    assert.equal(sent, text === null ? null : expected, target);
  }
  assert.ok(counts.sure > 1_500 && counts.unsure > 600 && counts.yes > 150, JSON.stringify(counts));
});

test('literal paths have one spelling', () => {
  assert.equal(literalPath('/%61'), '/a');
  assert.equal(literalPath('/ü'), '/%C3%BC');
  assert.equal(literalPath('/a;b'), null);
});
