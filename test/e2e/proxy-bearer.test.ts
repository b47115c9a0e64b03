/** Access tokens before a proxy: in Proxy-Authorization, for requests and tunnels, and as a client with limits of its own. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer as createDestination } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect } from 'node:tls';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { run as runCommand } from '../../src/cli/run.ts';
import { scriptedTerminal } from '../../src/cli/scripted-terminal.ts';
import { certificate } from '../doubles/pki.ts';
import { freePort } from './free-port.ts';
import { isReady, ownFolder, startWritten } from './written-gateway.ts';

test('credentials leak: a token opens a proxy, goes no further, and can be a client', async (context) => {
  const folder = await ownFolder(context);
  const authority = await certificate({ subject: 'Issuer CA', isCa: true });
  const tls = await certificate({ subject: 'localhost', names: ['localhost'], issuer: authority });
  await writeFile(join(folder, 'issuer-ca.pem'), authority.cert);
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
  const keys = { keys: [{ ...(await exportJWK(publicKey)), kid: 'one', alg: 'ES256', use: 'sig' }] };
  const issuing = createServer(tls, ({ url = '' }, response) =>
    response.end(JSON.stringify(url === '/keys' ? keys : { issuer, jwks_uri: `${issuer}/keys` })),
  );
  const server = createDestination(({ headers }, response) => response.end(JSON.stringify(headers)));
  for (const each of [issuing, server]) {
    each.listen(0, '127.0.0.1');
    await once(each, 'listening');
    context.after(() => {
      each.closeAllConnections();
      each.close();
    });
  }
  const issuer = `https://localhost:${(issuing.address() as AddressInfo).port}`;
  const to = (server.address() as AddressInfo).port;
  const [port, both] = [await freePort(), await freePort()];
  const bearer = `{ bearer: { issuer: "${issuer}", audience: proxy, ca: "${join(folder, 'issuer-ca.pem')}" } }`;
  const terminal = () => scriptedTerminal({ home: join(folder, 'home') });
  assert.equal(await runCommand(['keys', 'add', 'other'], terminal()), 0);
  const gateway = await startWritten(context, {
    folder,
    text: `services:
  out: { proxy: { listen: "https://127.0.0.1:${port}" }, access: [${bearer}], destinations: { allow: ["127.0.0.1:${to}"] } }
  both: { proxy: { listen: "https://127.0.0.1:${both}" }, access: [${bearer}, { key: {} }], destinations: { allow: ["127.0.0.1:${to}"] } }
`,
  });
  await gateway.event(isReady);
  const ca = await readFile(gateway.ca);
  const asked = async (at: number, head: string, credentials: string): Promise<string> => {
    const socket = connect({ host: '127.0.0.1', port: at, ca });
    context.after(() => void socket.destroy());
    socket.write(`${head} HTTP/1.1\r\nHost: 127.0.0.1:${to}\r\n${credentials}\r\n`);
    // Who is asking in the moment of a suspension is cut, and hears nothing.
    return new Promise((resolve) => {
      socket.on('error', () => undefined).once('close', () => resolve(''));
      socket.once('data', (bytes: Buffer) => resolve(bytes.toString('latin1')));
    });
  };
  const [get, tunnel] = [`GET http://127.0.0.1:${to}/x`, `CONNECT 127.0.0.1:${to}`];
  const now = Math.floor(Date.now() / 1000);
  const shown = async (claims: object): Promise<string> => {
    const token = new SignJWT({ iss: issuer, aud: 'proxy', sub: 'ci', exp: now + 300, ...claims });
    return `Proxy-Authorization: Bearer ${await token.setProtectedHeader({ alg: 'ES256', kid: 'one', typ: 'at+jwt' }).sign(privateKey)}\r\n`;
  };
  const good = await shown({});
  for (const head of [get, tunnel]) {
    assert.match(await asked(port, head, `${good}Authorization: Bearer theirs\r\n`), /^HTTP\/1\.1 200 /);
    for (const wrong of ['', await shown({ aud: 'other' }), await shown({ exp: now - 120 })]) {
      const answer = await asked(port, head, wrong);
      assert.match(answer, /^HTTP\/1\.1 407 [^]*\r\nProxy-Authenticate: Bearer realm="sallyport"\r\n/);
      assert.doesNotMatch(answer, /Basic/);
    }
  }
  const led = await asked(port, get, `${good}Authorization: Bearer theirs\r\n`);
  assert.match(led, /"authorization":"Bearer theirs"/);
  assert.doesNotMatch(led, /proxy-authorization|eyJ/);
  assert.match(await asked(both, get, ''), /Proxy-Authenticate: Basic [^]*\r\nProxy-Authenticate: Bearer /);

  const who = gateway.events.flatMap((event) => (event.event === 'exchange' && event.record.who !== null ? [event.record.who] : []))[0];
  assert.match(who ?? '', /^bearer:[0-9a-f]{8}:ci$/);
  assert.equal(await runCommand(['clients', 'add', 'ci', '--token', who ?? ''], terminal()), 0);
  assert.notEqual(await runCommand(['clients', 'add', 'more', '--token', 'ci'], terminal()), 0);
  assert.equal(await runCommand(['clients', 'suspend', 'ci', '--why', 'a rest'], terminal()), 0);
  while (!(await asked(port, get, good)).includes('a rest')) await new Promise((turn) => setTimeout(turn, 30));
});
