/** What is let through by its kind and length. */

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { fieldOf } from '../http/fields.ts';
import type { Framing, ResponseHead } from '../http/head.ts';
import { unwantedAnswer } from './content.ts';

const rules = { answers: { bytesMax: 10, types: ['text/*', 'application/json'] } };

function why(type: string | null, framing: Framing = { is: 'chunked' }, status = 200, method = 'GET'): string | null {
  const fields = type === null ? [] : [fieldOf('Content-Type', type)];
  return unwantedAnswer({ status, reason: 'x', minor: 1, fields, framing, persistent: true, upgrade: null } as ResponseHead, method, rules);
}

it('content of another kind: kinds are compared as they are meant, and what has none is of none', () => {
  for (const type of ['text/html', 'TEXT/plain; charset=utf-8', 'application/json ;x=y']) assert.equal(why(type), null, type);
  for (const type of ['image/png', 'application/jsonx', 'text', 'application/octet-stream', 'text/html, image/png', '', null])
    assert.match(why(type) ?? '', /kind/, String(type));
});

it('lengths that are said are believed at once; what has no content is let through', () => {
  assert.match(why('text/html', { is: 'length', length: 11 }) ?? '', /longer/);
  assert.equal(why('text/html', { is: 'length', length: 10 }), null);
  assert.equal(why(null, { is: 'length', length: 0 }), null);
  assert.equal(why('image/png', { is: 'length', length: 99 }, 200, 'HEAD'), null);
  assert.equal(why('image/png', { is: 'none' }, 304), null);
  assert.equal(unwantedAnswer({ status: 200, fields: [], framing: { is: 'chunked' } } as unknown as ResponseHead, 'GET', undefined), null);
});
