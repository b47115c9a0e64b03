/** Hours of users and keys: how they are written, and what they end. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Identity } from '../../core/policy/exchange.ts';
import { readHours, withinHours } from '../../core/policy/hours.ts';
import { cutWithHours } from '../../gateway/hours-standing.ts';
import { exchangeOf, noBody } from '../../../test/doubles/exchange.ts';
import { testTools } from '../../../test/doubles/tools.ts';
import { hoursCheck } from './hours-check.ts';

const at = (text: string): number => Date.parse(text);

test('hours are read as people write them, and nothing else is', () => {
  for (const good of [
    'Mon-Fri 08:00-18:00 Europe/Berlin',
    'sat,sun 10:00-14:00 UTC',
    'daily 22:00-06:00 UTC',
    'Fri-Mon 00:00-24:00 UTC',
    'Mon 08:00-09:00 UTC; Tue 08:00-09:00 UTC',
  ])
    assert.notEqual(readHours(good), null, good);
  const bad = [
    '',
    'always',
    'Mon-Fri',
    'Mon-Fri 08:00-18:00',
    'Mon-Fri 8:00-18:00 UTC',
    'Mon-Fri 08:00-08:00 UTC',
    'Mon-Fri 08:00-25:00 UTC',
  ];
  bad.push(
    'Mon-Fri 08:00-18:00 Mars/Base',
    'Funday 08:00-18:00 UTC',
    'Mon-Tue-Wed 08:00-18:00 UTC',
    'Mon,Mon 08:00-18:00 UTC',
    'Mon 08:00-18:00 UTC more',
    'Mon 08:00-18:00 UTC;',
  );
  for (const text of [
    ...bad,
    'Mon 08:00-18:00-20:00 UTC',
    'Mon 24:00-08:00 UTC',
    `${'Mon 08:00-18:00 UTC;'.repeat(20)}Mon 08:00-18:00 UTC`,
  ])
    assert.equal(readHours(text), null, text);
  assert.equal(withinHours('nonsense', at('2026-11-18T12:00:00Z')), false, 'what cannot be read is no hour');
});

test('by the clock of the zone, over midnight and over the weekend', () => {
  const office = 'Mon-Fri 08:00-18:00 Europe/Berlin';
  // A Wednesday; Berlin is an hour ahead in winter, two in summer.
  for (const [moment, wanted] of [
    ['2026-11-18T06:59:59Z', false],
    ['2026-11-18T07:00:00Z', true],
    ['2026-11-18T16:59:59Z', true],
    ['2026-11-18T17:00:00Z', false],
    ['2026-07-15T06:00:00Z', true],
    ['2026-11-21T12:00:00Z', false],
  ] as const)
    assert.equal(withinHours(office, at(moment)), wanted, moment);
  const night = 'Fri 22:00-06:00 UTC';
  assert.deepEqual(
    ['2026-11-20T23:00:00Z', '2026-11-21T05:59:00Z', '2026-11-21T06:00:00Z', '2026-11-21T23:00:00Z'].map((each) =>
      withinHours(night, at(each)),
    ),
    [true, true, false, false],
  );
  assert.equal(withinHours('Fri-Mon 09:00-10:00 UTC', at('2026-11-22T09:30:00Z')), true);
});

test('outside of their hours nobody comes in with a right credential, and what runs is cut when they end', async () => {
  const tools = await testTools(['ana', 'ben']);
  await tools.people.users.setHours('ana', '  Mon-Fri  08:00-18:00 UTC ');
  await tools.people.keys.create({ name: 'ci', hours: 'daily 08:00-18:00 UTC' });
  await assert.rejects(tools.people.users.setHours('ben', 'whenever'), { code: 'usage-wrong' });
  await assert.rejects(tools.people.keys.create({ name: 'cd', hours: 'whenever' }), { code: 'usage-wrong' });
  const { check } = hoursCheck(tools);
  const found = async (subject: string, moment: string) => {
    const identity: Identity = { guard: 'x', subject, name: 'x', by: 'header', roles: [] };
    return (await check({ ...exchangeOf({ at: at(moment) }), identity }, noBody)).is;
  };
  const [day, evening] = ['2026-11-18T12:00:00Z', '2026-11-18T19:00:00Z'];
  assert.deepEqual([await found('user:ana', day), await found('user:ana', evening)], ['pass', 'deny']);
  assert.deepEqual([await found('key:ci', day), await found('key:ci', evening)], ['pass', 'deny']);
  assert.deepEqual(
    [await found('user:ben', evening), await found('link:1', evening), await found('key:gone', evening)],
    ['pass', 'pass', 'pass'],
  );

  let [next, wait] = [() => undefined as void, 0];
  const cut: string[] = [];
  const ends = (subject: string): Identity => ({ guard: 'x', subject, name: 'x', by: 'header', roles: [] });
  const engine = {
    cut: (of: (service: never, who: Identity | null) => boolean) => {
      for (const each of ['user:ana', 'user:ben', 'key:ci']) if (of(undefined as never, ends(each))) cut.push(each);
      return 0;
    },
  };
  tools.clock.now = at('2026-11-18T17:59:30Z');
  const watch = cutWithHours({ tools, engine, later: (run, ms) => (([next, wait] = [run, ms]), () => undefined) });
  assert.equal(wait, 30_050);
  next();
  assert.deepEqual(cut, []);
  tools.clock.now += wait;
  next();
  assert.deepEqual(cut, ['user:ana', 'key:ci']);
  await tools.people.users.setHours('ana', null);
  assert.equal(await found('user:ana', evening), 'pass');
  await watch.close();
});
