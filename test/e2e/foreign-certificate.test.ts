/** Somebody else has a certificate for our name: a running gateway says so, and closes the service where that was wished. */

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { GatewayEvent } from '../../src/controlplane/config/running.ts';
import { startMockAuthority } from '../acme/mock-authority.ts';
import { startService } from './service.ts';
import { ownFolder, startWritten } from './written-gateway.ts';

type Closed = Extract<GatewayEvent, { event: 'closed' }>;
type Said = Extract<GatewayEvent, { event: 'error' }>;

test('a certificate that somebody else could get, found in a public record, closes the service on wish', async (context) => {
  const mock = await startMockAuthority();
  context.after(() => mock.close());
  mock.hijack.answer = (asked, response) => {
    if (!asked.path.startsWith('/feed')) return false;
    const entry = { serial_number: '00ab12', issuer_name: 'O=Other CA', name_value: 'blog.example.org', not_after: '2099-01-01T00:00:00' };
    response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify([entry]));
    return true;
  };
  const service = await startService(context);
  const folder = await ownFolder(context);
  await writeFile(join(folder, 'ca.pem'), mock.ca);
  const gateway = await startWritten(context, {
    folder,
    text: [
      'listen: https://127.0.0.1:0',
      `acme: { agree: true, directory: '${mock.directory}', ca: ca.pem, feed: '${mock.directory.replace('/dir', '/feed')}', watch: close }`,
      `services:`,
      `  blog: { at: blog.example.org, to: ${service.port}, access: [public] }`,
      `  shop: { at: shop.example.org, to: ${service.port}, access: [public], acme: off }`,
    ].join('\n'),
  });
  const said = await gateway.event((event): event is Said => event.event === 'error' && event.code === 'certificate-foreign');
  assert.match(said.message, /blog\.example\.org.*number ab12, issued by O=Other CA\. The service is closed\./);
  const closed = await gateway.event((event): event is Closed => event.event === 'closed');
  assert.equal(closed.service, 'blog');
  const states = gateway.gateway.status().services.map(({ name, state }) => [name, state === 'closed']);
  assert.deepEqual(states, [
    ['blog', true],
    ['shop', false],
  ]);
  // `acme: off` orders nothing, and looks for nothing.
  assert.equal(
    mock.asked.some(({ payload }) => JSON.stringify(payload ?? '').includes('shop')),
    false,
  );
});
