/** Certificates from files: found in folders, read whole or not at all, and again when they change. */

import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { chmod, mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SallyportError } from '../../core/errors.ts';
import { certificate, type Made } from '../../../test/doubles/pki.ts';
import { openCertificateFiles, type CertificateFiles } from './files.ts';

type Context = Parameters<NonNullable<Parameters<typeof test>[0]>>[0];
type Opened = Readonly<{
  files: CertificateFiles;
  folder: string;
  failures: unknown[];
  next: () => Promise<void>;
  failed: () => Promise<unknown>;
}>;

async function open(context: Context): Promise<Opened> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-files-'));
  const failures: unknown[] = [];
  const heard = new EventEmitter();
  const failed = (error: unknown): void => {
    failures.push(error);
    heard.emit('failed', error);
  };
  const files = openCertificateFiles({ now: Date.now, filesMax: 10, quietMs: 20, lookMs: 50, failed });
  context.after(async () => {
    await files.close();
    await rm(folder, { recursive: true });
  });
  const next = (): Promise<void> =>
    new Promise((resolve) => {
      const stop = files.watch(() => (stop(), resolve()));
    });
  return { files, folder, failures, next, failed: async () => ((await once(heard, 'failed')) as unknown[])[0] };
}

const of = (name: string, more: { issuer?: Made; toDays?: number } = {}) => certificate({ subject: name, names: [name], ...more });
const put = async (path: string, text: string): Promise<void> => {
  await writeFile(`${path}.new`, text, { mode: 0o600 });
  await rename(`${path}.new`, path);
};
const names = (files: CertificateFiles) =>
  files
    .current()
    .map((each) => each.names.join())
    .toSorted();

test('a folder: pairs by what is in them, both in one file, certbot’s folders, and what is none of ours', async (context) => {
  const { files, folder } = await open(context);
  const root = await certificate({ subject: 'root', isCa: true });
  const [a, b, c] = [await of('a.test'), await of('b.test'), await of('c.test', { issuer: root })];
  await put(join(folder, 'one.crt'), a.cert);
  await put(join(folder, 'whatever.key'), a.key);
  await put(join(folder, 'b.pem'), b.key + b.cert);
  await put(join(folder, 'company.crt'), root.cert);
  await put(join(folder, 'README'), 'no PEM at all');
  await put(join(folder, 'old.key'), (await of('gone.test')).key);
  const [live, archive] = [join(folder, 'c.test'), join(folder, '.archive')];
  await mkdir(live);
  await mkdir(archive);
  for (const [name, text] of [
    ['cert', c.cert],
    ['chain', root.cert],
    ['fullchain', c.cert + root.cert],
    ['privkey', c.key],
  ] as const) {
    await put(join(archive, `${name}1.pem`), text);
    await symlink(join(archive, `${name}1.pem`), join(live, `${name}.pem`));
  }
  await files.use([{ is: 'path', path: folder }]);
  assert.deepEqual(names(files), ['a.test', 'b.test', 'c.test']);
});

test('a certificate that breaks: one that is wrong leaves all as they were, whole or not at all', async (context) => {
  const { files, folder } = await open(context);
  const [a, b] = [await of('a.test'), await of('b.test')];
  await put(join(folder, 'a.pem'), a.cert + a.key);
  const before = [{ is: 'path', path: join(folder, 'a.pem') }] as const;
  await files.use(before);
  await put(join(folder, 'b.crt'), b.cert);
  await put(join(folder, 'b.key'), a.key);
  await assert.rejects(files.use([...before, { is: 'pair', cert: join(folder, 'b.crt'), key: join(folder, 'b.key') }]), {
    code: 'certificate-unusable',
  });
  await assert.rejects(files.use([{ is: 'path', path: join(folder, 'none') }]), { code: 'file-missing' });
  await mkdir(join(folder, 'empty'));
  await assert.rejects(files.use([{ is: 'path', path: join(folder, 'empty') }]), { code: 'certificate-unusable' });
  await put(join(folder, 'b.key'), b.key);
  await chmod(join(folder, 'b.key'), 0o604);
  await assert.rejects(files.use([{ is: 'path', path: folder }]), { code: 'config-unsafe' });
  assert.deepEqual(names(files), ['a.test']);
});

test('renewed files are read by themselves; the same goes on being the same, and going back is possible', async (context) => {
  const { files, folder, next } = await open(context);
  const [a, b] = [await of('a.test'), await of('b.test')];
  await put(join(folder, 'a.pem'), a.cert + a.key);
  await put(join(folder, 'b.pem'), b.cert + b.key);
  await files.use([{ is: 'path', path: folder }]);
  const was = files.current();
  const renewed = await of('b.test', { toDays: 60 });
  const changed = next();
  await put(join(folder, 'b.pem'), renewed.cert + renewed.key);
  await changed;
  assert.equal(files.current()[0], was[0]);
  assert.notEqual(files.current()[1], was[1]);
  // A folder for a name of its own, and a file in it later.
  let added = next();
  const c = await of('c.test');
  await mkdir(join(folder, 'c'));
  await put(join(folder, 'c', 'c.pem'), c.cert + c.key);
  // A late word of the renewal before may come in between.
  for (; !names(files).includes('c.test'); added = next()) await added;
  assert.deepEqual(names(files), ['a.test', 'b.test', 'c.test']);
  const back = await files.use([]);
  assert.deepEqual(names(files), []);
  back();
  assert.deepEqual(names(files), ['a.test', 'b.test', 'c.test']);
});

test('a renewal that is wrong is said once, and the old one stays until it is mended', async (context) => {
  const { files, folder, next, failed, failures } = await open(context);
  const a = await of('a.test');
  const [cert, key] = [join(folder, 'a.crt'), join(folder, 'a.key')];
  await put(cert, a.cert);
  await put(key, a.key);
  await files.use([{ is: 'pair', cert, key }]);
  const [was] = files.current();
  const renewed = await of('a.test', { toDays: 60 });
  const said = failed();
  await put(cert, renewed.cert);
  const error = await said;
  assert.ok(error instanceof SallyportError && error.message.includes('a.crt, line 1: it is not the certificate of the key'));
  assert.equal(files.current()[0], was);
  const changed = next();
  await put(key, renewed.key);
  await changed;
  assert.notEqual(files.current()[0], was);
  assert.equal(failures.length, 1);
});
