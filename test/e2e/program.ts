/** Runs the real program as its users do, and reads what it says a line at a time; a short command of it runs in the test's own process. */

import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { run as runWords } from '../../src/cli/run.ts';
import { scriptedTerminal } from '../../src/cli/scripted-terminal.ts';
import { LineWatch, type Line } from './line-watch.ts';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
/** As the launcher has it: types are stripped once, which halves each start. */
const CACHE = fileURLToPath(new URL('../../node_modules/.compile-cache', import.meta.url));

export type { Line };

/** A program that serves, in whatever process. */
export type Serving = Readonly<{
  lines: readonly Line[];
  /** What it said on standard error so far. */
  stderr: () => string;
  /** The first line of that event that `where` holds for, past or to come. Rejects when the program ends before. */
  line: (event: string, where?: (line: Line) => boolean) => Promise<Line>;
  /** Ends it as its user would, and resolves with its exit code. */
  stop: (signal?: NodeJS.Signals) => Promise<number | null>;
  exited: Promise<number | null>;
}>;

export type Program = Serving & Readonly<{ child: ChildProcess; pid: number }>;

export type ProgramOptions = Readonly<{
  home: string;
  env?: Readonly<Record<string, string>>;
  cwd?: string;
  json?: boolean;
  /** A command that becomes the program, with its own words: `unshare -rm`. */
  under?: readonly string[];
  /** Descriptors of ours that it gets, from 3 on. */
  descriptors?: readonly number[];
}>;

/** A state directory of its own, removed at the end of the test. */
export async function freshHome(context: { after: (done: () => Promise<void>) => void }): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'sallyport-test-'));
  // What ends beside it may write a last file there.
  context.after(() => rm(home, { recursive: true, force: true, maxRetries: 10 }));
  return home;
}

/** Starts `sallyport ARGS --json`. It is killed at the end of the test if it still runs. */
export function run(context: { after: (done: () => Promise<void>) => void }, args: readonly string[], options: ProgramOptions): Program {
  const json = options.json ?? true;
  const [first = '', ...words] = [...(options.under ?? []), process.execPath, MAIN, ...args, ...(json ? ['--json'] : [])];
  const child = spawn(first, words, {
    env: { NODE_COMPILE_CACHE: CACHE, ...process.env, SALLYPORT_USER: 'root', SALLYPORT_HOME: options.home, NO_COLOR: '1', ...options.env },
    stdio: ['pipe', 'pipe', 'pipe', ...(options.descriptors ?? [])],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  const { stdout, stderr: complaints } = child;
  if (stdout === null || complaints === null) throw new Error('a child without output');
  const watch = new LineWatch();
  complaints.on('data', (text: Buffer) => {
    watch.stderr += text.toString();
  });
  createInterface({ input: stdout }).on('line', (text) => watch.add(json ? (JSON.parse(text) as Line) : { event: 'text', text }));
  const exited = new Promise<number | null>((resolve) => {
    child.once('close', (code) => {
      watch.end();
      resolve(code);
    });
  });
  const stop: Program['stop'] = async (signal = 'SIGINT') => {
    if (!watch.ended) child.kill(signal);
    return exited;
  };
  context.after(async () => {
    if (!watch.ended) child.kill('SIGKILL');
    await exited;
  });
  const line: Program['line'] = (event, where) => watch.line(event, where);
  return { child, pid: child.pid ?? 0, lines: watch.lines, stderr: () => watch.stderr, line, stop, exited };
}

export type Ended = Readonly<{ code: number | null; lines: readonly Line[]; stderr: string }>;

/** What serves until it is ended: it is run as a process only, since what it opens would stay. */
const serving = new Set(['http', 'dir', 'example', 'tcp', 'udp', 'tls', 'gateway', 'up', 'proxy', 'connect']);

/**
 * Runs a command that ends by itself: the same words, the same screen and the same exit code, in the test's own process. The start of
 * a process costs half a second of CPU, and a test gives many orders. `whole` is for those whose matter is the process.
 */
export async function runToEnd(
  context: { after: (done: () => Promise<void>) => void },
  args: readonly string[],
  options: ProgramOptions & Readonly<{ whole?: boolean; stdin?: string }>,
): Promise<Ended> {
  const [first = '', second = ''] = args;
  const inside =
    options.under === undefined && options.whole !== true && !serving.has(first) && !(first === 'relay' && second.startsWith('-'));
  if (inside) return runHere(args, options);
  const program = run(context, args, options);
  program.child.stdin?.end(options.stdin);
  const code = await program.exited;
  return { code, lines: program.lines, stderr: program.stderr() };
}

async function runHere(args: readonly string[], options: ProgramOptions & Readonly<{ stdin?: string }>): Promise<Ended> {
  const { code, watch } = here(args, options);
  return { code: await code, lines: watch.lines, stderr: watch.stderr };
}

type Here = Readonly<{ code: Promise<number>; watch: LineWatch; signal: (signal: 'end' | 'reload', gently?: boolean) => void }>;

function here(args: readonly string[], options: ProgramOptions & Readonly<{ stdin?: string }>): Here {
  const json = options.json ?? true;
  const script = scriptedTerminal({
    home: options.home,
    env: { ...process.env, NO_COLOR: '1', SALLYPORT_USER: 'root', ...options.env },
    stdin: options.stdin ?? '',
    cwd: options.cwd ?? process.cwd(),
  });
  const watch = new LineWatch();
  let rest = '';
  const out = (text: string): void => {
    const whole = `${rest}${text}`.split('\n');
    rest = whole.pop() ?? '';
    for (const line of whole) if (line !== '') watch.add(json ? (JSON.parse(line) as Line) : { event: 'text', text: line });
  };
  const err = (text: string): void => void (watch.stderr += text);
  const code = runWords([...args, ...(json ? ['--json'] : [])], { ...script, out, err });
  void code.then(() => watch.end());
  return { code, watch, signal: script.signal };
}

/**
 * Runs what serves in the test's own process, from its words to its exit code: a start of a process costs half a second of CPU and
 * more. For tests whose matter is no process: no memory, no signal of the system, no death. Two in one home want two processes.
 */
export function runInside(
  context: { after: (done: () => Promise<void>) => void },
  args: readonly string[],
  options: Pick<ProgramOptions, 'home' | 'env' | 'cwd' | 'json'>,
): Serving {
  const { code, watch, signal } = here(args, options);
  const stop: Serving['stop'] = async (name = 'SIGINT') => {
    if (name === 'SIGHUP') signal('reload');
    else signal('end', name === 'SIGTERM');
    return code;
  };
  context.after(async () => {
    if (!watch.ended) await stop();
  });
  return { lines: watch.lines, stderr: () => watch.stderr, line: (event, where) => watch.line(event, where), stop, exited: code };
}

/** What would serve and is refused, in the test's own process: should it serve after all, it ends with the test. */
export async function runRefused(
  context: { after: (done: () => Promise<void>) => void },
  args: readonly string[],
  options: Pick<ProgramOptions, 'home' | 'env' | 'cwd' | 'json'>,
): Promise<Ended> {
  const { exited, lines, stderr } = runInside(context, args, options);
  return { code: await exited, lines, stderr: stderr() };
}

export type Recorded = Readonly<Record<string, unknown>>;

/** What `sallyport logs` shows, once `enough` holds of it: an exchange is written down a moment after its answer. Gives up after 10 s. */
export async function recorded(home: string, enough: (records: readonly Recorded[]) => boolean): Promise<readonly Recorded[]> {
  for (const end = performance.now() + 10_000; ;) {
    const { lines } = await runHere(['logs', '--lines', '100'], { home });
    const records = lines.flatMap(({ record }) => (record === undefined ? [] : [record as Recorded]));
    if (enough(records) || performance.now() > end) return records;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
