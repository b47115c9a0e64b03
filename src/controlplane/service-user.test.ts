/** Nobody serves as root without a word, and a wrong name stops the start. */

import { deepEqual, equal, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { readUserName, standingOf } from './service-user.ts';

const code = (wanted: string) => (error: unknown) => error instanceof Error && 'code' in error && error.code === wanted;

test('root that nobody said is known as such', () => {
  deepEqual(standingOf(null, 0), { is: 'unsaid' });
  deepEqual(standingOf('root', 0), { is: 'stays', ignored: null });
});

test('another name for root is no way around it', () => {
  throws(() => standingOf('0:0', 0), code('root-refused'));
  throws(() => standingOf('1000:0', 0), code('root-refused'));
});

test('numbers need no account; a name that the system does not know is refused', () => {
  deepEqual(standingOf('1000:1001', 0), { is: 'leaves', user: { name: null, uid: 1000, gid: 1001, home: null } });
  throws(() => standingOf('nobody-of-this-name', 0), code('user-missing'));
});

test('who is not root stays who they are, and is told where somebody else was meant', () => {
  const ana = () => 'ana';
  for (const said of [null, 'root', 'ana', '1000:5']) deepEqual(standingOf(said, 1000, ana), { is: 'stays', ignored: null });
  deepEqual(standingOf('ben', 1000, ana), { is: 'stays', ignored: 'ben' });
  deepEqual(standingOf('ben', undefined, ana), { is: 'stays', ignored: null });
});

test('the name of a user holds nothing that a file of accounts or a command would read otherwise', () => {
  for (const text of ['sallyport', '_www', 'a.b-c', 'machine$', '1000:1000']) equal(readUserName(text), text);
  for (const text of ['', 'a:b', '-x', '1000', 'a b', '../x', 'a\nroot', '$(id)', 'a'.repeat(40)]) equal(readUserName(text), null);
});
