/** The order in which a relay goes: nobody who was taken is lost, and nothing is waited for beyond its time. */

import { deepEqual, equal } from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { Leaving } from './leaving.ts';
import { Visitors } from './visitors.ts';

function relay(helloMs = 10_000) {
  const visitors = new Visitors();
  const said: string[] = [];
  const leaving = new Leaving({ visitors, stop: () => said.push('stop'), tell: () => said.push(`tell ${visitors.size}`), helloMs });
  const come = (): PassThrough => {
    const stream = new PassThrough();
    visitors.come(stream);
    stream.once('close', () => visitors.gone(stream));
    return stream;
  };
  return { visitors, said, leaving, come };
}

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

test('gateways are told when everybody who was taken has said a name', async () => {
  const { visitors, said, leaving, come } = relay();
  const [quick, slow] = [come(), come()];
  visitors.heard(quick);
  const left = leaving.leave(60_000);
  await turn();
  deepEqual(said, ['stop']);
  visitors.heard(slow);
  await turn();
  deepEqual(said, ['stop', 'tell 2']);
  visitors.gone(quick);
  visitors.gone(slow);
  equal(await left, 0);
});

test('who says nothing is dropped, and the others are not kept waiting', async () => {
  const { visitors, said, leaving, come } = relay(20);
  const [talking, silent] = [come(), come()];
  visitors.heard(talking);
  const left = leaving.leave(60_000);
  while (said.length < 2) await turn();
  equal(silent.destroyed, true);
  visitors.gone(talking);
  equal(await left, 0);
});

test('a shorter time that is said later holds, and says how many are cut', async () => {
  const { visitors, leaving, come } = relay();
  visitors.heard(come());
  const left = leaving.leave(3_600_000);
  await turn();
  equal(await leaving.leave(5), 1);
  equal(await left, 1);
});
