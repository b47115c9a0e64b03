import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { assert as check, nat, property, uint8Array } from 'fast-check';
import { authority, revocationList, signed } from '../../../../test/doubles/client-pki.ts';
import { readRevocationList } from './revocation-list.ts';

const folder = mkdtempSync(join(tmpdir(), 'revocation-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const withoutOpenssl = spawnSync('openssl', ['version'], { stdio: 'ignore' }).status === 0 ? false : 'not run: no openssl on this machine';

/** An authority as OpenSSL's own command keeps it; each word is one of its calls. */
function openssl(...words: readonly string[]): void {
  execFileSync('openssl', words, { cwd: folder, stdio: 'ignore' });
}

function opensslAuthority(): void {
  const config = [
    '[ca]',
    'default_ca=own',
    '[own]',
    'database=index.txt',
    'serial=serial',
    'crlnumber=number',
    'new_certs_dir=.',
    'certificate=root.pem',
    'private_key=root.key',
    'default_md=sha256',
    'default_days=30',
    'default_crl_days=7',
    'policy=any',
    'crl_extensions=ofList',
    '[any]',
    'commonName=supplied',
    '[ofList]',
    'authorityKeyIdentifier=keyid:always',
    '[delta]',
    '2.5.29.27=critical,DER:020101',
    '[req]',
    'distinguished_name=name',
    '[name]',
  ];
  writeFileSync(join(folder, 'ca.cnf'), config.join('\n'));
  writeFileSync(join(folder, 'index.txt'), '');
  writeFileSync(join(folder, 'serial'), '00F1\n');
  writeFileSync(join(folder, 'number'), '01\n');
  openssl(
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-keyout',
    'root.key',
    '-out',
    'root.pem',
    '-subj',
    '/CN=Root',
    '-addext',
    'subjectKeyIdentifier=hash',
    '-addext',
    'basicConstraints=critical,CA:true',
    '-days',
    '30',
    '-config',
    'ca.cnf',
  );
  for (const name of ['ana', 'ben']) {
    openssl(
      'req',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.csr`,
      '-subj',
      `/CN=${name}`,
      '-config',
      'ca.cnf',
    );
    openssl('ca', '-config', 'ca.cnf', '-batch', '-notext', '-in', `${name}.csr`, '-out', `${name}.pem`);
  }
  openssl('ca', '-config', 'ca.cnf', '-revoke', 'ana.pem', '-crl_reason', 'keyCompromise');
}

const certificateIn = (name: string): X509Certificate => new X509Certificate(readFileSync(join(folder, name)));

test('lists of OpenSSL are read, in PEM and DER; a delta is refused', { skip: withoutOpenssl }, () => {
  opensslAuthority();
  openssl('ca', '-config', 'ca.cnf', '-gencrl', '-out', 'root.crl');
  openssl('crl', '-in', 'root.crl', '-outform', 'der', '-out', 'root.der');
  for (const name of ['root.crl', 'root.der']) {
    const list = readRevocationList(readFileSync(join(folder, name)));
    assert.equal(list.holds(certificateIn('ana.pem').serialNumber), true);
    assert.equal(list.holds(certificateIn('ben.pem').serialNumber), false);
    assert.deepEqual([list.isOf(certificateIn('root.pem')), list.isOf(certificateIn('ben.pem'))], [true, false]);
    assert.ok(Math.abs(list.nextUpdate - list.thisUpdate - 7 * 86_400_000) < 5_000);
    assert.ok(Math.abs(list.thisUpdate - Date.now()) < 60_000);
  }
  openssl('ca', '-config', 'ca.cnf', '-gencrl', '-crlexts', 'delta', '-out', 'delta.crl');
  assert.throws(() => readRevocationList(readFileSync(join(folder, 'delta.crl'))), /delta/);
  // Two in one file: nobody knows which is meant.
  const twice = readFileSync(join(folder, 'root.crl'), 'utf8').repeat(2);
  assert.throws(() => readRevocationList(Buffer.from(twice)), /more than one list/);
});

test('whatever is read, it is a list or a RangeError; what was changed is of nobody', async () => {
  const root = await authority('Root');
  const ana = await signed({ cn: ['ana'], issuer: root });
  const whole = await revocationList({ issuer: root, revoked: [ana] });
  const issuer = new X509Certificate(root.cert);
  assert.equal(readRevocationList(whole).isOf(issuer), true);
  const read = (bytes: Uint8Array): void => {
    try {
      const list = readRevocationList(bytes);
      if (!whole.equals(bytes)) assert.equal(list.isOf(issuer), false);
    } catch (error) {
      assert.ok(error instanceof RangeError, String(error));
    }
  };
  check(property(uint8Array({ maxLength: 200 }), read));
  check(
    property(nat(whole.length - 1), nat(255), (at, value) => {
      const changed = Buffer.from(whole);
      changed[at] = value;
      read(changed);
    }),
    { numRuns: 300 },
  );
  check(property(nat(whole.length), (length) => read(whole.subarray(0, length))));
});
