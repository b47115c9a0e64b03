/** `sallyport clients certificate` from words to exit code. */

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { codes } from '../../core/errors.ts';
import { run } from '../run.ts';
import { scriptedTerminal, temporaryFolder } from '../scripted-terminal.ts';

test('client certificates are made for one holder, listed and revoked', async (context) => {
  const folder = await temporaryFolder(context);
  const [home, pem] = [join(folder, 'home'), join(folder, 'pem')];
  await mkdir(pem);
  const told = async (...words: string[]) => {
    const terminal = scriptedTerminal({ home });
    const code = await run(['clients', ...words, '--json'], terminal);
    return { code, events: terminal.events(), written: terminal.written() };
  };
  const make = (...words: string[]) => told('certificate', ...words, '--pem', pem);
  const made = await make('Ana', '--days', '30', '--role', 'editor');
  const [event = {}] = made.events;
  assert.deepEqual([made.code, event['event'], event['name'], event['roles']], [0, 'client-certificate', 'ana', ['editor']]);
  const [crt, key] = [join(pem, 'ana.crt'), join(pem, 'ana.key')];
  assert.deepEqual(event['files'], { certificate: crt, key });
  const certificate = new X509Certificate(await readFile(crt));
  assert.equal(certificate.fingerprint256.replaceAll(':', '').toLowerCase(), event['fingerprint']);
  assert.deepEqual([certificate.subject, certificate.ca, certificate.keyUsage], ['CN=ana', false, ['1.3.6.1.5.5.7.3.2']]);
  if (process.platform !== 'win32') {
    assert.equal((await stat(key)).mode & 0o777, 0o600);
    assert.equal((await stat(join(home, 'keys', 'client-ca.json'))).mode & 0o777, 0o600);
  }
  assert.ok(!made.written.includes('PRIVATE KEY'));

  // Over nothing; what could not be written stands for nobody.
  assert.equal((await make('ana')).code, codes['usage-wrong'].exit);
  assert.equal((await told('certificate', 'ben', '--pem', join(folder, 'absent'))).code, codes['file-missing'].exit);
  const listed = (await told('certificates', 'list')).events;
  assert.deepEqual(listed.map(({ name, revoked }) => `${String(name)} ${revoked === null}`).toSorted(), [
    'ana false',
    'ana true',
    'ben false',
  ]);

  assert.equal((await make('carl')).code, 0);
  for (const wrong of [['a/b'], ['dora', '--days', '0'], ['dora', '--days', '9999'], ['dora', '--days', 'x'], ['dora', '--role', 'A B']])
    assert.notEqual((await make(...wrong)).code, 0, wrong.join(' '));

  assert.equal((await told('certificates', 'revoke', 'eve')).code, codes['certificate-missing'].exit);
  const fingerprint = String(event['fingerprint']);
  assert.equal((await told('certificates', 'revoke', 'ana', '--fingerprint', 'ffff')).code, codes['usage-wrong'].exit);
  const revoked = await told('certificates', 'revoke', 'ANA', '--fingerprint', fingerprint.slice(0, 16));
  assert.deepEqual([revoked.code, revoked.events[0]?.['change'], revoked.events[0]?.['fingerprint']], [0, 'revoked', fingerprint]);
  assert.equal((await told('certificates', 'revoke', 'ana')).code, codes['certificate-missing'].exit);
});

test('in words: where the files are, and how a browser takes them', async (context) => {
  const folder = await temporaryFolder(context);
  const terminal = scriptedTerminal({ home: join(folder, 'home') });
  assert.equal(await run(['clients', 'certificate', 'ana', '--pem', folder], terminal), 0);
  assert.match(terminal.written(), /ana\.crt.*ana\.key/);
  assert.match(terminal.written(), /openssl pkcs12 -export -in .*ana\.crt -inkey .*ana\.key -out .*ana\.p12/);
});
