/** A service with a certificate of its own: its TLS reaches it unread, behind a relay and on the gateway's own address. */

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { freePort } from './free-port.ts';
import { accessOf, text } from './lines.ts';
import { echoedWhole, shake, startOwnTls } from './own-tls.ts';
import { freshHome, recorded, runInside, runRefused, runToEnd, type Recorded } from './program.ts';
import { startService } from './service.ts';

const portOf = (url: string): number => Number(/:(\d+)$/.exec(url)?.[1]);
const unrecognized = { message: 'ERR_SSL_TLSV1_UNRECOGNIZED_NAME' };

test('sallyport tls: the visitor sees the certificate of the service, its bytes come whole, and each connection leaves a line', async (context) => {
  const service = await startOwnTls(context);
  const home = await freshHome(context);
  const program = runInside(context, ['tls', String(service.port), '--public', '--name', 'own'], { home });
  const warning = await program.line('warning', ({ code }) => code === 'service-bare');
  assert.match(text(warning, 'message'), /Anybody who reaches the address of own reaches own itself/);
  const ready = await program.line('ready');
  assert.match(text(ready, 'url'), /^tls:\/\/own\.localhost:\d+$/);
  assert.deepEqual([ready['ca'], ready['fingerprint'], accessOf(ready)], [null, null, [{ kind: 'public' }]]);
  const port = portOf(text(ready, 'url'));
  const visitor = await shake(context, port, 'own.localhost');
  assert.equal(visitor.fingerprint, service.fingerprint);
  const bytes = randomBytes(3_000_000);
  assert.deepEqual(await echoedWhole(visitor.socket, bytes), bytes);
  await assert.rejects(shake(context, port, 'other.localhost'), unrecognized);

  const live = await shake(context, port, 'own.localhost');
  const cut = once(live.socket, 'close');
  await runToEnd(context, ['close', 'own'], { home });
  await cut;
  await assert.rejects(shake(context, port, 'own.localhost'), unrecognized);
  const isWhole = ({ bytesOut }: Recorded): boolean => Number(bytesOut) > 3_000_000;
  const isCut = ({ code }: Recorded): boolean => code === 'exchange-cut' || code === 'service-closed';
  const records = await recorded(home, (all) => all.some(isWhole) && all.some(isCut));
  const whole = records.find(isWhole);
  assert.deepEqual([whole?.['service'], whole?.['method'], whole?.['verdict'], whole?.['who']], ['own', null, 'pass', 'anyone']);
  assert.ok(records.some(isCut));
});

test('sallyport tls opens nothing that nobody decided: neither without --public, nor by an address behind a relay', async (context) => {
  const home = await freshHome(context);
  for (const words of [[], ['--allow', '192.0.2.0/24'], ['--public', '--lan', '--allow', '192.0.2.0/24']]) {
    const { code, lines } = await runRefused(context, ['tls', '8443', ...words], { home });
    assert.equal(code, 64, words.join(' '));
    assert.deepEqual([lines[0]?.event, lines[0]?.['code']], ['error', 'usage-wrong']);
  }
});

test('beside web services on one address: each name goes its own way, and no request gets into what is passed on unread', async (context) => {
  const own = await startOwnTls(context);
  const web = await startService(context);
  const home = await freshHome(context);
  const port = await freePort();
  const file = join(await freshHome(context), 'sallyport.yaml');
  const yaml = (access: string): string => `
listen: https://127.0.0.1:${port}
services:
  web: { at: web.test, to: "127.0.0.1:${web.port}", access: [public] }
  own: { at: own.test, to: "tls://127.0.0.1:${own.port}", access: ${access} }
`;
  await writeFile(file, yaml('[public]'));
  const gateway = runInside(context, ['gateway', '--config', file], { home });
  await Promise.all(['web', 'own'].map((name) => gateway.line('ready', ({ service }) => service === name)));
  const visitor = await shake(context, port, 'own.test');
  assert.equal(visitor.fingerprint, own.fingerprint);
  const bytes = randomBytes(1_000_000);
  assert.deepEqual(await echoedWhole(visitor.socket, bytes), bytes);

  // The web's TLS is ours, whether its hello comes whole or not.
  const browser = await shake(context, port, 'web.test');
  assert.notEqual(browser.fingerprint, own.fingerprint);
  browser.socket.write('GET / HTTP/1.1\r\nHost: web.test\r\nConnection: close\r\n\r\n');
  assert.match(String((await once(browser.socket, 'data'))[0]), /^HTTP\/1\.1 200 /);

  // Route confusion: TLS that ends here never leads to a service that ends its own, whatever Host says.
  const before = own.streams();
  for (const name of [null, 'web.test']) {
    const confused = await shake(context, port, name);
    confused.socket.write('GET / HTTP/1.1\r\nHost: own.test\r\nConnection: close\r\n\r\n');
    assert.match(String((await once(confused.socket, 'data'))[0]), /^HTTP\/1\.1 4(?:04|21) /);
  }
  assert.equal(own.streams(), before);
  await assert.rejects(shake(context, port, 'nobody.test'), unrecognized);

  // By address: our own check is refused like every stranger, and that is how it knows itself.
  await writeFile(file, yaml('[{ ip: [192.0.2.0/24] }]'));
  await gateway.line('reloaded');
  await assert.rejects(shake(context, port, 'own.test'), unrecognized);
  await writeFile(file, yaml('[{ ip: [127.0.0.0/8] }]'));
  await gateway.line('reloaded', (line) => gateway.lines.indexOf(line) > gateway.lines.findIndex(({ event }) => event === 'reloaded'));
  assert.equal((await shake(context, port, 'own.test')).fingerprint, own.fingerprint);
});

test('a service that does not answer is waited for, and what another shows in its place is not called ready', async (context) => {
  const home = await freshHome(context);
  const port = await freePort();
  const program = runInside(context, ['tls', String(port), '--public', '--name', 'away'], { home });
  const waiting = await program.line('waiting');
  assert.match(text(waiting, 'why'), /nothing listens there/);
  assert.equal(
    program.lines.some(({ event }) => event === 'ready'),
    false,
  );
});
