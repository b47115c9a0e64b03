import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, readdir, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { connect, createServer, type SecureContextOptions } from 'node:tls';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';
import { openHome, type Home } from '../home.ts';
import { certificateName } from './permitted-names.ts';
import { makeLeaf } from './signing.ts';
import { openLocalCa } from './local-ca.ts';

const run = promisify(execFile);
const day = 86_400_000;
const has = (program: string): boolean => spawnSync(program, ['version'], { stdio: 'ignore' }).error === undefined;

describe('the local CA', () => {
  let place: string;
  let count = 0;
  const freshHome = async (): Promise<Home> => openHome({ SALLYPORT_HOME: join(place, `home-${(count += 1)}`) });
  before(async () => {
    place = await realpath(await mkdtemp(join(tmpdir(), 'sallyport-ca-')));
  });
  after(() => rm(place, { recursive: true }));

  /** A certificate that the CA itself would never give: signed with its key for any name. */
  const forged = async (home: Home, name: string) => {
    const kept = JSON.parse(await readFile(join(home.keys, 'ca', '01.json'), 'utf8')) as { key: string; cert: string };
    return makeLeaf(kept, { names: [certificateName(name)], now: Date.now(), lifeMs: day });
  };

  it('is made once, its key for its owner alone (secrets at rest)', async () => {
    const home = await freshHome();
    const one = await openLocalCa(home, { names: [], now: Date.now });
    const two = await openLocalCa(home, { names: [], now: Date.now });
    assert.deepEqual(one.authorities(), two.authorities());
    assert.equal(one.authorities().length, 1);
    assert.deepEqual(await readdir(join(home.keys, 'ca')), ['01.json']);
    assert.equal((await stat(join(home.keys, 'ca', '01.json'))).mode & 0o777, 0o600);
    assert.equal((await readFile(one.path, 'utf8')).includes('PRIVATE'), false);
    assert.equal(
      new X509Certificate(await readFile(one.path)).fingerprint256.replaceAll(':', '').toLowerCase(),
      one.authorities()[0]?.fingerprint,
    );
  });

  it('is one CA when several processes start at once', async () => {
    const home = await freshHome();
    const script = `import { openLocalCa } from ${JSON.stringify(fileURLToPath(new URL('local-ca.ts', import.meta.url)))};
      import { homeAt } from ${JSON.stringify(fileURLToPath(new URL('../home.ts', import.meta.url)))};
      const ca = await openLocalCa(homeAt(process.argv[1]), { names: [], now: Date.now });
      console.log(ca.authorities()[0].fingerprint);`;
    const seen = await Promise.all(
      Array.from({ length: 4 }, () => run(process.execPath, ['--input-type=module', '-e', script, home.path])),
    );
    const here = await openLocalCa(home, { names: [], now: Date.now });
    assert.deepEqual(new Set(seen.map(({ stdout }) => stdout.trim())), new Set(here.authorities().map((one) => one.fingerprint)));
    assert.equal(here.authorities().length, 1);
  });

  it('signs leaves for TLS servers, for a week at most, each with a key of its own', async () => {
    const ca = await openLocalCa(await freshHome(), { names: [], now: Date.now });
    const leaf = await ca.leafFor(['Blog.localhost', '127.0.0.1', '::1']);
    const cert = new X509Certificate(leaf.cert);
    assert.equal(cert.subjectAltName, 'DNS:blog.localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1');
    assert.equal(cert.subject ?? '', '');
    assert.deepEqual(cert.keyUsage, ['1.3.6.1.5.5.7.3.1']);
    assert.equal(cert.ca, false);
    assert.ok(leaf.notAfter - Date.now() <= 7 * day && leaf.notAfter - Date.now() > 6.9 * day);
    assert.ok(cert.verify(new X509Certificate(leaf.issuer).publicKey));
    assert.equal(cert.fingerprint256.replaceAll(':', '').toLowerCase(), leaf.fingerprint);
    assert.equal(leaf.notice, null);
    assert.notEqual((await ca.leafFor(['blog.localhost'])).key, leaf.key);
  });

  it('makes a new CA for a name outside, says so, and keeps using the old one for what it permits', async () => {
    const home = await freshHome();
    const ca = await openLocalCa(home, { names: ['blog.example.org'], now: Date.now });
    const [first] = ca.authorities();
    assert.equal((await ca.leafFor(['blog.example.org', 'www.blog.example.org'])).notice, null);
    assert.equal(ca.permits('shop.example.org'), false);
    const leaf = await ca.leafFor(['shop.example.org', '198.51.100.7']);
    assert.match(leaf.notice ?? '', /shop\.example\.org/);
    assert.equal(ca.authorities().length, 2);
    assert.deepEqual((await readFile(ca.path, 'utf8')).match(/BEGIN CERTIFICATE/g)?.length, 2);
    // The second permits all that the first did; what the first can do it goes on doing, for those who trust it.
    const both = await ca.leafFor(['shop.example.org', 'blog.example.org', 'a.localhost']);
    assert.deepEqual([both.issuer, both.notice], [leaf.issuer, null]);
    assert.equal((await ca.leafFor(['blog.example.org'])).issuer, first?.cert);
    assert.deepEqual((await openLocalCa(home, { names: ['shop.example.org'], now: Date.now })).authorities(), ca.authorities());
  });

  it('is followed by another before it ends, which can be trusted in time', async () => {
    const home = await freshHome();
    let clock = Date.now();
    const ca = await openLocalCa(home, { names: ['blog.example.org'], now: () => clock });
    const first = ca.authorities()[0];
    clock += 701 * day;
    const leaf = await ca.leafFor(['blog.example.org']);
    assert.equal(leaf.issuer, first?.cert);
    assert.equal(ca.authorities().length, 2);
    clock += 25 * day;
    assert.notEqual((await ca.leafFor(['blog.example.org'])).issuer, first?.cert);
    clock += 5 * day;
    assert.equal(ca.authorities().length, 1);
  });

  it('refuses a damaged or readable key, and says what to do', async () => {
    const home = await freshHome();
    await openLocalCa(home, { names: [], now: Date.now });
    await writeFile(join(home.keys, 'ca', '01.json'), '{}', { mode: 0o600 });
    await assert.rejects(openLocalCa(home, { names: [], now: Date.now }), { code: 'home-unwritable' });
  });

  it('can sign for its own names only: Node refuses a certificate of its key for another', async () => {
    const home = await freshHome();
    const ca = await openLocalCa(home, { names: ['blog.example.org'], now: Date.now });
    const trusted = await readFile(ca.path, 'utf8');
    for (const name of ['blog.localhost', 'blog.example.org', 'x.home.arpa']) {
      assert.equal(await handshake({ ...(await ca.leafFor([name])) }, trusted, name), 'trusted', name);
    }
    for (const name of ['example.org', 'google.com', 'localhost.example', 'notlocal', '8.8.8.8', '2001:db8::1']) {
      assert.match(await handshake(await forged(home, name), trusted, name), /PERMITTED_VIOLATION|permitted subtree/i, name);
    }
  });

  it(
    'can sign for its own names only: OpenSSL and curl refuse as well',
    { skip: has('openssl') && has('curl') ? false : 'not run: no openssl or curl' },
    async () => {
      const home = await freshHome();
      const ca = await openLocalCa(home, { names: [], now: Date.now });
      const path = join(place, 'leaf.pem');
      const verify = async (cert: string): Promise<string> => {
        await writeFile(path, cert);
        return run('openssl', ['verify', '-CAfile', ca.path, '-purpose', 'sslserver', path]).then(
          ({ stdout }) => stdout,
          (error: { stderr: string }) => error.stderr,
        );
      };
      assert.match(await verify((await ca.leafFor(['a.localhost'])).cert), /: OK/);
      assert.match(await verify((await forged(home, 'example.org')).cert), /permitted subtree violation/);
      assert.match(await verify((await forged(home, '93.184.216.34')).cert), /permitted subtree violation/);

      const curl = (served: SecureContextOptions, name: string): Promise<string> =>
        withServer(served, (port) =>
          run('curl', [
            '-sS',
            '--max-time',
            '5',
            '--cacert',
            ca.path,
            '--resolve',
            `${name}:${port}:127.0.0.1`,
            `https://${name}:${port}/`,
          ]).then(
            ({ stdout }) => stdout,
            (error: { stderr: string }) => error.stderr,
          ),
        );
      assert.equal(await curl(await ca.leafFor(['a.localhost']), 'a.localhost'), 'hello');
      assert.match(await curl(await forged(home, 'example.org'), 'example.org'), /permitted subtree violation/);
    },
  );
});

/** A server with that certificate, for as long as `use` takes. */
async function withServer<Result>(leaf: SecureContextOptions, use: (port: number) => Promise<Result>): Promise<Result> {
  const server = createServer({ key: leaf.key, cert: leaf.cert }, (socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello'));
  });
  server.on('tlsClientError', () => {});
  const port = await new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
  });
  return use(port).finally(() => server.close());
}

function handshake(leaf: SecureContextOptions, ca: string, name: string): Promise<string> {
  return withServer(
    leaf,
    (port) =>
      new Promise<string>((resolve) => {
        const isName = !/^[\d.]+$|:/.test(name);
        const socket = connect({
          host: '127.0.0.1',
          port,
          ca,
          ...(isName ? { servername: name } : {}),
          ...(isName ? {} : { checkServerIdentity: () => undefined }),
        });
        socket.once('secureConnect', () => {
          resolve('trusted');
          socket.destroy();
        });
        socket.once('error', (error: NodeJS.ErrnoException) => resolve(`${error.code} ${error.message}`));
      }),
  );
}
