/** A network that lets nothing out but by its proxy, or nothing but HTTPS: joining, sharing and looking at ourselves. */

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { chmod, writeFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { firewall } from '../tunnel/firewall.ts';
import { connectProxy, hiddenName, socksProxy } from '../tunnel/proxies.ts';
import { makeIdentity, visitor } from '../tunnel/relay.ts';
import { curl, withoutCurl } from './curl.ts';
import { text } from './lines.ts';
import { invitation, join as joinWith, relayInside, relayProgram, shareInside, wordsFor } from './machines.ts';
import { freshHome, runInside, runToEnd } from './program.ts';
import { startService } from './service.ts';

const skip = withoutCurl;

test('a gateway behind an HTTP proxy with a password: the relay’s name is known to the proxy alone', { skip }, async (context) => {
  const { port } = await startService(context);
  const relay = await relayInside(context);
  const proxy = await connectProxy(context, 'ana:her password');
  const home = await freshHome(context);
  const code = await invitation(context, relay, 'blog', '--address', `${hiddenName}:${relay.port}`);
  const secret = await runToEnd(context, ['secrets', 'add', 'proxy', '--proxy'], { home, stdin: 'ana:her password\n' });
  assert.equal(secret.code, 0);
  const via = `http://\${secret:proxy}@127.0.0.1:${proxy.port}`;
  const joining = await runToEnd(context, ['join', '-', '--via', via], { home, stdin: `${code}\n` });
  assert.equal(joining.code, 0, JSON.stringify(joining.lines));
  // What was said at joining holds for a share.
  const shared = await shareInside(context, port, ['--public'], { home });
  assert.equal((await curl([...shared.curlWords, shared.url])).status, 200);
  await shared.program.stop();
  // A configuration says it itself. It is ready only after it has reached itself, by the same way.
  const config = join(home, 'sallyport.yaml');
  await writeFile(config, `via: ${via}\nservices:\n  blog: { to: ${port}, access: [public] }\n`);
  const asked = proxy.asked.length;
  const up = runInside(context, ['up', '--config', config], { home });
  const ready = await up.line('ready');
  assert.equal((await curl([...wordsFor(ready), text(ready, 'url')])).status, 200);
  assert.ok(proxy.asked.length > asked + 1, 'the check went through the proxy as well');
  const said = JSON.stringify([...up.lines, ...shared.program.lines, ...joining.lines]) + up.stderr();
  assert.equal(said.includes('her password'), false);
});

test('a gateway behind the SOCKS5 proxy of its environment', { skip }, async (context) => {
  const { port } = await startService(context);
  const relay = await relayInside(context);
  const proxy = await socksProxy(context, 'ana:secret');
  const home = await freshHome(context);
  const code = await invitation(context, relay, 'blog', '--address', `${hiddenName}:${relay.port}`);
  const env = {
    ALL_PROXY: `socks5://ana:secret@127.0.0.1:${proxy.port}`,
    HTTPS_PROXY: '',
    https_proxy: '',
    all_proxy: '',
    NO_PROXY: '',
    no_proxy: '',
  };
  const joining = await runToEnd(context, ['join', '-'], { home, env, stdin: `${code}\n` });
  assert.equal(joining.code, 0, JSON.stringify(joining.lines));
  const shared = await shareInside(context, port, ['--public'], { home, env });
  assert.equal((await curl([...shared.curlWords, shared.url])).status, 200);
  await shared.program.stop();
  const wrong = { ...env, ALL_PROXY: `socks5://ana:wrong@127.0.0.1:${proxy.port}` };
  const refused = await runToEnd(context, ['join', '-'], { home, env: wrong, stdin: `${code}\n` });
  assert.equal(refused.code, 77);
  assert.equal(refused.lines[0]?.['code'], 'proxy-refused');
});

test('a network where only HTTPS passes: a relay with a certificate, found by itself', { skip }, async (context) => {
  const { port } = await startService(context);
  const folder = await freshHome(context);
  const [certificate, key] = [join(folder, 'chain.pem'), join(folder, 'key.pem')];
  const own = await makeIdentity();
  await writeFile(certificate, own.certificate);
  await writeFile(key, own.privateKey, { mode: 0o604 });
  const open = runInside(context, ['relay', '--domain', 'example.test', '--certificate', certificate, '--key', key], { home: folder });
  assert.equal(await open.exited, 78, 'a key for everybody is refused');
  assert.equal(open.lines[0]?.['code'], 'config-unsafe');
  await chmod(key, 0o600);
  const relay = await relayProgram(context, { words: ['--certificate', certificate, '--key', key] });
  const wall = await firewall(context, relay.port, 'resets');
  const home = await freshHome(context);
  const code = await invitation(context, relay, 'blog', '--address', `127.0.0.1:${wall.port}`);
  const joining = await joinWith(context, code, home);
  assert.equal(joining.code, 0, JSON.stringify(joining.lines));
  const shared = await shareInside(context, port, ['--public'], { home });
  assert.equal((await curl([...shared.curlWords, shared.url])).status, 200);
  // Both files are read again, while a carrier stands.
  const next = await makeIdentity();
  await writeFile(certificate, next.certificate);
  await writeFile(key, next.privateKey);
  relay.program.child.kill('SIGHUP');
  const fingerprint = new X509Certificate(next.certificate).fingerprint256;
  for (let seen = ''; seen !== fingerprint;) {
    const socket = visitor(relay.port, 'example.test');
    await once(socket, 'secureConnect');
    seen = socket.getPeerX509Certificate()?.fingerprint256 ?? '';
    socket.destroy();
  }
  assert.equal((await curl([...shared.curlWords, shared.url])).status, 200);
  await shared.program.stop();
});

test('a relay at an IPv6 address', { skip }, async (context) => {
  if (!Object.values(networkInterfaces()).some((each) => each?.some(({ address }) => address === '::1')))
    return context.skip('not run: no IPv6');
  const { port } = await startService(context);
  const home = await freshHome(context);
  const operator = await freshHome(context);
  const relay = runInside(context, ['relay', '--listen', '[::1]:0', '--domain', 'example.test'], { home: operator });
  await relay.line('listening');
  const joining = await joinWith(context, await invitation(context, { home: operator }, 'blog'), home);
  assert.equal(joining.code, 0, JSON.stringify(joining.lines));
  // It has reached itself: it is ready.
  const shared = await shareInside(context, port, ['--public'], { home });
  await shared.program.stop();
});
