/** The launcher and bin/sallyport, in a made-up checkout with a made-up npm. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, realpath, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { describe, test } from 'node:test';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Takes down what it was asked, makes noise on standard output, and fails as `npm-fails` says. */
const fakeNpm = `#!/bin/sh
echo "$*" >> npm-calls
echo "added 1 package"
mkdir -p node_modules
if [ -f npm-fails ] && grep -q "^$1$" npm-fails; then cat npm-says >&2; exit 1; fi
`;

const program =
  'process.stdout.write(`${JSON.stringify(process.argv.slice(2))}\\n`); process.exitCode = process.argv.includes("fail") ? 7 : 0;\n';

type Ended = Readonly<{ code: number | null; out: string; err: string }>;

type Checkout = Readonly<{
  folder: string;
  run: (file: string, words: readonly string[], options?: Readonly<{ cwd?: string }>) => Promise<Ended>;
  launch: (...words: readonly string[]) => Promise<Ended>;
  npmCalls: () => Promise<readonly string[]>;
}>;

async function checkout(context: TestContext): Promise<Checkout> {
  // The real path: on some systems the folder for temporary files is a link.
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'sallyport-launcher-')));
  context.after(() => rm(folder, { recursive: true, force: true }));
  for (const part of [
    'scripts/run.mjs',
    'scripts/test-plan.mjs',
    'scripts/test-process.mjs',
    'bin/sallyport',
    'package.json',
    'package-lock.json',
  ]) {
    await mkdir(dirname(join(folder, part)), { recursive: true });
    await cp(join(root, part), join(folder, part));
  }
  await mkdir(join(folder, 'src', 'cli'), { recursive: true });
  await mkdir(join(folder, 'path'));
  await writeFile(join(folder, 'src', 'cli', 'main.ts'), program);
  await writeFile(join(folder, 'path', 'npm'), fakeNpm, { mode: 0o755 });

  const { npm_execpath: _, INIT_CWD: __, NODE_TEST_CONTEXT: ___, ...inherited } = process.env;
  const env = { ...inherited, PATH: [join(folder, 'path'), dirname(process.execPath), '/usr/bin', '/bin'].join(delimiter) };
  const run: Checkout['run'] = async (file, words, options = {}) => {
    const child = spawn(file, words, { env, cwd: options.cwd ?? folder, stdio: ['ignore', 'pipe', 'pipe'] });
    const code = new Promise<number | null>((resolve) => child.once('close', resolve));
    const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
    return { code: await code, out, err };
  };
  return {
    folder,
    run,
    launch: (...words) => run(process.execPath, [join(folder, 'scripts', 'run.mjs'), ...words]),
    npmCalls: async () => (await readFile(join(folder, 'npm-calls'), 'utf8').catch(() => '')).split('\n').filter((line) => line !== ''),
  };
}

describe('the launcher', () => {
  test('installs once, without development tools, and keeps standard output for the program', async (context) => {
    const { launch, npmCalls } = await checkout(context);
    const first = await launch('start', '3000', '--json');
    assert.equal(first.out, '["3000","--json"]\n');
    assert.match(first.err, /^sallyport: installing packages, once …\n$/);
    const second = await launch('start');
    assert.deepEqual([second.out, second.err], ['["example"]\n', '']);
    const calls = await npmCalls();
    assert.equal(calls.length, 1);
    assert.match(calls[0]!, /^ci --omit=dev /);
  });

  test('installs again when the lock file has changed', async (context) => {
    const { folder, launch, npmCalls } = await checkout(context);
    await launch('start');
    await writeFile(join(folder, 'package-lock.json'), '{}');
    await launch('start');
    assert.equal((await npmCalls()).length, 2);
  });

  test('adds the development tools to what runs, and then leaves them there', async (context) => {
    const { folder, launch, npmCalls } = await checkout(context);
    await launch('start');
    await mkdir(join(folder, 'test'));
    await writeFile(join(folder, 'test', 'a.test.ts'), "import { test } from 'node:test'; test('a', () => undefined);");
    const tested = await launch('test');
    assert.match(tested.out, /pass 1/);
    await launch('start');
    const calls = await npmCalls();
    assert.equal(calls.length, 2);
    assert.match(calls[1]!, /^install --no-save --include=dev /, '`npm ci` would have removed the files of a program that runs');
    await writeFile(join(folder, 'package-lock.json'), '{}');
    await launch('start');
    assert.match((await npmCalls())[2]!, /^ci --include=dev /, 'a start after a change of the lock file takes no tools away');
  });

  test('tests below src share a process; what fails and what cannot be loaded is named, and the rest is run', async (context) => {
    const { folder, launch } = await checkout(context);
    const lines = {
      good: 'test(`good ${process.pid}`, () => undefined);',
      also: "test(`also ${process.pid}`, () => undefined); mock.timers.enable({ apis: ['setTimeout'] });",
      late: "test('a clock that was stopped goes on', () => new Promise((done) => void setTimeout(done, 1)));",
      early: "test('nothing of another file has begun', () => void (globalThis.held && wrong()));",
      held: 'before(() => (globalThis.held = true)); test(`holds`, () => void (globalThis.held || wrong())); after(() => delete globalThis.held);',
      seen: "test('what another file began has ended', () => void (globalThis.held && wrong()));",
      wrong: "\ntest('is wrong', () => { throw new Error('as it was meant'); });",
      lost: "import './nowhere.ts';",
    };
    for (const [name, line] of Object.entries(lines))
      await writeFile(
        join(folder, 'src', `${name}.test.ts`),
        `import { after, before, mock, test } from 'node:test'; void [after, before, mock]; ${line}\n`,
      );
    const { code, out } = await launch('test');
    assert.equal(code, 1);
    const [good, also] = ['good', 'also'].map((name) => new RegExp(`✔ ${name} (\\d+)`).exec(out)?.[1]);
    assert.ok(good !== undefined && good === also, out);
    assert.match(out, /✔ a clock that was stopped goes on/);
    assert.match(out, /test at src\/wrong\.test\.ts:2:1\n✖ is wrong/);
    assert.match(out, /✖ src\/lost\.test\.ts can be loaded[^]*nowhere\.ts/);
    assert.match(out, /ℹ pass 6\nℹ fail 2\n/);
    assert.match(out, /▶ src\/held\.test\.ts\n {2}✔ holds/);
    const alone = await launch('test', 'good');
    assert.match(alone.out, /ℹ pass 1\nℹ fail 0\n/);
  });

  test('two at once install once', async (context) => {
    const { launch, npmCalls } = await checkout(context);
    const both = await Promise.all([launch('start', 'a'), launch('start', 'b')]);
    assert.deepEqual(
      both.map(({ out }) => out),
      ['["a"]\n', '["b"]\n'],
    );
    assert.equal((await npmCalls()).length, 1);
  });

  test('takes over from one that died in the middle', async (context) => {
    const { folder, launch } = await checkout(context);
    const lock = join(folder, '.install-lock');
    await mkdir(lock);
    await writeFile(join(lock, 'owner'), '1\n');
    await utimes(join(lock, 'owner'), 0, 0);
    assert.equal((await launch('start')).code, 0);
  });

  test('tries `npm install` when `npm ci` refuses', async (context) => {
    const { folder, launch, npmCalls } = await checkout(context);
    await writeFile(join(folder, 'npm-fails'), 'ci\n');
    await writeFile(join(folder, 'npm-says'), 'npm error code EUSAGE\n');
    const started = await launch('start');
    assert.deepEqual([started.code, started.err.includes('EUSAGE')], [0, false]);
    assert.match((await npmCalls())[1]!, /^install --no-save --omit=dev /);
  });

  test('says in words that the network is missing, and installs nothing by halves', async (context) => {
    const { folder, launch, npmCalls } = await checkout(context);
    await writeFile(join(folder, 'npm-fails'), 'ci\ninstall\n');
    await writeFile(join(folder, 'npm-says'), 'npm error code ENOTFOUND\n');
    const offline = await launch('start');
    assert.deepEqual([offline.code, offline.out], [1, '']);
    assert.match(offline.err, /cannot be reached\. Connect to the network and run this again\.\n$/);
    assert.equal((await npmCalls()).length, 1);
    await rm(join(folder, 'npm-fails'));
    assert.equal((await launch('start')).code, 0, 'the lock was left behind');
  });

  test('passes the exit code on', async (context) => {
    const { launch } = await checkout(context);
    assert.equal((await launch('start', 'fail')).code, 7);
  });

  test('refuses a command that it does not know', async (context) => {
    const { launch, npmCalls } = await checkout(context);
    const { code, err } = await launch('dance');
    assert.deepEqual([code, await npmCalls()], [1, []]);
    assert.match(err, /knows no command "dance"/);
  });
});

describe('bin/sallyport', () => {
  test('runs from any folder and through links', async (context) => {
    const { folder, run } = await checkout(context);
    await mkdir(join(folder, 'elsewhere'));
    await symlink('../bin/sallyport', join(folder, 'elsewhere', 'one'));
    await symlink(join(folder, 'elsewhere', 'one'), join(folder, 'elsewhere', 'two'));
    const { code, out, err } = await run(join(folder, 'elsewhere', 'two'), ['status', '--json'], { cwd: '/' });
    assert.deepEqual([code, out], [0, '["status","--json"]\n'], err);
  });

  test('keeps words with spaces whole, and the exit code', async (context) => {
    const { folder, run } = await checkout(context);
    const { code, out } = await run(join(folder, 'bin', 'sallyport'), ['a b', '', '*', 'fail']);
    assert.deepEqual([code, out], [7, '["a b","","*","fail"]\n']);
  });
});
