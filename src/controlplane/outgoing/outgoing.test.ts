/** What is asked of others: over real sockets, of a real server. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { after, test } from 'node:test';
import { SallyportError } from '../../core/errors.ts';
import { limitsWith, type Limits } from '../../core/limits.ts';
import { certificate } from '../../../test/doubles/pki.ts';
import { createOutgoing } from './outgoing.ts';

const ca = await certificate({ subject: 'Test CA', isCa: true });
const own = await certificate({ subject: 'localhost', names: ['localhost'], issuer: ca });
const servers: Server[] = [];
after(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer(own, answer);
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return `https://localhost:${typeof address === 'object' && address !== null ? address.port : 0}`;
}

async function asked(url: string, options: Readonly<{ ca?: string | null; limits?: Partial<Limits> }> = {}) {
  const outgoing = createOutgoing(limitsWith(options.limits ?? {}));
  const trusted = options.ca === undefined ? ca.cert : options.ca;
  try {
    return await outgoing.ask({ method: 'GET', url, fields: {}, body: null, ca: trusted });
  } finally {
    await outgoing.close();
  }
}

const refused = (pattern: RegExp) => (error: unknown) =>
  error instanceof SallyportError && error.code === 'issuer-unreachable' && pattern.test(error.message);

test('an answer comes whole, with its status and fields', async () => {
  const url = await serve((_request, response) => response.writeHead(418, { 'X-Said': 'yes' }).end('short'));
  const { status, fields, body } = await asked(url);
  assert.deepEqual([status, fields['x-said'], body], [418, 'yes', 'short']);
});

test('a certificate that is not trusted, and one of another name, are no answer', async () => {
  const url = await serve((_request, response) => void response.end('secret'));
  await assert.rejects(asked(url, { ca: null }), refused(/certificate is not trusted/));
  await assert.rejects(asked(url.replace('localhost', '127.0.0.1')), refused(/certificate is not trusted/));
});

test('in the clear, with a password in the address, or of another scheme: nothing is asked', async () => {
  for (const url of ['http://localhost/', 'https://user:word@localhost/', 'file:///etc/passwd', 'data:,x', 'nonsense', ''])
    await assert.rejects(asked(url), refused(/no https URL/), url);
});

test('a redirect is an answer, and nobody follows it', async () => {
  let visits = 0;
  const url = await serve((request, response) => {
    visits += 1;
    response.writeHead(302, { Location: `https://${request.headers.host ?? ''}/elsewhere` }).end();
  });
  assert.deepEqual([(await asked(url)).status, visits], [302, 1]);
});

test('an answer without end is cut, and one that does not come is not waited for', async () => {
  const long = await serve((_request, response) => {
    const more = (): void => {
      while (response.write('x'.repeat(65_536)));
      response.once('drain', more);
    };
    more();
  });
  await assert.rejects(asked(long, { limits: { outgoingBytesMax: 100_000 } }), refused(/more than 100000 bytes/));
  const silent = await serve(() => undefined);
  await assert.rejects(asked(silent, { limits: { outgoingMs: 100 } }), refused(/takes too long/));
});

test('more than are answered at once are refused, and room comes again', async () => {
  const waiting: ServerResponse[] = [];
  const both = Promise.withResolvers<void>();
  const url = await serve((_request, response) => {
    waiting.push(response);
    if (waiting.length === 2) both.resolve();
    if (waiting.length > 2) response.end();
  });
  const outgoing = createOutgoing(limitsWith({ outgoingAtOnceMax: 2 }));
  const ask = () => outgoing.ask({ method: 'GET', url, fields: {}, body: null, ca: ca.cert });
  try {
    const running = [ask(), ask()];
    await both.promise;
    await assert.rejects(ask(), refused(/too much is asked/));
    for (const response of waiting) response.end();
    await Promise.all(running);
    assert.equal((await ask()).status, 200);
  } finally {
    await outgoing.close();
  }
});
