/** HSTS on its way out, whoever answers. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Conversation } from '../../../../test/doubles/conversation.ts';

const GET = 'GET / HTTP/1.1\r\nHost: blog.example\r\n\r\n';
const said = (heard: string): readonly string[] => heard.match(/strict-transport-security: [^\r]*/gi) ?? [];

test('HSTS: stands in the service’s answers and in ours, once, and a service’s own goes before it', async () => {
  const talk = new Conversation();
  talk.strict = 'max-age=1';
  await talk.visit(GET);
  await talk.answer('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
  assert.deepEqual(said(talk.heard), ['Strict-Transport-Security: max-age=1']);
  talk.heard = '';
  await talk.visit(GET);
  await talk.answer('HTTP/1.1 200 OK\r\nstrict-transport-security: max-age=0\r\nContent-Length: 0\r\n\r\n');
  assert.deepEqual(said(talk.heard), ['strict-transport-security: max-age=0']);
  const refusing = new Conversation({}, (call) => call.refuse({ status: 401, fields: [], body: 'no' }));
  refusing.strict = 'max-age=1';
  await refusing.visit(GET);
  assert.deepEqual(said(refusing.heard), ['Strict-Transport-Security: max-age=1']);
  refusing.heard = '';
  refusing.strict = null;
  await refusing.visit(GET);
  assert.deepEqual(said(refusing.heard), []);
});
