/** Configurations of Pound come to what stands beside them, and to nothing that lets in more; whatever is read, the fault has a line. */

import { deepEqual, equal, match, ok, throws } from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { parse } from 'yaml';
import { SallyportError } from '../../core/errors.ts';
import { parser } from '../../cli/configuration.ts';
import { Chance } from '../../../test/fuzz/chance.ts';
import { importPound } from './pound.ts';
import { knownWithoutCounterpart, reasonFor } from './pound-reasons.ts';

const folder = new URL('../../../test/vectors/pound/', import.meta.url);
const inputs = readdirSync(folder).filter((name) => name.endsWith('.cfg'));
const read = (name: string): string => readFileSync(new URL(name, folder), 'utf8');

for (const name of inputs) {
  test(`${name} comes to the configuration beside it, which is right`, () => {
    const { yaml, services } = importPound(read(name), name);
    const golden = new URL(name.replace('.cfg', '.yaml'), folder);
    // SALLYPORT_GOLDEN=1 writes what a change of ours comes to, to be looked at.
    if (process.env['SALLYPORT_GOLDEN'] === '1') writeFileSync(golden, yaml);
    equal(yaml, readFileSync(golden, 'utf8'));
    const parsed = parser.parse(yaml, '/etc/sallyport/sallyport.yaml');
    deepEqual(parsed.ok ? parsed.config.services.map((each) => each.name) : parsed.problems, services);
  });
}

const inListener = (lines: string): string => `ListenHTTPS\nAddress 0.0.0.0\nPort 443\n${lines}\nEnd\n`;
const backend = 'Backend\nAddress 127.0.0.1\nPort 80\nEnd\n';
type Shown = Readonly<{
  services: Readonly<Record<string, Readonly<{ to?: unknown; routes?: readonly Readonly<Record<string, unknown>>[] }>>>;
}>;
const shownOf = (text: string): Shown['services'][string] | undefined =>
  Object.values((parse(importPound(text, 'x').yaml) as Shown).services)[0];

test('auth rule widened: a service whose condition cannot be said refuses what it may have taken, and nothing behind it gets that', () => {
  for (const condition of [
    'BasicAuth "/etc/htpasswd"',
    'Not BasicAuth "/etc/htpasswd"',
    'LuaMatch "f"',
    'Path -re "(a)\\\\1"',
    'HeadDeny "User-Agent: Bad"',
    'ACL "of-a-file"',
    'TBF "k" 1 1',
    'Not Host -re "x.*y"',
  ]) {
    const shown = shownOf(inListener(`Service\nPath -beg "/admin"\n${condition}\n${backend}End\nService\n${backend}End`));
    equal(shown?.to, 'http://127.0.0.1:80', condition);
    const [, admin] = shown?.routes ?? [];
    deepEqual(admin, { match: { path: { regex: '/admin.*' } }, to: 'respond:503' }, condition);
  }
});

test('auth rule widened: what a refusal was for is refused wholly where its name can only be said more narrowly', () => {
  const shown = shownOf(inListener(`Service\nHeadRequire "Host: .*internal.*"\nError 403\nEnd\nService\n${backend}End`));
  deepEqual(shown?.routes?.[1], { match: { host: 'internal' }, to: 'respond:503' });
});

test('services of one listener are never reached by another, and no certificate of a visitor is passed over', () => {
  const other = `ListenHTTP\nAddress 127.0.0.1\nPort 81\nService\nPath "/x"\n${backend}End\nEnd\n`;
  throws(() => importPound(`${inListener(`Service\n${backend}End`)}${other}`, 'x'), /line 11: found services of its own/);
  throws(() => importPound(inListener(`ClientCert 2 9\nService\n${backend}End`), 'x'), /line 4: found certificates of visitors/);
  throws(() => importPound(inListener(`CheckURL "(.)\\\\1"\nService\n${backend}End`), 'x'), /line 4: found a CheckURL/);
});

test('methods that Pound refused are refused', () => {
  const routes = (level: string) => shownOf(inListener(`${level}\nService\n${backend}End`))?.routes;
  deepEqual(routes('xHTTP 1'), [{ match: { not: { method: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] } }, to: 'respond:405' }]);
  equal(routes('xHTTP 2'), undefined);
});

test('what cannot be read is named with its line', () => {
  const faults: readonly (readonly [string, RegExp])[] = [
    ['ListenHTTP\nAddress 1.2.3.4\n', /x, line 1: found no End/],
    ['End\n', /x, line 1: found End, and nothing is open/],
    ['User "ana\n', /x, line 1: found no second "/],
    ['ListenHTTP\nAddress nonsense!\nPort 80\nService\nEnd\nEnd\n', /x, line 1: found "nonsense! 80"/],
    ['User ana\n', /x has no ListenHTTP/],
    [`${'Service\n'.repeat(40)}`, /nested 12 deep/],
  ];
  for (const [text, fault] of faults) throws(() => importPound(text, 'x'), { code: 'config-malformed', message: fault });
});

test('YAML injection: what stood in the other file stays a comment or a value', () => {
  const evil = 'x\u2028services: { evil: { to: 22 } }\u0085y\u0000';
  const { yaml } = importPound(
    `LogFacility "${evil}"\n${inListener(`Cert "${evil}"\nService "${evil}"\nPath -exact "/${evil}"\n${backend}End`)}`,
    'x',
  );
  const shown = parse(yaml) as { services: object; certificates: readonly string[] };
  deepEqual(Object.keys(shown.services), ['pound']);
  deepEqual(shown.certificates, [evil]);
});

test('every line without a counterpart says what does the same, or why nothing has to', () => {
  ok(knownWithoutCounterpart.length > 60);
  for (const key of knownWithoutCounterpart) match(reasonFor(key), /^.{8,}$/, key);
  equal(reasonFor('err503'), reasonFor('err404'));
});

test('whatever is read, it is a configuration that is right, or a fault with its line', () => {
  const seed = Number(process.env['SALLYPORT_SEED'] ?? Date.now() % 1_000_000_000);
  const chance = new Chance(seed);
  const lines = inputs.flatMap((name) => read(name).split('\n'));
  const pieces = [
    '"',
    '\\',
    '#',
    '$1',
    '%[url]',
    '(?i)',
    '-icase',
    '-file',
    'Not',
    'End',
    'Service',
    '\u0000',
    '\u2028',
    '../..',
    '*',
    '65536',
    '-1',
    ':',
    '[::1]',
    '{',
    'é',
  ];
  for (let round = 0; round < 400; round += 1) {
    const base = chance.once(3)
      ? Array.from({ length: chance.number(30) }, () => chance.pick(lines))
      : read(chance.pick(inputs)).split('\n');
    const changed = base.flatMap((line) => {
      if (!chance.once(9)) return [line];
      const at = chance.number(line.length + 1);
      const form = chance.number(4);
      if (form === 0) return [];
      if (form === 1) return [line, chance.pick(lines)];
      return [`${line.slice(0, at)}${chance.pick(pieces)}${form === 2 ? line.slice(at) : line.slice(at + 2)}`];
    });
    const text = changed.join('\n');
    const where = `seed ${seed}, round ${round}:\n${text}`;
    try {
      const parsed = parser.parse(importPound(text, 'x').yaml, '/x.yaml');
      ok(parsed.ok, `${where}\n${parsed.ok ? '' : JSON.stringify(parsed.problems)}`);
    } catch (error) {
      if (!(error instanceof SallyportError)) throw new Error(where, { cause: error });
    }
  }
});
