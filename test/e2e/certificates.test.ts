/** Certificates from the operator's files in a running gateway: shown by name, renewed under way, and never half. */

import assert from 'node:assert/strict';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { once } from 'node:events';
import { connect } from 'node:tls';
import { test, type TestContext } from 'node:test';
import type { GatewayEvent } from '../../src/controlplane/config/running.ts';
import { certificate, type Made } from '../doubles/pki.ts';
import { curl, withoutCurl, type Curled } from './curl.ts';
import { freePort } from './free-port.ts';
import { startPlainGateway } from './plain-gateway.ts';
import { startService } from './service.ts';
import { isReady, ownFolder, startWritten } from './written-gateway.ts';

const skip = withoutCurl;

async function put(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text, { mode: 0o600 });
  await rename(`${path}.new`, path);
}

async function begin(context: TestContext) {
  const folder = await ownFolder(context);
  const service = await startService(context);
  const port = await freePort();
  const root = await certificate({ subject: 'root', isCa: true });
  await put(join(folder, 'root.pem'), root.cert);
  const made = (names: readonly string[], toDays = 30): Promise<Made> =>
    certificate({ subject: names[0] ?? '', names, issuer: root, toDays });
  const text = (certificates: string, more = ''): string =>
    [
      `listen: https://127.0.0.1:${port}`,
      `certificates: ${certificates}`,
      'services:',
      `  blog: { at: [blog.test, shop.wild.test, own.test], to: ${service.port}, access: [public] }${more}`,
    ].join('\n');
  const visit = (host: string, ...words: readonly string[]): Promise<Curled> =>
    curl(['--cacert', join(folder, 'root.pem'), '--resolve', `${host}:${port}:127.0.0.1`, ...words, `https://${host}:${port}/`]);
  return { folder, made, text, visit };
}

test('SNI with exact and wildcard certificates, the local CA for the rest; 421 for a Host of another name', { skip }, async (context) => {
  const { folder, made, text, visit } = await begin(context);
  const [blog, wild] = [await made(['blog.test']), await made(['*.wild.test'])];
  await put(join(folder, 'blog.crt'), blog.cert);
  await put(join(folder, 'blog.key'), blog.key);
  await put(join(folder, 'wild.pem'), wild.cert + wild.key);
  const gateway = await startWritten(context, { folder, text: text('[{ cert: blog.crt, key: blog.key }, wild.pem]') });
  assert.deepEqual([(await visit('blog.test')).status, (await visit('shop.wild.test')).status], [200, 200]);
  assert.equal((await visit('own.test')).exit, 60);
  assert.equal((await visit('own.test', '--cacert', gateway.ca)).status, 200);
  assert.notEqual((await visit('other.wild.test')).exit, 0);
  // Whatever is spoken: curl offers h2 where it can.
  assert.equal((await visit('blog.test', '-H', 'Host: own.test')).status, 421);
  assert.equal((await visit('blog.test', '--http1.1', '-H', 'Host: own.test')).status, 421);
  // It has reached itself, with the certificate that it shows; nobody is asked to trust our CA for it.
  const ready = await gateway.event(isReady);
  assert.deepEqual([ready.url.startsWith('https://blog.test:'), ready.ca], [true, null]);
});

test('a certificate that breaks refuses the configuration; the old one stays, and so do its switches', { skip }, async (context) => {
  const { folder, made, text, visit } = await begin(context);
  const [blog, old] = [await made(['blog.test']), await made(['own.test'], -0.5)];
  await put(join(folder, 'blog.pem'), blog.cert + blog.key);
  await put(join(folder, 'old.pem'), old.cert + old.key);
  await assert.rejects(startWritten(context, { folder, text: text('[old.pem]') }), {
    code: 'certificate-unusable',
    message: /old\.pem, line 1: it ended on/,
  });
  const gateway = await startWritten(context, { folder, text: text('[blog.pem]') });
  await assert.rejects(gateway.rewrite(text('[blog.pem, old.pem]', '\n  new: { at: new.test, to: 1, access: [public] }')), {
    code: 'certificate-unusable',
  });
  assert.equal((await visit('blog.test')).status, 200);
  assert.notEqual((await visit('new.test')).exit, 0);
  // A file that breaks under way keeps nobody from closing.
  await put(join(folder, 'blog.pem'), 'nothing');
  await gateway.gateway.close('blog');
  assert.equal((await visit('blog.test')).status, 404);
  await gateway.gateway.open('blog');
  assert.equal((await visit('blog.test')).status, 200);
});

test('a renewed file is shown by itself, and one that is wrong is said loudly and not shown', { skip }, async (context) => {
  const { folder, made, text, visit } = await begin(context);
  const blog = await made(['blog.test']);
  await put(join(folder, 'blog.pem'), blog.cert + blog.key);
  const gateway = await startWritten(context, { folder, text: text('[blog.pem]') });
  const broken = await made(['blog.test']);
  await put(join(folder, 'blog.pem'), broken.cert + blog.key);
  const said = await gateway.event((event): event is Extract<GatewayEvent, { event: 'error' }> => event.event === 'error');
  assert.equal(said.code, 'certificate-unusable');
  assert.match(said.message, /blog\.pem, line 1: .*The certificates from before stay\.$/);
  assert.equal((await visit('blog.test')).status, 200);
  const renewed = await certificate({ subject: 'blog.test', names: ['blog.test'], isCa: true, toDays: 60 });
  await put(join(folder, 'blog.pem'), renewed.cert + renewed.key);
  await put(join(folder, 'root.pem'), renewed.cert);
  for (let exit: number | null = null; exit !== 0;) ({ exit } = await visit('blog.test'));
});

test('TLS renegotiation: refused behind a relay too, where only names have certificates', async (context) => {
  const { port } = await startPlainGateway(context, 1, {}, 'relay');
  const visitor = connect({ host: '127.0.0.1', port, servername: 'web.localhost', rejectUnauthorized: false, maxVersion: 'TLSv1.2' });
  context.after(() => void visitor.destroy());
  const failed = once(visitor, 'error');
  await once(visitor, 'secureConnect');
  visitor.renegotiate({ rejectUnauthorized: false }, (error) => {
    if (error === null) visitor.destroy(new Error('renegotiated'));
  });
  const [error] = (await failed) as [NodeJS.ErrnoException];
  assert.equal(error.code, 'ERR_SSL_NO_RENEGOTIATION');
});
