/** In a process of its own: what others make meanwhile keeps V8 from giving back. */

import assert from 'node:assert/strict';
import { getHeapSpaceStatistics } from 'node:v8';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, it } from 'node:test';
import { smallCollection } from './small-collection.ts';
import { startQuietCollector } from './quiet-collector.ts';

const MB = 1_048_576;

class World {
  young = 48 * MB;
  busy = 0;
  /** What a collection leaves; null when V8 finds that it is too early. */
  leaves: number | null = MB;
  collections = 0;
  #look: () => void = () => undefined;

  constructor() {
    startQuietCollector({
      young: () => this.young,
      busy: () => this.busy,
      collect: () => {
        this.collections += 1;
        this.young = this.leaves ?? this.young;
      },
      every: (_ms, look) => {
        this.#look = look;
        return { close: async () => undefined };
      },
    });
  }

  pass(times = 1): void {
    for (let each = 0; each < times; each += 1) this.#look();
  }
}

describe('memory that V8 took for a busy time', () => {
  it('goes back when it is quiet, once', () => {
    const world = new World();
    world.pass(10);
    assert.deepEqual([world.collections, world.young], [1, MB]);
  });

  it('stays while there is work', () => {
    const world = new World();
    world.busy = 0.5;
    world.pass(1_000);
    assert.equal(world.collections, 0);
    world.busy = 0.01;
    world.pass();
    assert.equal(world.collections, 1);
  });

  it('is asked for less and less often where V8 keeps it', () => {
    const world = new World();
    world.leaves = null;
    world.pass(1 + 2 + 4 + 8);
    assert.equal(world.collections, 4);
    world.pass(10_000);
    assert.ok(world.collections < 110, `${world.collections} collections`);
    // Work came, and is over: all begins anew.
    world.busy = 1;
    world.pass();
    world.busy = 0;
    world.leaves = MB;
    world.pass();
    assert.equal(world.young, MB);
  });

  it('is really given back by this V8', async () => {
    const kept: unknown[] = [];
    for (let each = 0; each < 400_000; each += 1) kept.push({ each, more: [each] });
    const young = (): number => getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space')?.space_size ?? 0;
    const grown = young();
    assert.ok(grown > 4 * MB, `${grown} bytes are no busy time`);
    kept.length = 0;
    // V8 looks five seconds back for how much is made, and wants to have seen something.
    await sleep(5_500);
    const collect = smallCollection();
    for (const end = performance.now() + 10_000; young() > grown / 2 && performance.now() < end; await sleep(250)) {
      kept.push(Array.from({ length: 1_000 }, () => 0));
      collect();
    }
    assert.ok(young() <= grown / 2, `${grown} and then ${young()} bytes`);
  });
});
