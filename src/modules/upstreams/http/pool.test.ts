import assert from 'node:assert/strict';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import { Kept, Pool } from './pool.ts';

function connection(of: Pool): Kept {
  return new Kept(new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() }), of);
}

function pool(now = { ms: 0 }): { pool: Pool; now: { ms: number } } {
  return { pool: new Pool({ now: () => now.ms, idleMax: 2, idleMs: 1_000 }), now };
}

test('gives back the connection that was used last', () => {
  const { pool: idle } = pool();
  const [first, second] = [connection(idle), connection(idle)];
  idle.give(first);
  idle.give(second);
  assert.equal(idle.take(), second);
  assert.equal(idle.take(), first);
  assert.equal(idle.take(), null);
});

test('destroys what is more than it may keep', () => {
  const { pool: idle } = pool();
  const third = connection(idle);
  for (const each of [connection(idle), connection(idle), third]) idle.give(each);
  assert.equal(idle.size, 2);
  assert.ok(third.stream.destroyed);
});

test('destroys what was idle for too long', () => {
  const { pool: idle, now } = pool();
  const old = connection(idle);
  idle.give(old);
  now.ms = 1_001;
  assert.equal(idle.take(), null);
  assert.ok(old.stream.destroyed);
});

test('keeps for others what is too old for a request that must not be sent twice', () => {
  const { pool: idle, now } = pool();
  const kept = connection(idle);
  idle.give(kept);
  now.ms = 600;
  assert.equal(idle.take(500), null);
  assert.equal(idle.take(), kept);
});

test('forgets a connection that its service closed', async () => {
  const { pool: idle } = pool();
  const closing = connection(idle);
  idle.give(closing);
  closing.stream.destroy();
  await new Promise((resolve) => closing.stream.once('close', resolve));
  assert.equal(idle.size, 0);
});

test('a connection that ends while it carries an exchange takes no other out of the pool', async () => {
  const { pool: idle } = pool();
  const [kept, taken] = [connection(idle), connection(idle)];
  idle.give(kept);
  idle.give(taken);
  idle.take();
  taken.stream.destroy();
  await new Promise((resolve) => taken.stream.once('close', resolve));
  assert.equal(idle.take(), kept);
});

test('keeps nothing any more once it is closed', () => {
  const { pool: idle } = pool();
  const late = connection(idle);
  idle.close();
  idle.give(late);
  assert.ok(late.stream.destroyed);
  assert.equal(idle.take(), null);
});
