import { deepEqual, equal, ok } from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { limitsWith } from '../core/limits.ts';
import type { Limits } from '../core/limits.ts';
import { GreetingPlaces } from './greeting-places.ts';

type Hall = Readonly<{
  places: GreetingPlaces;
  /** Who greets now, and how they leave. */
  greeting: Map<string, () => void>;
  refused: string[];
  come: (name: string, ip: string) => PassThrough;
}>;

function hall(changes: Partial<Limits>, standing = 0): Hall {
  const greeting = new Map<string, () => void>();
  const refused: string[] = [];
  const places = new GreetingPlaces({
    limits: limitsWith(changes),
    standing: () => standing,
    onRefused: ({ ip }, { code }) => refused.push(`${ip} ${code}`),
  });
  const come = (name: string, ip: string): PassThrough => {
    const socket = new PassThrough();
    places.take(socket, { ip, port: 1 }, (leave) => void greeting.set(name, leave));
    return socket;
  };
  return { places, greeting, refused, come };
}

async function settled(): Promise<void> {
  for (let count = 0; count < 50; count += 1) await turn();
}

describe('places for a greeting', () => {
  it('are given at once, and then in the order of the line', async () => {
    const { greeting, refused, come } = hall({ carriersPreAuthMax: 1 });
    for (const name of ['a', 'b', 'c']) come(name, '192.0.2.1');
    deepEqual([...greeting.keys()], ['a']);
    greeting.get('a')?.();
    greeting.get('a')?.();
    await settled();
    deepEqual([...greeting.keys()], ['a', 'b'], 'one place is left once');
    greeting.get('b')?.();
    await settled();
    deepEqual([...greeting.keys()], ['a', 'b', 'c']);
    deepEqual(refused, []);
    greeting.get('c')?.();
  });

  it('go round the addresses: who comes with many stands not before all others', async () => {
    const { greeting, come } = hall({ carriersPreAuthMax: 1 });
    come('first', '192.0.2.9');
    for (const name of ['a1', 'a2', 'a3']) come(name, '192.0.2.1');
    come('b1', '192.0.2.2');
    come('c1', '2001:db8::1');
    // One network of IPv6 is one address.
    come('c2', '2001:db8::2');
    for (let count = 0; count < 6; count += 1) {
      [...greeting.values()].at(-1)?.();
      await settled();
    }
    deepEqual([...greeting.keys()], ['first', 'a1', 'b1', 'c1', 'a2', 'c2', 'a3']);
    [...greeting.values()].at(-1)?.();
  });

  it('that were just left are for who has waited, not for who comes in that moment', async () => {
    const { greeting, come } = hall({ carriersPreAuthMax: 1 });
    come('a', '192.0.2.1');
    come('b', '192.0.2.2');
    greeting.get('a')?.();
    come('c', '192.0.2.3');
    await settled();
    deepEqual([...greeting.keys()], ['a', 'b']);
    greeting.get('b')?.();
    await settled();
    equal(greeting.size, 3);
    greeting.get('c')?.();
  });

  it('are so many of one address, and others pass those who wait for theirs (slowloris)', async () => {
    const { greeting, come } = hall({ carriersPreAuthMax: 10, carriersPreAuthPerAddressMax: 2 });
    for (const name of ['a1', 'a2', 'a3']) come(name, '192.0.2.1');
    come('b1', '192.0.2.2');
    await settled();
    deepEqual([...greeting.keys()], ['a1', 'a2', 'b1']);
    greeting.get('a1')?.();
    await settled();
    ok(greeting.has('a3'));
  });

  it('have a line that is bounded, in all and of one address; beyond it the socket is destroyed', () => {
    const { refused, come } = hall({ carriersPreAuthMax: 1, carriersWaitingMax: 3, carriersWaitingPerAddressMax: 2 });
    const sockets = ['1', '1', '1', '1', '2', '3'].map((last, index) => come(String(index), `192.0.2.${last}`));
    deepEqual(
      sockets.map(({ destroyed }) => destroyed),
      [false, false, false, true, false, true],
    );
    deepEqual(refused, ['192.0.2.1 connections-exceeded', '192.0.2.3 connections-exceeded']);
    for (const socket of sockets) socket.destroy();
  });

  it('are none where as many carriers stand as may', () => {
    const { refused, come } = hall({ carriersMax: 5 }, 5);
    ok(come('a', '192.0.2.1').destroyed);
    equal(refused.length, 1);
  });

  it('are given up by who leaves the line, and after half of the time of a greeting', async () => {
    const { greeting, refused, come } = hall({ carriersPreAuthMax: 1, handshakeMs: 20 });
    come('a', '192.0.2.1');
    const left = come('b', '192.0.2.2');
    left.destroy();
    const late = come('c', '192.0.2.3');
    await new Promise((resolve) => void late.once('close', resolve));
    deepEqual(refused, ['192.0.2.3 hello-timed-out']);
    greeting.get('a')?.();
    await settled();
    deepEqual([...greeting.keys()], ['a']);
  });
});
