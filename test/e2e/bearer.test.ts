/** Access tokens at a gateway with real sockets: the issuer's keys over HTTPS, the service behind, revocation. */

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer as createService } from 'node:http';
import { createServer, request } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { certificate } from '../doubles/pki.ts';
import { freePort } from './free-port.ts';
import { isReady, ownFolder, startWritten } from './written-gateway.ts';

async function listening(context: TestContext, server: Server & { closeAllConnections: () => void }): Promise<number> {
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

type Answer = Readonly<{ status: number; body: string }>;

function ask(port: number, ca: string, token: string | null): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { Host: `api.example.test:${port}`, ...(token === null ? {} : { Authorization: `Bearer ${token}` }) };
    const asked = request({ host: '127.0.0.1', port, ca, servername: 'api.example.test', headers, agent: false }, (response) => {
      let body = '';
      response.on('data', (piece: Buffer) => (body += piece.toString()));
      response.once('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    asked.once('error', reject);
    asked.end();
  });
}

test('a token of the issuer opens the service and does not reach it; others see the face of strangers', async (context) => {
  const folder = await ownFolder(context);
  const authority = await certificate({ subject: 'Issuer CA', isCa: true });
  const tls = await certificate({ subject: 'localhost', names: ['localhost'], issuer: authority });
  await writeFile(join(folder, 'issuer-ca.pem'), authority.cert);
  const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true });
  const asked: string[] = [];
  let issuer = '';
  const keys = { keys: [{ ...(await exportJWK(publicKey)), kid: 'one', alg: 'RS256', use: 'sig' }] };
  const issuerPort = await listening(
    context,
    createServer(tls, ({ url = '' }, response) => {
      asked.push(url);
      response.end(JSON.stringify(url === '/keys' ? keys : { issuer, jwks_uri: `${issuer}/keys` }));
    }),
  );
  issuer = `https://localhost:${issuerPort}`;
  const service = createService(({ headers }, response) => void response.end(JSON.stringify(headers)));
  const servicePort = await listening(context, service);
  const port = await freePort();
  const text = `network: shared
local: guarded
listen: [https://127.0.0.1:${port}]
services:
  api:
    to: ${servicePort}
    at: api.example.test
    access:
      - bearer: { issuer: ${JSON.stringify(issuer)}, audience: api, ca: ${JSON.stringify(join(folder, 'issuer-ca.pem'))} }
`;
  const gateway = await startWritten(context, { folder, text });
  await gateway.event(isReady);
  const ca = await readFile(gateway.ca, 'utf8');
  const now = Math.floor(Date.now() / 1000);
  const token = (claims: object): Promise<string> =>
    new SignJWT({ iss: issuer, aud: 'api', sub: 'ci', exp: now + 300, ...claims })
      .setProtectedHeader({ alg: 'RS256', kid: 'one', typ: 'at+jwt' })
      .sign(privateKey);
  const good = await token({});
  const answer = await ask(port, ca, good);
  assert.equal(answer.status, 200);
  assert.ok(!answer.body.includes(good) && !/"authorization"/i.test(answer.body));
  assert.equal((await ask(port, ca, good)).status, 200);
  assert.deepEqual(asked, ['/.well-known/openid-configuration', '/keys'], 'asked once');
  const stranger = await ask(port, ca, null);
  for (const wrong of [await token({ aud: 'other' }), await token({ exp: now - 120 }), `${good.slice(0, -8)}AAAAAAAA`, 'nonsense'])
    assert.deepEqual(await ask(port, ca, wrong), stranger, 'one face');
  assert.equal(stranger.status, 401);
});
