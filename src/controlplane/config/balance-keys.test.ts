import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parser } from '../../cli/configuration.ts';
import type { ServicePlan } from './plan.ts';

function read(service: string): ServicePlan | string {
  const parsed = parser.parse(`services:\n  web: { access: [public], ${service} }\n`, '/etc/sallyport.yaml');
  if (!parsed.ok) return parsed.problems[0]?.sentence ?? '';
  return parsed.config.services[0] ?? '';
}

test('a list says its members with their weights, and how it is balanced', () => {
  const plan = read(
    "to: [3001, { to: 'http://10.0.0.2:80', weight: 3 }, { to: 'unix:/run/app.sock', emergency: true }], " +
      'balance: { by: least, sticky: { header: X-Session }, check: { path: /health, every: 5s, fails: 2 }, slowstart: 30s, connections: 20 }, ' +
      'timeouts: { dial: 2s, answer: 1m30s, idle: 10s }',
  );
  assert.ok(typeof plan === 'object');
  const one = { is: 'http', host: 'localhost', port: 3001 };
  assert.deepEqual(plan.behind, {
    ...one,
    members: [
      { behind: one, weight: 1, emergency: false },
      { behind: { is: 'http', host: '10.0.0.2', port: 80 }, weight: 3, emergency: false },
      { behind: { is: 'http', host: 'localhost', port: 80, socket: '/run/app.sock' }, weight: 1, emergency: true },
    ],
  });
  assert.deepEqual(plan.balance, {
    rules: {
      by: 'least',
      sticky: { by: 'header', name: 'x-session' },
      path: '/health',
      everyMs: 5_000,
      withinMs: 2_000,
      failsMax: 2,
      slowMs: 30_000,
    },
    connections: 20,
  });
  assert.deepEqual(plan.timeouts, { dialMs: 2_000, answerMs: 90_000, idleMs: 10_000 });
});

const mistakes: readonly (readonly [title: string, service: string, sentence: RegExp])[] = [
  ['an empty list', 'to: []', /to: found an empty list, expected at least one backend/],
  ['kinds that differ', "to: [3001, 'tcp://127.0.0.1:22']", /expected backends of one kind/],
  ['an answer of our own', "to: [3001, 'respond:200']", /expected backends of one kind/],
  ['the same twice', 'to: [3001, { to: 3001, weight: 2 }]', /expected each backend once/],
  [
    'nobody for everybody',
    'to: [{ to: 3001, weight: 0 }, { to: 3002, emergency: true }]',
    /expected one backend at least that takes everybody/,
  ],
  ['a weight that is none', 'to: [{ to: 3001, weight: -1 }]', /weight: found -1, expected a weight from 0 to 1000/],
  ['an unknown key', 'to: [{ to: 3001, wieght: 2 }]', /wieght: unknown key, did you mean weight\?/],
  ['a relative socket', "to: 'unix:app.sock'", /expected unix: and an absolute path of 103 bytes at most/],
  ['a socket with a line end', 'to: "unix:/run/a\\nb"', /expected unix: and an absolute path/],
  [
    'another stickiness',
    'to: [3001, 3002], balance: { sticky: session }',
    /sticky: found "session", expected cookie, address or \{ header: NAME \}/,
  ],
  [
    'a check that comes too often',
    'to: [3001, 3002], balance: { check: { every: 500 } }',
    /every: found 500, expected a time from 1s to 1h/,
  ],
  [
    'a path with a line end',
    'to: [3001, 3002], balance: { check: { path: "/a\\r\\nX: y" } }',
    /path: found .*, expected a path like \/health/,
  ],
  ['balance where nothing is dialled', "to: 'respond:200', balance: {}", /balance: found it where nothing is dialled/],
  [
    'a cookie beside tcp',
    "to: ['tcp://127.0.0.1:22', 'tcp://127.0.0.1:23'], balance: { sticky: cookie }",
    /balance: found what asks for HTTP beside tcp/,
  ],
  ['an answer beside tcp', "to: 'tcp://127.0.0.1:22', timeouts: { answer: 5s }", /timeouts: found answer or idle beside tcp/],
  ['rewritehost of several', 'to: [3001, 3002], rewritehost: true', /rewritehost: found true beside several backends/],
];

for (const [title, service, sentence] of mistakes) {
  test(`names ${title}`, () => {
    const found = read(service);
    assert.ok(typeof found === 'string', 'it was taken');
    assert.match(found, sentence);
  });
}
