import assert from 'node:assert/strict';
import { chmod, chown, mkdir, mkdtemp, realpath, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { openHome } from './home.ts';

const isRoot = process.getuid?.() === 0;

describe('the state directory', () => {
  let place: string;
  let count = 0;
  const fresh = (): string => join(place, `home-${(count += 1)}`);
  before(async () => {
    place = await realpath(await mkdtemp(join(tmpdir(), 'sallyport-home-')));
  });
  after(() => rm(place, { recursive: true }));

  it('is made with mode 0700, and so is every folder in it, whatever the umask (secrets at rest)', async () => {
    const umask = process.umask(0);
    try {
      const home = await openHome({ SALLYPORT_HOME: fresh() });
      for (const path of [home.path, home.keys, home.log, home.run]) assert.equal((await stat(path)).mode & 0o777, 0o700, path);
    } finally {
      process.umask(umask);
    }
  });

  it('is SALLYPORT_HOME, else below XDG_STATE_HOME, else below HOME', async () => {
    const chosen = fresh();
    assert.equal((await openHome({ SALLYPORT_HOME: chosen, XDG_STATE_HOME: fresh(), HOME: fresh() })).path, chosen);
    const state = fresh();
    assert.equal((await openHome({ XDG_STATE_HOME: state, HOME: fresh() })).path, join(state, 'sallyport'));
    const user = fresh();
    const below = process.platform === 'darwin' ? 'Library/Application Support/sallyport' : '.local/state/sallyport';
    assert.equal((await openHome({ HOME: user, XDG_STATE_HOME: 'relative/is/ignored' })).path, join(user, below));
  });

  it('is never taken from the working directory (class V)', async () => {
    for (const relative of ['state', './state', '../state'])
      await assert.rejects(openHome({ SALLYPORT_HOME: relative }), { code: 'usage-wrong' });
  });

  it('opens again, with what is in it', async () => {
    const path = fresh();
    const home = await openHome({ SALLYPORT_HOME: path });
    await writeFile(join(home.keys, 'a.pem'), 'secret', { mode: 0o600 });
    assert.deepEqual(await openHome({ SALLYPORT_HOME: `${path}/` }), home);
  });

  it('is refused when others may read it, with the command that mends it', async () => {
    const path = fresh();
    await openHome({ SALLYPORT_HOME: path });
    for (const mode of [0o755, 0o710, 0o701, 0o770]) {
      await chmod(path, mode);
      await assert.rejects(openHome({ SALLYPORT_HOME: path }), { code: 'home-exposed', hint: `chmod 0700 ${path}` });
    }
  });

  it('is refused when one file in it can be read by others, keys, log, store and folders alike', async () => {
    const home = await openHome({ SALLYPORT_HOME: fresh() });
    await mkdir(join(home.keys, 'ca'), { mode: 0o700 });
    for (const path of [
      join(home.keys, 'carrier.pem'),
      join(home.keys, 'ca', '01.json'),
      home.exchanges,
      home.store,
      `${home.store}-wal`,
    ]) {
      await writeFile(path, '', { mode: 0o600 });
      await openHome({ SALLYPORT_HOME: home.path });
      await chmod(path, 0o640);
      await assert.rejects(openHome({ SALLYPORT_HOME: home.path }), { code: 'home-exposed', hint: `chmod 0600 ${path}` });
      await chmod(path, 0o600);
    }
    await chmod(join(home.keys, 'ca'), 0o750);
    await assert.rejects(openHome({ SALLYPORT_HOME: home.path }), { code: 'home-exposed', hint: `chmod 0700 ${join(home.keys, 'ca')}` });
  });

  it('is refused when it, a folder or a key is a symbolic link (class V)', async () => {
    const target = fresh();
    await openHome({ SALLYPORT_HOME: target });
    const path = fresh();
    await symlink(target, path);
    await assert.rejects(openHome({ SALLYPORT_HOME: path }), { code: 'home-exposed' });
    await assert.rejects(openHome({ SALLYPORT_HOME: `${path}/` }), { code: 'home-exposed' });

    const home = await openHome({ SALLYPORT_HOME: fresh() });
    await symlink('/etc/passwd', join(home.keys, 'carrier.pem'));
    await assert.rejects(openHome({ SALLYPORT_HOME: home.path }), { code: 'home-exposed' });
    await rm(join(home.keys, 'carrier.pem'));
    await rm(home.run, { recursive: true });
    await symlink(place, home.run);
    await assert.rejects(openHome({ SALLYPORT_HOME: home.path }), { code: 'home-exposed' });
  });

  it('is refused below a directory in which anybody may rename, but for a sticky one', async () => {
    const open = fresh();
    await mkdir(open);
    await chmod(open, 0o777);
    await assert.rejects(openHome({ SALLYPORT_HOME: join(open, 'home') }), { code: 'home-exposed', hint: `chmod go-w ${open}` });
    await chmod(open, 0o1777);
    await openHome({ SALLYPORT_HOME: join(open, 'home') });
  });

  it('is refused when it belongs to somebody else', { skip: isRoot ? false : 'not run: only root may give files away' }, async () => {
    const home = await openHome({ SALLYPORT_HOME: fresh() });
    await chown(home.keys, 12_345, 12_345);
    await assert.rejects(openHome({ SALLYPORT_HOME: home.path }), { code: 'home-exposed', hint: `sudo chown 0 ${home.keys}` });
  });

  it('says so when it cannot be made', async () => {
    const file = fresh();
    await writeFile(file, '');
    await assert.rejects(openHome({ SALLYPORT_HOME: join(file, 'home') }), { code: 'home-unwritable' });
  });

  it('quotes a path with blanks in the command that mends it', async () => {
    const path = join(place, "ana's state");
    await openHome({ SALLYPORT_HOME: path });
    await chmod(path, 0o755);
    await assert.rejects(openHome({ SALLYPORT_HOME: path }), { hint: `chmod 0700 '${place}/ana'\\''s state'` });
  });
});
