import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseFrom, isOf, type Choice } from './choosing.ts';

type Open = Readonly<{ id: string; subject: string }>;

const all: readonly Open[] = [
  { id: 'a1', subject: 'user:ana' },
  { id: 'b2', subject: 'user:ben' },
  { id: 'c3', subject: 'email:ana@example.org' },
];

function chosen(id: string | undefined, user?: string, everybody?: true): readonly string[] {
  const choice: Choice<Open> = {
    kind: 'door',
    missing: 'door-missing',
    list: 'sallyport doors list',
    said: [
      ['--user NAME', user === undefined ? undefined : (each) => isOf(each, user)],
      ['--all', everybody === undefined ? undefined : () => true],
    ],
  };
  return chooseFrom(all, id, choice).map((each) => each.id);
}

test('one by its id, all of somebody, or all of everybody', () => {
  assert.deepEqual(chosen('b2'), ['b2']);
  assert.deepEqual(chosen(undefined, 'ANA'), ['a1']);
  assert.deepEqual(chosen(undefined, 'email:ana@example.org'), ['c3']);
  assert.deepEqual(chosen(undefined, undefined, true), ['a1', 'b2', 'c3']);
  assert.deepEqual(chosen(undefined, 'nobody'), []);
});

test('nothing, two things at once, and an id that nobody has are refused', () => {
  const which = { code: 'usage-wrong', message: 'Say which: the id of one door, --user NAME or --all.' };
  assert.throws(() => chosen(undefined), which);
  assert.throws(() => chosen('a1', 'ana'), which);
  assert.throws(() => chosen(undefined, 'ana', true), which);
  assert.throws(() => chosen('d4'), { code: 'door-missing', message: 'There is no open door "d4".' });
  assert.throws(() => chosen(''), { code: 'door-missing' });
});
