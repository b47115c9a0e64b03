/** What a stranger may say to a relay, and what it must not cost anybody else. */

import { equal } from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { gateway, until, visitor, world } from './relay.ts';

describe('a relay among hostile visitors', () => {
  it('loses no carrier to a hello with many long protocols (mux memory: length overflow)', async (test) => {
    const at = await world(test);
    const key = await at.member('blog');
    const member = gateway(test, at, { identity: key, names: ['blog.example.test'] });
    await member.link.ready;
    // Joining was a carrier of its own.
    await until(() => at.ends.length === 1);
    const long = Array.from({ length: 40 }, (_, index) => `${index}`.padEnd(255, 'x'));
    const hostile = visitor(at.port, 'blog.example.test', { ALPNProtocols: [...long, 'http/1.1'] });
    await until(() => at.ends.length > 1 || member.arrivals.length === 1 || hostile.destroyed);
    equal(at.ends.length, 1);
    equal(member.arrivals.length, 1);
    const honest = visitor(at.port, 'blog.example.test');
    honest.write('hello');
    const [echoed] = (await once(honest, 'data')) as [Buffer];
    equal(echoed.toString(), 'hello');
    equal(at.ends.length, 1);
  });
});
