/** The one open door. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exchangeOf, noBody } from '../../../test/doubles/exchange.ts';
import { testTools } from '../../../test/doubles/tools.ts';
import { publicGuard } from './public.ts';

test('public lets everybody in, as anyone, and takes no options', async () => {
  const guard = publicGuard.build({}, await testTools([]), { name: 'blog', hosts: [], behindRelay: false });
  assert.deepEqual(await guard.check(exchangeOf(), noBody), {
    is: 'pass',
    identity: { guard: 'public', subject: 'anyone', name: 'anyone', by: 'nothing', roles: [] },
  });
  assert.equal(publicGuard.name, 'public');
  assert.ok(!publicGuard.options.safeParse({ really: true }).success);
});
