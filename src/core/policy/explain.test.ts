/** What explain says of a route. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { exchangeOf, noBody } from '../../../test/doubles/exchange.ts';
import { explain, type About } from './explain.ts';
import type { Identity } from './exchange.ts';
import type { Route } from './route.ts';
import type { Check } from './verdict.ts';

const ana: Identity = { guard: 'password', subject: 'user:ana', name: 'ana', by: 'session', roles: [] };
const ip: Check = ({ from }) =>
  from.ip === '192.0.2.7'
    ? { is: 'pass', identity: { ...ana, guard: 'ip', subject: `address:${from.ip}`, by: 'address' } }
    : { is: 'deny', code: 'address-denied', why: 'far' };
const password: Check = () => ({ is: 'challenge', code: 'credentials-missing', why: 'no password', answer: null });
const firewall: Check = ({ http }) => (http?.target === '/.git' ? { is: 'deny', code: 'path-denied', why: 'hidden' } : { is: 'pass' });
const meter: Check = () => assert.fail('a meter was asked');
const words = new Map<Check, About>([
  [ip, { words: 'an address' }],
  [password, { words: 'a password of ana', knows: (subject) => subject === 'user:ana' }],
  [firewall, { words: 'the firewall' }],
  [meter, { words: '120 a minute' }],
]);
const route: Route<null> = {
  name: 'blog',
  service: null,
  identify: {
    is: 'any',
    of: [
      { is: 'check', check: ip },
      { is: 'check', check: password },
    ],
  },
  authorize: [firewall],
  meter: [meter],
};
const told = async (asked: Parameters<typeof exchangeOf>[0], of = route) => {
  const { is, steps } = await explain(exchangeOf(asked), of, (check) => words.get(check) ?? { words: '?' }, noBody);
  return { is, steps: steps.map((step) => `${' '.repeat(step.depth)}${step.words}: ${step.says}${step.decides ? ' !' : ''}`) };
};

describe('explain', () => {
  test('says which guard lets an address in', async () => {
    assert.deepEqual(await told({}), {
      is: 'admit',
      steps: ['any of: pass', ' an address: pass !', ' a password of ana: deny', 'the firewall: pass', '120 a minute: not asked'],
    });
  });

  test('says what a stranger lacks', async () => {
    assert.deepEqual(await told({ from: '198.51.100.1' }), {
      is: 'refuse',
      steps: ['any of: deny', ' an address: deny', ' a password of ana: deny !', 'the firewall: not asked', '120 a minute: not asked'],
    });
  });

  test('takes somebody at their name, and needs no secret for it', async () => {
    assert.equal((await told({ from: '198.51.100.1', identity: ana })).is, 'admit');
    assert.equal((await told({ from: '198.51.100.1', identity: { ...ana, subject: 'user:ben' } })).is, 'refuse');
  });

  test('says which rule after identify decides', async () => {
    assert.deepEqual((await told({ target: '/.git' })).steps, [
      'any of: pass',
      ' an address: pass',
      ' a password of ana: deny',
      'the firewall: deny !',
      '120 a minute: not asked',
    ]);
  });

  test('a route without a guard is closed', async () => {
    assert.equal((await told({}, { ...route, identify: null })).is, 'refuse');
  });
});
