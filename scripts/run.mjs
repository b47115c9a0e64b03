/** The launcher: makes sure that packages and a fitting Node are there, then becomes the program. Plain JavaScript for Node 18 and later. */

import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stampFile = join(root, 'node_modules', '.install-stamp');
const lockFolder = join(root, '.install-lock');
const codeFolder = join(root, 'node_modules', '.compile-cache');
const engines = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).engines.node;
/** A lock whose owner shows no sign of life for this long is taken over. The owner touches it each second. */
const lockStaleMs = 10_000;
const windows = process.platform === 'win32';
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];

const [command = 'start', ...rest] = process.argv.slice(2);
class Refusal extends Error {}
await main().catch((error) => {
  if (!(error instanceof Refusal)) throw error;
  process.stderr.write(`sallyport: ${error.message}\n`);
  process.exitCode = 1;
});

async function main() {
  const words = command === 'runtime' ? () => [] : argumentsFor(command);
  const mode = command === 'start' || command === 'runtime' ? 'prod' : 'dev';
  await install(mode);
  const runtime = chooseRuntime();
  if (command === 'runtime') process.stdout.write(`${runtime}\n`);
  else {
    if (command === 'test') keepCode(runtime);
    become(runtime, await words());
  }
}

/** What the program is to be given: known to be one before anything is installed, and made after it. */
function argumentsFor(name) {
  switch (name) {
    case 'start':
      return () => ['src/cli/main.ts', ...(rest.length === 0 ? ['example'] : rest)];
    case 'test':
      return testArguments;
    case 'bench':
      return () => ['bench/run.ts', ...rest];
    case 'timing':
      return () => ['bench/timing.ts', ...rest];
    case 'faults':
      return () => ['test/faults/storm/run.ts', ...rest];
    case 'lint':
      return () => ['node_modules/oxlint/bin/oxlint', '--type-aware', ...rest];
    case 'format':
      return () => ['node_modules/oxfmt/bin/oxfmt', ...rest];
    default:
      return fail(`The launcher knows no command "${name}". It knows start, test, bench, timing, faults, lint, format and runtime.`);
  }
}

/** `npm test -- FILTER` runs the files whose path holds FILTER, each in a process of its own, or else the tests whose title does. */
async function testArguments() {
  const { plan, testFiles, writePlan } = await import('./test-plan.mjs');
  const files = testFiles(root);
  const flags = rest.filter((word) => word.startsWith('-'));
  const filters = rest.filter((word) => !word.startsWith('-'));
  const chosen = filters.length === 0 ? [] : files.filter((file) => filters.every((filter) => file.includes(filter)));
  const byTitle = chosen.length === 0 ? filters.map((filter) => `--test-name-pattern=${filter}`) : [];
  // More than there are cores: many tests wait, for a child that starts or a deadline that comes.
  const atOnce = `--test-concurrency=${availableParallelism() + 2}`;
  return [
    '--test',
    '--test-reporter=spec',
    // A test that hangs is a failure with a name, not an evening.
    '--test-timeout=90000',
    atOnce,
    ...byTitle,
    ...flags,
    ...(chosen.length === 0 ? writePlan(root, plan(root, files)) : chosen),
  ];
}

async function install(wanted) {
  if (installed(wanted)) return;
  const release = await takeLock();
  try {
    const have = installed('prod');
    if (installed(wanted)) return;
    // Who has the tools for tests keeps them when the program is started after a change of the lock file.
    const mode = stamped().endsWith(' dev') ? 'dev' : wanted;
    process.stderr.write(`sallyport: installing ${have ? 'what the tests need' : 'packages'}, once …\n`);
    // `npm ci` begins by removing what is there; where only development tools are missing, a running program keeps its files.
    const first = have ? ['install', '--no-save'] : ['ci'];
    const scope = mode === 'prod' ? '--omit=dev' : '--include=dev';
    let run = await npm([...first, scope]);
    if (run.code !== 0 && !run.offline) run = await npm(['install', '--no-save', scope]);
    if (run.code !== 0) refuseInstall(run);
    writeFileSync(`${stampFile}.new`, `${fingerprint()} ${mode}\n`);
    renameSync(`${stampFile}.new`, stampFile);
  } finally {
    release();
  }
}

function refuseInstall(run) {
  if (run.offline)
    fail('The packages are not installed yet, and the registry cannot be reached. Connect to the network and run this again.');
  process.stderr.write(run.said);
  fail('npm could not install the packages; its words are above. Mend what it names, or remove node_modules and run this again.');
}

function fingerprint() {
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  return `${lock} ${process.platform}-${process.arch}`;
}

/** What was installed for the tests does for the program as well. */
function installed(mode) {
  const stamp = stamped();
  return stamp === `${fingerprint()} dev` || stamp === `${fingerprint()} ${mode}`;
}

/** What was installed last: the lock file's fingerprint, and for whom. Empty when nothing was. */
function stamped() {
  return existsSync(stampFile) ? readFileSync(stampFile, 'utf8').trim() : '';
}

/** A folder is made by one process only. Its owner's touch keeps it; without that it is stale. */
async function takeLock() {
  let told = false;
  for (;;) {
    try {
      mkdirSync(lockFolder);
      break;
    } catch (error) {
      if (error.code !== 'EEXIST')
        fail(`This checkout cannot be written (${error.code}). Make ${root} writable, or copy it to where you may write.`);
    }
    if (lockAgeMs() > lockStaleMs) {
      // Renaming is done by one process only as well; the loser waits on.
      const aside = `${lockFolder}.${process.pid}`;
      try {
        renameSync(lockFolder, aside);
        rmSync(aside, { recursive: true });
      } catch {}
      continue;
    }
    if (!told) process.stderr.write('sallyport: another process is installing; waiting …\n');
    told = true;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  const touch = setInterval(() => writeFileSync(join(lockFolder, 'owner'), `${process.pid}\n`), 1_000);
  const release = () => {
    clearInterval(touch);
    rmSync(lockFolder, { recursive: true, force: true });
  };
  const interrupted = (signal) => {
    release();
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  };
  for (const signal of signals) process.on(signal, interrupted);
  return () => {
    release();
    for (const signal of signals) process.off(signal, interrupted);
  };
}

function lockAgeMs() {
  try {
    const owner = join(lockFolder, 'owner');
    return Date.now() - statSync(existsSync(owner) ? owner : lockFolder).mtimeMs;
  } catch {
    return 0;
  }
}

/** npm's standard output goes nowhere: ours belongs to the program. What it says of errors is kept until it is known to matter. */
function npm(words) {
  const quick = ['--prefer-offline', '--loglevel=error', '--no-audit', '--no-fund', '--fetch-retries=1', '--fetch-retry-mintimeout=1000'];
  const script = process.env['npm_execpath'];
  const own = script !== undefined && /npm-cli\.[cm]?js$/.test(script) && existsSync(script);
  const [file, before] = own ? [process.execPath, [script]] : ['npm', []];
  return new Promise((resolve) => {
    let said = '';
    const child = spawn(file, [...before, ...words, ...quick], { cwd: root, stdio: ['ignore', 'ignore', 'pipe'], shell: windows && !own });
    child.stderr.on('data', (bytes) => (said += bytes));
    child.on('error', (error) => resolve({ code: 1, said: `${error.message}\n`, offline: false }));
    child.on('close', (code) => {
      const offline = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ENETUNREACH|EHOSTUNREACH|ETIMEDOUT|ENOTCACHED/.test(said);
      resolve({ code: code ?? 1, said, offline: code !== 0 && offline });
    });
  });
}

/** `>=24.21 <25 || >=26.10`, as package.json says it. */
function fits(version) {
  const [major, minor] = version.split('.').map(Number);
  const holds = (bound) => {
    const [, sign, wantMajor, wantMinor = '0'] = /^(>=|<)(\d+)(?:\.(\d+))?$/.exec(bound);
    const atLeast = major > Number(wantMajor) || (major === Number(wantMajor) && minor >= Number(wantMinor));
    return sign === '>=' ? atLeast : !atLeast;
  };
  return engines.split('||').some((range) => range.trim().split(/\s+/).every(holds));
}

/** The Node that runs this, if it will do; else the one that came with the packages. */
function chooseRuntime() {
  if (fits(process.versions.node)) return process.execPath;
  const names = [
    `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`,
    `node-bin-${process.platform}-${process.arch}`,
  ];
  for (const name of names) {
    const path = join(root, 'node_modules', name, 'bin', windows ? 'node.exe' : 'node');
    if (existsSync(path) && (existsSync(`${stampFile}.runs`) || runs(path))) return path;
  }
  return fail(
    `Node ${process.versions.node} is too old to run Sallyport, and no newer one is packaged for this system. Install Node ${engines}.`,
  );
}

/** The packaged binary wants glibc: tried once, so that a system without it is told in words. */
function runs(path) {
  const well = spawnSync(path, ['--version'], { stdio: 'ignore' }).status === 0;
  if (well) writeFileSync(`${stampFile}.runs`, '');
  return well;
}

/** What stripping the types came to is kept: that halves each start, of the program as of its hundreds of tests. */
function keepingCode() {
  return { NODE_COMPILE_CACHE: codeFolder, ...process.env };
}

/** Kept once before the tests begin: a process keeps what it has compiled when it ends, and the first dozen of them lasts for a minute. */
function keepCode(runtime) {
  if (existsSync(codeFolder)) return;
  spawnSync(runtime, [join(root, 'src/cli/main.ts'), '--help'], { stdio: 'ignore', env: keepingCode() });
}

function become(runtime, words) {
  // Programs are found by absolute path, so that the user's working directory stays (`dir ./site`); tools work in the checkout.
  const tool = command !== 'start';
  process.chdir(tool ? root : (process.env['INIT_CWD'] ?? '.'));
  const args = tool ? words : [join(root, words[0]), ...words.slice(1)];
  // Tools of node_modules start `node` by name: they shall find this one. npm's own additions to PATH stay behind it.
  const cached = keepingCode();
  const env = tool ? { ...cached, PATH: `${dirname(runtime)}${windows ? ';' : ':'}${process.env['PATH']}` } : cached;
  if (typeof process.execve === 'function' && !windows) process.execve(runtime, [runtime, ...args], env);
  const child = spawn(runtime, args, { stdio: 'inherit', env });
  // On a terminal Ctrl-C reaches the whole group; a second one from here would look like impatience.
  const terminal = process.stdin.isTTY === true;
  for (const signal of signals) process.on(signal, () => (signal === 'SIGINT' && terminal) || child.kill(signal));
  child.on('error', (error) =>
    process.stderr.write(`sallyport: Node could not be started (${error.code}). Remove node_modules and run this again.\n`),
  );
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

function fail(sentence) {
  throw new Refusal(sentence);
}
