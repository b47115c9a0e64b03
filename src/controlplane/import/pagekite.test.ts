/** Configurations of PageKite come to what stands beside them, hold no secret, and let in nobody more. */

import { deepEqual, equal, match, ok, throws } from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { parse } from 'yaml';
import { Chance } from '../../../test/fuzz/chance.ts';
import { parser } from '../../cli/configuration.ts';
import { SallyportError } from '../../core/errors.ts';
import { optionsWithReasons, reasonForOption } from './pagekite-reasons.ts';
import { importPageKite } from './pagekite.ts';

const folder = new URL('../../../test/vectors/pagekite/', import.meta.url);
const inputs = readdirSync(folder).filter((name) => name.endsWith('.rc'));
const read = (name: string): string => readFileSync(new URL(name, folder), 'utf8');

for (const name of inputs) {
  test(`${name} comes to the configuration beside it, which is right`, () => {
    const { yaml, services } = importPageKite(read(name), name);
    const golden = new URL(name.replace('.rc', '.yaml'), folder);
    // SALLYPORT_GOLDEN=1 writes what a change of ours comes to, to be looked at.
    if (process.env['SALLYPORT_GOLDEN'] === '1') writeFileSync(golden, yaml);
    equal(yaml, readFileSync(golden, 'utf8'));
    const parsed = parser.parse(yaml, '/etc/sallyport/sallyport.yaml');
    deepEqual(parsed.ok ? parsed.config.services.map((each) => each.name) : parsed.problems, services);
  });

  test(`secrets in words and logs: ${name} leaves none behind`, () => {
    ok(read(name).includes('hunter2'));
    equal(importPageKite(read(name), name).yaml.includes('hunter2'), false);
  });
}

type Shown = Readonly<{ services: Readonly<Record<string, Readonly<Record<string, unknown>>>> }>;
const shownOf = (text: string): readonly Readonly<Record<string, unknown>>[] =>
  Object.values((parse(importPageKite(text, 'x').yaml) as Shown).services);
const web = 'service_on=http:a.example.org:localhost:80:s\n';
const config = (words: string): string => `service_cfg=a.example.org/80:${words}\n`;

test('auth rule widened: an address and a password are both asked for, as PageKite asked', () => {
  const [service] = shownOf(`${web}${config('ip/10.1.2:ok')}${config('password/ana:x')}`);
  deepEqual(service?.['access'], [{ ip: ['10.1.2.0/24'], password: { users: ['ana'] } }]);
});

test('auth rule widened: who came in by nothing that can be said comes in by nothing', () => {
  const fine = 'service_on=http:b.example.org:localhost:81:s\n';
  for (const words of ['ip/10.1:ok', 'ip/300.1.2.3:ok', 'ip/:ok', 'ip/10.1.2.3:no', 'password/Ana Maria:x', 'password/ana\u2028b:x'])
    equal(importPageKite(`${web}${config(words)}${fine}`, 'x').services.join(), 'b', words);
  for (const policy of ['private', 'otp', 'odd']) {
    const own = `service_on=http:a.example.org:localhost:builtin:s\nwebpath=a.example.org/80:/:${policy}:/srv\n`;
    equal(importPageKite(`${own}${fine}`, 'x').services.join(), 'b', policy);
  }
});

test('auth rule widened: patterns of visitors at a front-end stop the import', () => {
  throws(() => importPageKite(`${web}client_acl=deny:10\\..*\n`, 'x'), /x, line 2: found client_acl/);
});

test('TCP that was open to everybody asks for a link', () => {
  const [service] = shownOf('service_on=raw/22:a.example.org:localhost:22:s\n');
  deepEqual(service, { at: 'a.example.org', to: 'tcp://localhost:22', access: [{ link: {} }] });
});

test('the short forms of a service are read', () => {
  for (const said of [
    'http:a.example.org:localhost:80',
    'http:a.example.org:80',
    'a.example.org:80',
    'http:a.example.org',
    'a.example.org',
    'HTTP : A.example.org : 80',
  ])
    deepEqual(shownOf(`service_on = ${said}\n`), [{ at: 'a.example.org', to: 'http://localhost:80', access: ['public'] }], said);
});

test('the firewall goes where PageKite was told so, and only there', () => {
  const other = 'service_on=http:b.example.org:localhost:81:s\n';
  const firewalls = (text: string): readonly unknown[] => shownOf(text).map((each) => each['firewall']);
  deepEqual(firewalls(`${web}${other}${config('insecure:True')}`), ['off', undefined]);
  deepEqual(firewalls(`${web}${other}${config('insecure:False')}`), [undefined, undefined]);
  deepEqual(firewalls(`insecure\n${web}${other}`), ['off', 'off']);
});

test('a front-end, an empty file and one of another program are told apart', () => {
  const hintOf = (text: string): string => {
    try {
      importPageKite(text, 'x');
    } catch (error) {
      ok(error instanceof SallyportError && error.code === 'config-malformed');
      return error.hint ?? '';
    }
    return '';
  };
  match(hintOf('isfrontend\nports=80,443\ndomain=*:*.example.org:secret\n'), /sallyport relay --domain/);
  match(hintOf(''), /\.pagekite\.rc/);
  match(hintOf('service_on=a:b:c:d:e:f:secret\n'), /leave out the line/);
  match(hintOf('= secret\n'), /leave out the line/);
});

test('the guide has a word for each protocol, each flag and each other option', () => {
  const guide = readFileSync(new URL('../../../docs/from-pagekite.md', import.meta.url), 'utf8');
  const flags = [
    'password',
    'ip',
    'insecure',
    'rewritehost',
    'rawheaders',
    'proxyproto',
    'indexes',
    'hide',
    'uploads',
    'cgi',
    'photobackup',
    'console',
  ];
  for (const flag of flags) ok(guide.includes(`+${flag}`), flag);
  for (const proto of ['http', 'https', 'websocket', 'raw/22', 'ssh', 'irc', 'xmpp', 'minecraft', 'http2'])
    ok(guide.includes(`\`${proto}`), proto);
  for (const option of [
    'kitename',
    'frontend',
    'dyndns',
    'proxy',
    'torify',
    'domain',
    'rawports',
    'tls_endpoint',
    'client_acl',
    'ratelimit_ips',
    'overload',
  ])
    ok(guide.includes(`\`${option}`), option);
});

test('every reason is a sentence’s worth', () => {
  for (const key of optionsWithReasons) match(reasonForOption(key), /^\S.{9,}/, key);
});

test('whatever is read, the fault is ours to name, and no secret is in it', () => {
  const seed = Number(process.env['SALLYPORT_SEED'] ?? Date.now() % 1_000_000_000);
  const chance = new Chance(seed);
  const all = inputs.map(read).join('\n');
  const odd = [':', '=', '\n', '/', ',', '*', '@kitename', '\u2028', '"', '# ', '\r', '-', 'END', '::::', ' ', '{', '}'];
  for (let round = 0; round < 400; round += 1) {
    let text = all;
    for (let change = 0; change < 1 + chance.number(20); change += 1) {
      const at = chance.number(text.length);
      text = `${text.slice(0, at)}${odd[chance.number(odd.length)] ?? ''}${text.slice(at + chance.number(4))}`;
    }
    try {
      const { yaml, services } = importPageKite(text, 'x');
      const parsed = parser.parse(yaml, '/x.yaml');
      deepEqual(
        parsed.ok ? parsed.config.services.map((each) => each.name) : parsed.problems,
        services,
        `seed ${seed}, ${JSON.stringify(text)}`,
      );
    } catch (error) {
      ok(error instanceof SallyportError && error.code === 'config-malformed', `seed ${seed}: ${String(error)} ${JSON.stringify(text)}`);
      equal(`${error.message}${error.hint ?? ''}`.includes('hunter2'), false, `seed ${seed}`);
    }
  }
});
