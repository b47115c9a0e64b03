import assert from 'node:assert/strict';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import { Pool } from './pool.ts';

function connection(): Duplex {
  return new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
}

function pool(now = { ms: 0 }): { pool: Pool; now: { ms: number } } {
  return { pool: new Pool({ now: () => now.ms, idleMax: 2, idleMs: 1_000 }), now };
}

test('gives back the connection that was used last', () => {
  const { pool: idle } = pool();
  const [first, second] = [connection(), connection()];
  idle.give(first);
  idle.give(second);
  assert.equal(idle.take(), second);
  assert.equal(idle.take(), first);
  assert.equal(idle.take(), null);
});

test('destroys what is more than it may keep', () => {
  const { pool: idle } = pool();
  const third = connection();
  for (const each of [connection(), connection(), third]) idle.give(each);
  assert.equal(idle.size, 2);
  assert.ok(third.destroyed);
});

test('destroys what was idle for too long', () => {
  const { pool: idle, now } = pool();
  const old = connection();
  idle.give(old);
  now.ms = 1_001;
  assert.equal(idle.take(), null);
  assert.ok(old.destroyed);
});

test('keeps for others what is too old for a request that must not be sent twice', () => {
  const { pool: idle, now } = pool();
  const kept = connection();
  idle.give(kept);
  now.ms = 600;
  assert.equal(idle.take(500), null);
  assert.equal(idle.take(), kept);
});

test('forgets a connection that its service closed', async () => {
  const { pool: idle } = pool();
  const closing = connection();
  idle.give(closing);
  closing.destroy();
  await new Promise((resolve) => closing.once('close', resolve));
  assert.equal(idle.size, 0);
});

test('a connection that was taken out is no longer dropped from the pool by its end', async () => {
  const { pool: idle } = pool();
  const taken = connection();
  idle.give(taken);
  idle.take();
  assert.equal(taken.listenerCount('close'), 0);
});

test('keeps nothing any more once it is closed', () => {
  const { pool: idle } = pool();
  const late = connection();
  idle.close();
  idle.give(late);
  assert.ok(late.destroyed);
  assert.equal(idle.take(), null);
});
