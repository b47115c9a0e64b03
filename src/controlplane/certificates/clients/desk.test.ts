import assert from 'node:assert/strict';
import { randomBytes, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import type { Authority, CertificateFound } from '../../../contracts/client-certificates.ts';
import type { SallyportError } from '../../../core/errors.ts';
import { limitsWith } from '../../../core/limits.ts';
import type { ClientCertificate } from '../../../core/policy/exchange.ts';
import { createMemoryStore } from '../../../modules/stores/memory.ts';
import { authority, fingerprint, revocationList, signed, type Signed } from '../../../../test/doubles/client-pki.ts';
import { homeAt } from '../../home.ts';
import { createClientDesk, type ClientDesk } from './desk.ts';
import { makeClientCertificate } from './making.ts';
import { openClientRegister, type ClientRegister } from './register.ts';

const limits = limitsWith({});

type Bench = Readonly<{ desk: ClientDesk; register: ClientRegister; clock: { now: number }; errors: SallyportError[] }>;

async function bench(
  context: TestContext,
  records = createMemoryStore({ now: Date.now }).records,
  ending: (path: string) => void = () => undefined,
): Promise<Bench> {
  const clock = { now: Date.now() };
  const errors: SallyportError[] = [];
  const now = (): number => clock.now;
  const register = await openClientRegister({ records, now, limits });
  const desk = createClientDesk({ register, limits, now, failed: (error) => errors.push(error), ending, lookMs: 5 });
  context.after(() => desk.close());
  return { desk, register, clock, errors };
}

function shownBy(...chain: readonly Signed[]): ClientCertificate {
  return { chain: chain.map(({ cert }) => new X509Certificate(cert).raw), fault: null };
}

async function wordsOf(found: CertificateFound | Promise<CertificateFound>): Promise<string> {
  const settled = await found;
  return settled.is === 'good' ? 'good' : `${settled.is}: ${settled.why}`;
}

/** Asks again until it says so: files are looked at from time to time. */
async function becomes(judging: Authority, shown: ClientCertificate, expected: RegExp): Promise<void> {
  for (;;) {
    if (expected.test(await wordsOf(judging.judge(shown)))) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe('lists of revoked certificates', () => {
  let folder: string;
  let root: Signed;
  let ana: Signed;
  const put = async (name: string, bytes: Uint8Array | string): Promise<string> => {
    const path = join(folder, name);
    await writeFile(`${path}.new`, bytes);
    await rename(`${path}.new`, path);
    return path;
  };
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'client-lists-'));
    root = await authority('Root');
    ana = await signed({ cn: ['ana'], issuer: root });
    await put('root.pem', root.cert);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const loaded = async ({ desk }: Bench, crl: readonly string[]): Promise<Authority> => {
    desk.begin();
    const found = desk.authority({ ca: [join(folder, 'root.pem')], crl });
    await desk.settled();
    return found;
  };

  it('revoked by a new file, on the same connection, and told to whoever watches', async (test) => {
    const all = await bench(test);
    const crl = await put('a.crl', await revocationList({ issuer: root }));
    const judging = await loaded(all, [crl]);
    const shown = shownBy(ana);
    assert.equal(await wordsOf(judging.judge(shown)), 'good');
    assert.equal(all.desk.stands(fingerprint(ana)), true);
    all.desk.letIn(fingerprint(ana), 'certificate:ana@example.org');
    const told = new Promise<readonly string[]>((resolve) => {
      all.desk.watch(resolve);
    });
    await put('a.crl', await revocationList({ issuer: root, revoked: [ana], fromMs: 0 }));
    assert.deepEqual(await told, ['certificate:ana@example.org']);
    assert.equal(all.desk.stands(fingerprint(ana)), false);
    assert.equal(await wordsOf(judging.judge(shown)), 'wrong: the certificate was revoked');
    assert.equal(await wordsOf(judging.judge(shownBy(await signed({ cn: ['ben'], issuer: root })))), 'good');
  });

  it('crl expired: nobody is let in', async (test) => {
    const all = await bench(test);
    const judging = await loaded(all, [await put('b.crl', await revocationList({ issuer: root, toMs: 3_600_000 }))]);
    const shown = shownBy(ana);
    assert.equal(await wordsOf(judging.judge(shown)), 'good');
    all.clock.now += 3_600_000;
    assert.equal(await wordsOf(judging.judge(shown)), 'away: the list of revoked certificates has ended');
    assert.equal(all.desk.stands(fingerprint(ana)), false);
  });

  it('a list that is near its end is said once, and again when the next one is', async (test) => {
    const said: string[] = [];
    const all = await bench(test, undefined, (path) => said.push(path));
    const crl = await put('k.crl', await revocationList({ issuer: root, fromMs: 0, toMs: 100_000 }));
    await loaded(all, [crl]);
    all.clock.now += 70_000;
    await new Promise((resolve) => setTimeout(resolve, 40));
    assert.deepEqual(said, []);
    all.clock.now += 15_000;
    while (said.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.deepEqual(said, [crl]);
  });

  it('crl rollback: an older list is none, after a restart too', async (test) => {
    const records = createMemoryStore({ now: Date.now }).records;
    const all = await bench(test, records);
    const older = await revocationList({ issuer: root, fromMs: -120_000 });
    const crl = await put('c.crl', await revocationList({ issuer: root, revoked: [ana], fromMs: -60_000 }));
    const judging = await loaded(all, [crl]);
    const shown = shownBy(ana);
    assert.equal(await wordsOf(judging.judge(shown)), 'wrong: the certificate was revoked');
    await put('c.crl', older);
    await becomes(judging, shown, /^away: .* older than one that was seen before$/);
    const again = await bench(test, records);
    assert.match(await wordsOf((await loaded(again, [crl])).judge(shown)), /^away: .* older than one that was seen before$/);
  });

  it('crl gone or broken: said once, and nobody is let in until it is back', async (test) => {
    const all = await bench(test);
    const crl = await put('d.crl', await revocationList({ issuer: root }));
    const judging = await loaded(all, [crl]);
    const shown = shownBy(ana);
    await rm(crl);
    await becomes(judging, shown, /^away: a list of revoked certificates is missing$/);
    await put('d.crl', 'nonsense');
    while (all.errors.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.deepEqual(
      all.errors.map(({ code }) => code),
      ['file-missing', 'certificate-unusable'],
    );
    await put('d.crl', await revocationList({ issuer: root, fromMs: 0 }));
    await becomes(judging, shown, /^good$/);
  });

  it('crl of another authority, of the future, or none for an authority between: nobody is let in', async (test) => {
    const all = await bench(test);
    const shown = shownBy(ana);
    // The same name, and another key.
    const other = await authority('Root');
    const foreign = await loaded(all, [await put('e.crl', await revocationList({ issuer: other, revoked: [] }))]);
    assert.equal(await wordsOf(foreign.judge(shown)), 'away: no list of revoked certificates is of its authority');
    const ahead = await loaded(all, [await put('f.crl', await revocationList({ issuer: root, fromMs: 3_600_000, toMs: 7_200_000 }))]);
    assert.equal(await wordsOf(ahead.judge(shown)), 'away: the list of revoked certificates is of the future');
    const middle = await signed({ cn: ['Middle'], issuer: root, authority: {} });
    const below = shownBy(await signed({ cn: ['ben'], issuer: middle }), middle);
    const ofRoot = await put('g.crl', await revocationList({ issuer: root }));
    assert.equal(await wordsOf((await loaded(all, [ofRoot])).judge(below)), 'away: no list of revoked certificates is of its authority');
    const ofMiddle = await put('h.crl', await revocationList({ issuer: middle }));
    assert.equal(await wordsOf((await loaded(all, [ofRoot, ofMiddle])).judge(below)), 'good');
    const revoked = await put('i.crl', await revocationList({ issuer: root, revoked: [middle], fromMs: 0 }));
    assert.equal(await wordsOf((await loaded(all, [revoked, ofMiddle])).judge(below)), 'wrong: the certificate was revoked');
  });

  it('refuses to start with a list or an authority that cannot be used', async (test) => {
    const all = await bench(test);
    await assert.rejects(loaded(all, [join(folder, 'absent.crl')]), { code: 'file-missing' });
    await assert.rejects(loaded(all, [await put('j.crl', ana.cert)]), { code: 'certificate-unusable' });
    // What a mistaken configuration named does not hold up the next one.
    assert.equal(await wordsOf((await loaded(all, [])).judge(shownBy(ana))), 'good');
    const named = (path: string): Authority => all.desk.authority({ ca: [path], crl: [] });
    assert.throws(() => named(join(folder, 'absent.pem')), { code: 'file-missing' });
    assert.throws(() => named(join(folder, 'j.crl')), { code: 'certificate-unusable' });
  });

  it('a list that was cut off or changed is read by nobody', async (test) => {
    const all = await bench(test);
    const whole = await revocationList({ issuer: root, revoked: [ana] });
    // From its first byte to the last of its signature.
    for (let at = 0; at < whole.length; at += Math.ceil(whole.length / 25)) {
      await assert.rejects(loaded(all, [await put(`cut${at}.crl`, whole.subarray(0, at))]), { code: 'certificate-unusable' });
      const changed = Buffer.from(whole);
      changed[at] = (changed[at] ?? 0) ^ 0x41;
      const path = await put(`changed${at}.crl`, changed);
      const judging = await loaded(all, [path]).catch(() => null);
      if (judging !== null) assert.notEqual(await wordsOf(judging.judge(shownBy(ana))), 'good');
    }
  });
});

it('what TLS did not take is not looked into, and a chain of nonsense is nobody', async (test) => {
  const { desk } = await bench(test);
  const root = await authority('Root');
  const folder = await mkdtemp(join(tmpdir(), 'client-roots-'));
  test.after(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, 'root.pem'), root.cert);
  const judging = desk.authority({ ca: [join(folder, 'root.pem')], crl: [] });
  const ana = await signed({ cn: ['ana'], issuer: root });
  assert.match(await wordsOf(judging.judge({ ...shownBy(ana), fault: 'CERT_SIGNATURE_FAILURE' })), /^wrong: .*CERT_SIGNATURE_FAILURE/);
  assert.equal(await wordsOf(judging.judge({ chain: [randomBytes(300)], fault: null })), 'wrong: it cannot be read');
  assert.match(await wordsOf(judging.judge({ chain: [], fault: null })), /^wrong/);
  assert.match(await wordsOf(judging.judge(shownBy(ana, ...Array.from({ length: 9 }, () => ana)))), /^wrong: .*too many/);
  assert.equal(desk.stands(fingerprint(ana)), false);
});

it('certificates of our own stand as long as the store says so', async (test) => {
  const store = createMemoryStore({ now: Date.now });
  const { desk, register, clock } = await bench(test, store.records);
  const folder = await mkdtemp(join(tmpdir(), 'client-own-'));
  test.after(() => rm(folder, { recursive: true, force: true }));
  const home = { ...homeAt(folder), keys: folder };
  const make = (name: string) => makeClientCertificate(home, register, { name, days: 30, roles: ['editor'] }, clock.now);
  const [ana, ben] = [await make('ana'), await make('ben')];
  assert.equal(desk.own.roots().length, 1);
  assert.equal(desk.own.roots(), desk.own.roots());
  const shown = shownBy(ana);
  assert.equal(await wordsOf(desk.own.judge(shown)), 'good');
  assert.deepEqual(desk.own.find(ana.own.fingerprint)?.roles, ['editor']);
  const told = once(watching(desk), 'told');
  assert.deepEqual((await register.revoke('ana')).length, 1);
  await told;
  assert.match(await wordsOf(desk.own.judge(shown)), /^wrong: the certificate was revoked/);
  assert.equal(desk.stands(ana.own.fingerprint), false);
  assert.deepEqual(
    desk.own.list().map(({ name }) => name),
    ['ben'],
  );
  // A good path and no record: somebody else has the key of the authority.
  await store.records.delete(`client-certificates/${ben.own.fingerprint}`);
  assert.match(await wordsOf(desk.own.judge(shownBy(ben))), /^wrong/);
  clock.now += 31 * 86_400_000;
  assert.match(await wordsOf(desk.own.judge(shown)), /^expired/);
});

function watching(desk: ClientDesk): EventTarget {
  const target = new EventTarget();
  desk.watch(() => void target.dispatchEvent(new Event('told')));
  return target;
}
