/** A field in our own name on its way out: ours is written, and what a service says in our name is not. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fieldOf } from './fields.ts';
import { responseHeadText } from './forward.ts';
import type { ResponseHead } from './head.ts';
import { streamResponse } from './stream-response.ts';

const head: ResponseHead = {
  status: 200,
  reason: 'OK',
  minor: 1,
  fields: [fieldOf('Set-Cookie', '__Host-sallyport-way-1=theirs'), fieldOf('Set-Cookie', 'theme=dark')],
  framing: { is: 'none' },
  persistent: true,
  upgrade: null,
  own: fieldOf('Set-Cookie', '__Host-sallyport-way-1=ours'),
};

test('sticky cookie set by a service is dropped, and ours is written, in HTTP/1.1', () => {
  const text = responseHeadText(head, { minor: 1, framing: { is: 'none' }, connection: 'keep-alive', date: 'now', transparent: undefined });
  assert.deepEqual(text.match(/^Set-Cookie: .*$/gm), ['Set-Cookie: theme=dark', 'Set-Cookie: __Host-sallyport-way-1=ours']);
});

test('sticky cookie set by a service is dropped, and ours is written, in HTTP/2', () => {
  const raw = streamResponse(head, 'now');
  assert.deepEqual(
    raw.flatMap((name, at) => (at % 2 === 0 && name === 'set-cookie' ? [raw[at + 1]] : [])),
    ['theme=dark', '__Host-sallyport-way-1=ours'],
  );
});
