/** Whom we take for a service over TLS: who is not believed is sent nothing. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createSecureServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createServer, type Server } from 'node:tls';
import { exchangeOf } from '../../../../test/doubles/exchange.ts';
import { limitsWith } from '../../../core/limits.ts';
import { SallyportError } from '../../../core/errors.ts';
import type { Tools } from '../../../contracts/tools.ts';
import { http } from '../http.ts';

const folder = mkdtempSync(join(tmpdir(), 'trust-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function certificateFor(name: string): Readonly<{ key: Buffer; cert: Buffer; file: string; sha256: string }> {
  const [key, file] = [join(folder, `${name}.key`), join(folder, `${name}.crt`)];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const words = [
    'req',
    '-x509',
    ...curve,
    '-keyout',
    key,
    '-out',
    file,
    '-days',
    '2',
    '-subj',
    `/CN=${name}`,
    '-addext',
    `subjectAltName=DNS:${name}`,
  ];
  execFileSync('openssl', words, { stdio: 'ignore' });
  const cert = readFileSync(file);
  return { key: readFileSync(key), cert, file, sha256: new X509Certificate(cert).fingerprint256.replaceAll(':', '').toLowerCase() };
}

const service = certificateFor('nas.example');
const other = certificateFor('other.example');

async function serving(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** What a request over TLS came to: the first bytes of the answer, or the code. */
async function ask(port: number, trust: unknown, speaks = 'https', name = 'nas.example'): Promise<string> {
  const built = http.build(
    http.options.parse({ hosts: ['127.0.0.1'], port, from: null, speaks, name, trust }),
    // Nothing else of the tools is asked for.
    { now: Date.now, limits: limitsWith({}) } as Tools,
  );
  try {
    const found = await built.open(exchangeOf(), { signal: new AbortController().signal }, false);
    if (found.is !== 'stream') return found.is;
    found.stream.write('GET / HTTP/1.1\r\nHost: nas.example\r\n\r\n');
    const [bytes] = (await once(found.stream, 'data')) as [Buffer];
    found.release(false);
    return bytes.toString('latin1').split('\r\n', 1)[0] ?? '';
  } catch (error) {
    return error instanceof SallyportError ? error.code : String(error);
  } finally {
    await built.close();
  }
}

test('a service over TLS is believed by its CA or its pin, or by order; who is not believed is sent nothing', async (context) => {
  let said = '';
  const server = createServer({ key: service.key, cert: service.cert }, (socket) => {
    socket
      .on('error', () => undefined)
      .on('data', (bytes) => {
        said += bytes.toString('latin1');
        socket.end('HTTP/1.1 204 No Content\r\n\r\n');
      });
  });
  server.on('tlsClientError', () => undefined);
  context.after(() => void server.close());
  const port = await serving(server);
  assert.equal(await ask(port, { is: 'system' }), 'upstream-untrusted');
  assert.equal(await ask(port, { is: 'ca', file: other.file }), 'upstream-untrusted');
  assert.equal(await ask(port, { is: 'ca', file: service.file }, 'https', 'evil.example'), 'upstream-untrusted');
  assert.equal(await ask(port, { is: 'pin', sha256: other.sha256 }), 'upstream-untrusted');
  assert.equal(await ask(port, { is: 'insecure' }, 'h2'), 'upstream-untrusted');
  assert.equal(said, '');
  assert.equal(await ask(port, { is: 'ca', file: service.file }), 'HTTP/1.1 204 No Content');
  assert.equal(await ask(port, { is: 'pin', sha256: service.sha256 }, 'https', 'whatever.example'), 'HTTP/1.1 204 No Content');
  assert.equal(await ask(port, { is: 'insecure' }, 'https', '127.0.0.1'), 'HTTP/1.1 204 No Content');
  await assert.rejects(
    () => ask(port, { is: 'ca', file: join(folder, 'nothing') }).then((code) => assert.equal(code, '')),
    /certificate|nothing/,
  );
});

test('HTTP/2 over TLS is asked for by ALPN', async (context) => {
  const server = createSecureServer({ key: service.key, cert: service.cert });
  server.on('stream', (stream: ServerHttp2Stream) => {
    stream.respond({ ':status': 204 });
    stream.end();
  });
  const sessions = new Set<{ destroy(): void }>();
  server.on('session', (session) => sessions.add(session));
  context.after(() => {
    for (const each of sessions) each.destroy();
    server.close();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  assert.equal(await ask((server.address() as AddressInfo).port, { is: 'ca', file: service.file }, 'h2'), 'HTTP/1.1 204 ');
});
