import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startBufferCollector } from './buffer-collector.ts';

const MB = 1_048_576;

class World {
  held = 10 * MB;
  /** How much of what is held a collection finds to be garbage. */
  garbage = 0;
  collections = 0;
  pace = 0;
  #look: () => void = () => undefined;

  start(): { close(): Promise<void> } {
    return startBufferCollector({
      held: () => this.held,
      collect: () => {
        this.collections += 1;
        this.held -= this.garbage;
        this.garbage = 0;
      },
      every: (ms, look) => {
        this.pace = ms;
        this.#look = look;
        return { close: async () => undefined };
      },
    });
  }

  pass(read = 0): void {
    this.held += read;
    this.garbage += read;
    this.#look();
  }
}

test('collects when garbage has piled up, and looks often while it does', () => {
  const world = new World();
  world.start();
  world.pass(15 * MB);
  assert.deepEqual([world.collections, world.pace], [0, 100]);
  world.pass(2 * MB);
  assert.deepEqual([world.collections, world.pace, world.held], [1, 5, 10 * MB]);
  for (let each = 0; each < 50; each += 1) world.pass();
  assert.equal(world.pace, 100);
});

test('does not collect again and again what is in use', () => {
  const world = new World();
  world.start();
  world.held += 500 * MB;
  for (let each = 0; each < 100; each += 1) world.pass();
  assert.equal(world.collections, 1);
  world.held -= 500 * MB;
  world.pass();
  for (let each = 0; each < 4; each += 1) world.pass(10 * MB);
  assert.equal(world.collections, 3);
});

test('with the runtime’s own tools: buffers that nobody holds any more go', async () => {
  const collector = startBufferCollector();
  const before = process.memoryUsage().arrayBuffers;
  for (let round = 0; round < 60; round += 1) {
    for (let each = 0; each < 64; each += 1) Buffer.alloc(65_536);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.ok(process.memoryUsage().arrayBuffers - before < 64 * MB);
  await collector.close();
});
