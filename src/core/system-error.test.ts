import assert from 'node:assert/strict';
import { it } from 'node:test';
import { fileFault, isDiskFull, systemCode } from './system-error.ts';

const failure = (code: string): Error => Object.assign(new Error('the message is never looked at: ENOSPC'), { code });

it('knows a full disk and a used-up share of one by their codes alone', () => {
  assert.ok(isDiskFull(failure('ENOSPC')));
  assert.ok(isDiskFull(failure('EDQUOT')));
  for (const other of [failure('EACCES'), new Error('ENOSPC'), null, 'ENOSPC', { code: 28 }]) assert.equal(isDiskFull(other), false);
  assert.equal(systemCode({ code: 28 }), null);
});

it('turns a full disk and a refusal into sentences, and leaves the rest as it is', () => {
  assert.equal((fileFault(failure('EDQUOT'), 'writing', '/x') as { code?: string }).code, 'disk-full');
  assert.equal((fileFault(failure('EROFS'), 'writing', '/x') as { code?: string }).code, 'home-unwritable');
  const other = failure('EIO');
  assert.equal(fileFault(other, 'writing', '/x'), other);
});
