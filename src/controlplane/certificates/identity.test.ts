/** A machine's own key: made once, kept, never repaired in silence. */

import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { chmod, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import { SallyportError } from '../../core/errors.ts';
import { fingerprintOf, loadIdentity } from './identity.ts';

async function folder(test: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'sallyport-identity-'));
  test.after(() => rm(path, { recursive: true }));
  return join(path, 'keys');
}

describe('an identity', () => {
  it('is made once, with a file that only its owner can read', async (test) => {
    const at = await folder(test);
    const made = await loadIdentity(at, 'gateway');
    deepEqual(await loadIdentity(at, 'gateway'), made);
    equal((await stat(join(at, 'gateway.pem'))).mode & 0o777, 0o600);
    equal((await stat(at)).mode & 0o777, 0o700);
    deepEqual(await readdir(at), ['gateway.pem']);
    match(made.fingerprint, /^[0-9a-f]{64}$/);
    const certificate = new X509Certificate(made.certificate);
    equal(fingerprintOf(certificate.publicKey.export({ type: 'spki', format: 'der' })), made.fingerprint);
    equal(certificate.ca, false);
    notEqualIdentity(await loadIdentity(at, 'relay'), made);
  });

  it('is one, when two processes make it at once', async (test) => {
    const at = await folder(test);
    const all = await Promise.all(Array.from({ length: 4 }, () => loadIdentity(at, 'gateway')));
    equal(new Set(all.map((one) => one.fingerprint)).size, 1);
    deepEqual(await readdir(at), ['gateway.pem']);
  });

  it('is refused when others can read it', async (test) => {
    const at = await folder(test);
    await loadIdentity(at, 'gateway');
    await chmod(join(at, 'gateway.pem'), 0o640);
    await rejects(loadIdentity(at, 'gateway'), (error: unknown) => error instanceof SallyportError && error.code === 'home-exposed');
  });

  it('is never replaced when it is damaged', async (test) => {
    const at = await folder(test);
    await loadIdentity(at, 'gateway');
    const path = join(at, 'gateway.pem');
    await writeFile(path, (await readFile(path, 'utf8')).replace('A', 'B').slice(0, 300));
    await rejects(loadIdentity(at, 'gateway'), (error: unknown) => error instanceof SallyportError && /damaged/.test(error.message));
  });
});

function notEqualIdentity(one: { fingerprint: string }, other: { fingerprint: string }): void {
  ok(one.fingerprint !== other.fingerprint);
}
