/** `port:` and `udp://`: what can stand beside them, and what they come to. */

import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parser } from '../../cli/configuration.ts';
import { exchangeOf } from '../../../test/doubles/exchange.ts';
import { portNames, portWarnings } from './ports.ts';
import { isFor } from './unread.ts';

function read(service: object, rest: object = { relay: 'relay.example.org' }, others: object = {}) {
  return parser.parse(JSON.stringify({ ...rest, services: { ssh: service, ...others } }), '/x/sallyport.yaml');
}

function problemsOf(...given: Parameters<typeof read>): readonly string[] {
  const parsed = read(...given);
  return parsed.ok ? [] : parsed.problems.map(({ sentence }) => sentence);
}

const tcp = { to: 'tcp://127.0.0.1:22', port: 2222, access: ['public'] };
const udp = { to: 'udp://127.0.0.1:53', port: 5353, access: ['public'] };

describe('a port of the relay', () => {
  it('is the one name of its service', () => {
    for (const [service, behind, name] of [
      [tcp, { is: 'port', transport: 'tcp', host: '127.0.0.1', port: 22, at: 2222 }, 'tcp/2222'],
      [udp, { is: 'port', transport: 'udp', host: '127.0.0.1', port: 53, at: 5353 }, 'udp/5353'],
    ] as const) {
      const parsed = read(service);
      ok(parsed.ok);
      const [plan] = parsed.config.services;
      deepEqual(plan?.behind, behind);
      deepEqual(portNames(plan.behind), [name]);
    }
    const parsed = read({ to: 'tcp://127.0.0.1:22', access: ['public'] });
    ok(parsed.ok);
    equal(portNames(parsed.config.services[0]?.behind ?? { is: 'folder', path: '', indexes: false }), null);
  });

  it('may have public and ip before it, and PROXY headers behind it', () => {
    deepEqual(problemsOf({ ...tcp, access: ['public'], proxy: 'v2' }), []);
    deepEqual(problemsOf({ ...tcp, access: [{ ip: ['192.0.2.0/24'] }] }), []);
    // The embedded relay is one, too.
    deepEqual(problemsOf(tcp, {}), []);
  });

  it('takes nothing that would have to be read, and says what does', () => {
    const [password] = problemsOf({ ...tcp, access: [{ password: {} }] });
    match(
      password ?? '',
      /services\.ssh\.access: found password, which cannot be asked on a raw port, expected public, ip or login; without port .*sallyport connect/,
    );
    match(problemsOf({ ...udp, access: [{ link: {} }] })[0] ?? '', /found link.* expected public, ip or login$/);
    match(problemsOf({ to: tcp.to, port: 2222 })[0] ?? '', /found it and no access, expected \[public\]/);
    match(problemsOf({ to: udp.to, access: ['public'] })[0] ?? '', /services\.ssh\.to: found udp:\/\/ and no port/);
    match(problemsOf({ to: 3000, port: 2222 })[0] ?? '', /services\.ssh\.port: found it without tcp:\/\/ or udp:\/\//);
    match(problemsOf({ ...tcp, at: 'ssh.example.org' })[0] ?? '', /a raw port has no name/);
    match(problemsOf({ ...udp, proxy: 'v1' })[0] ?? '', /services\.ssh\.proxy: found it beside udp:\/\//);
    match(problemsOf({ ...tcp, rawheaders: true })[0] ?? '', /services\.ssh\.rawheaders: found it beside tcp:\/\//);
    match(problemsOf(tcp, { listen: 'https://0.0.0.0:443' })[0] ?? '', /expected it beside relay/);
    for (const port of [0, 65_536, 22.5, '2222']) match(problemsOf({ ...tcp, port })[0] ?? '', /expected a port from 1 to 65535/);
  });

  it('is one service’s, of TCP and of UDP each', () => {
    match(problemsOf(tcp, undefined, { other: tcp })[0] ?? '', /services\.other\.port: found tcp\/2222, which belongs to services\.ssh/);
    deepEqual(problemsOf(tcp, undefined, { other: { ...udp, port: 2222 } }), []);
  });

  it('route confusion: who comes to it reaches no service of a name, and who comes by a name does not reach it', () => {
    const listener = { name: 'relay:x', scheme: 'tcp', port: 2222, via: 'relay', loopback: false } as const;
    const came = { ...exchangeOf(), listener, host: 'tcp/2222', sni: null, http: null };
    for (const kind of ['http', 'folder', 'tls', 'tcp', 'redirect', 'respond'] as const) equal(isFor(kind, came), false, kind);
    equal(isFor('port', came), true);
    equal(isFor('port', exchangeOf()), false);
    equal(isFor('port', { ...exchangeOf(), http: null, listener: { ...listener, scheme: 'tls' } }), false);
  });

  it('comes with the warning that the relay can read', () => {
    const behind = { is: 'port', transport: 'udp', host: '127.0.0.1', port: 53, at: 5353 } as const;
    const [warning] = portWarnings('names', behind, [[{ guard: 'public', options: {} }]]);
    equal(warning?.code, 'port-raw');
    match(warning.message, /The relay can read what goes over udp port 5353 to names/);
    match(warning.hint ?? '', /Anybody who reaches the port reaches names itself/);
  });
});
