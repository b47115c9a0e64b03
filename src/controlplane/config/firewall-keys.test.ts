import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parser } from '../../cli/configuration.ts';

function planOf(service: string): unknown {
  const parsed = parser.parse(`services:\n  a: ${service}\n`, '/x/sallyport.yaml');
  if (!parsed.ok) return parsed.problems.map(({ line, sentence }) => `${line}: ${sentence}`);
  const [plan] = parsed.config.services;
  return [plan?.firewall, plan?.packs];
}

const proxy = 'proxy: {}, access: [{ key: {} }]';
const both = (mode: string): unknown => ({ protocol: mode, responses: mode });

test('a word means paths before a web service, and both packs before a proxy', () => {
  assert.deepEqual(planOf('{ to: 1 }'), ['on', undefined]);
  assert.deepEqual(planOf('{ to: 1, firewall: watch }'), ['watch', undefined]);
  assert.deepEqual(planOf('{ to: 1, firewall: { protocol: on } }'), ['on', { protocol: 'on', responses: 'off' }]);
  assert.deepEqual(planOf('{ to: 1, firewall: { paths: auto, responses: watch } }'), ['auto', { protocol: 'off', responses: 'watch' }]);
  assert.deepEqual(planOf(`{ ${proxy} }`), ['off', undefined]);
  assert.deepEqual(planOf(`{ ${proxy}, firewall: on }`), ['off', both('on')]);
  assert.deepEqual(planOf(`{ ${proxy}, firewall: watch }`), ['off', both('watch')]);
  assert.deepEqual(planOf(`{ ${proxy}, firewall: off }`), ['off', undefined]);
});

test('what could mean nothing is refused with its line', () => {
  for (const firewall of ['auto', '{ paths: on }', '{ paths: off, protocol: on }'])
    assert.deepEqual(planOf(`{ ${proxy}, firewall: ${firewall} }`), [
      '2: services.a.firewall: found paths beside a proxy, expected protocol and responses: on, off or watch',
    ]);
  assert.match(
    String(planOf('{ to: "tcp://127.0.0.1:22", firewall: { protocol: on } }')),
    /^2: services\.a\.firewall: found packs beside tcp/,
  );
  for (const firewall of ['ON', '[on]', '{ protocols: on }', '{ protocol: auto }'])
    assert.match(String(planOf(`{ to: 1, firewall: ${firewall} }`)), /^2: services\.a\.firewall/, firewall);
});
