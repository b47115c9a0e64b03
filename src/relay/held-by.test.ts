/** The relay's side of its holder: what it asks for, and what it does with the answers. */

import { deepEqual, equal, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import { heldOver, type HeldBy } from './held-by.ts';
import type { ToHolder, ToRelay } from './messages.ts';

type Holder = Readonly<{ held: HeldBy; asked: ToHolder[]; say: (message: ToRelay | object, handle?: object) => void; done: string[] }>;

function holder(): Holder {
  const asked: ToHolder[] = [];
  const done: string[] = [];
  let take: (message: unknown, handle: unknown) => void = () => undefined;
  const held = heldOver('first', { send: async (message) => void asked.push(message), onMessage: (listener) => void (take = listener) });
  held.follow({ leave: (why) => done.push(`leave ${why}`), end: () => done.push('end'), stay: ({ code }) => done.push(`stay ${code}`) });
  return { held, asked, done, say: (message, handle) => take(message, handle) };
}

test('sockets come with the answer to their own question', async () => {
  const { held, asked, say } = holder();
  const [one, other] = [held.bind({ host: '127.0.0.1', port: 1 }), held.bind({ host: '::1', port: 2 })];
  deepEqual(asked, [
    { is: 'bind', ask: 0, host: '127.0.0.1', port: 1 },
    { is: 'bind', ask: 1, host: '::1', port: 2 },
  ]);
  say({ is: 'bound', ask: 1, error: null }, { fd: 12 });
  say({ is: 'bound', ask: 0, error: null }, { fd: 11 });
  deepEqual([await one, await other], [{ fd: 11 }, { fd: 12 }]);
});

test('a socket that cannot be had has the words of any other address', async () => {
  const { held, say } = holder();
  const bound = held.bind({ host: '127.0.0.1', port: 443 });
  say({ is: 'bound', ask: 0, error: 'EACCES' });
  await rejects(bound, { code: 'permission-missing', message: 'Cannot listen on 127.0.0.1:443: ports below 1024 need more rights.' });
});

test('an upgrade is answered by who serves next, or by why nobody does', async () => {
  const { held, done, say } = holder();
  const failing = held.upgrade();
  say({ is: 'stay', why: { is: 'failed', code: 'home-exposed', message: 'The key is open.', hint: 'Close it.' } });
  await rejects(failing, { code: 'successor-failed', message: /this one goes on\. The key is open\./, hint: 'Close it.' });
  const going = held.upgrade();
  say({ is: 'leave', why: 'upgrade', successor: 4711 });
  equal(await going, 4711);
  deepEqual(done, ['stay successor-failed', 'leave upgrade']);
});

test('words of a later holder are passed over', () => {
  const { done, say } = holder();
  for (const word of [{ is: 'sing' }, { is: 'constructor' }, { is: 7 }, {}, []]) say(word);
  say({ is: 'end' });
  deepEqual(done, ['end']);
});
