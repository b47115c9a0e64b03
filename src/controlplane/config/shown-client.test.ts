/** Who a client by certificate is to `explain`: the holder by name, where that is known here, and the very certificate. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Client } from '../../contracts/clients.ts';
import type { Service } from '../../contracts/snapshot.ts';
import type { Check } from '../../core/policy/verdict.ts';
import type { Identity } from '../../core/policy/exchange.ts';
import type { Route } from '../../core/policy/route.ts';
import { answering } from './destination-question.ts';

test('a certificate of our own is judged by its fingerprint and by the name in it', async () => {
  let seen: Identity | null = null;
  const check: Check = () => ({ is: 'skip' });
  const service = {
    name: 'out',
    open: true,
    expires: null,
    ruling: async ({ identity }: { identity: Identity | null }) => {
      seen = identity;
      return { verdict: 'pass', code: null, why: '', rule: null } as const;
    },
  } as unknown as Service;
  const route: Route<Service> = { name: 'out', service, identify: { is: 'check', check }, authorize: [], meter: [] };
  const member = new Map([
    ['lab', 'fingerprint:aa'],
    ['theirs', 'fingerprint:bb'],
    ['named', 'certificate:lab'],
  ]);
  const explains = answering({
    snapshot: { route: () => route, services: [service] } as unknown as Parameters<typeof answering>[0]['snapshot'],
    about: () => ({ words: 'a certificate', knows: () => true }),
    via: 'direct',
    loopback: false,
    now: 0,
    rolesOf: (who) => (who === 'certificate:lab' ? ['web'] : []),
    clientOf: (name) => (member.has(name) ? ({ members: [member.get(name)] } as unknown as Client) : null),
    holderOf: (fingerprint) => (fingerprint === 'aa' ? 'lab' : null),
  });
  const who = async (as: string): Promise<unknown> => {
    seen = null;
    await explains({ destination: 'a.example:443', method: 'CONNECT', as, proxy: null });
    const { subject, certificate, roles } = seen ?? assert.fail(as);
    return [subject, certificate, roles];
  };
  assert.deepEqual(await who('lab'), ['certificate:lab', 'aa', ['web']]);
  assert.deepEqual(await who('theirs'), ['fingerprint:bb', undefined, []]);
  assert.deepEqual(await who('named'), ['certificate:lab', undefined, ['web']]);
});
