/** Several machines' worth of Sallyport on one: a relay and gateways in processes of their own, each with its own home. */

import type { Ended, Line, Program, ProgramOptions, Serving } from './program.ts';
import { freshHome, run, runInside, runToEnd } from './program.ts';
import { text } from './lines.ts';

type Context = Parameters<typeof freshHome>[0];

export type RelayProgram = Readonly<{
  /** What was started: it holds the listening sockets. */
  program: Program;
  /** The process that visitors come to: its child. */
  pid: number;
  home: string;
  host: string;
  port: number;
  fingerprint: string;
}>;

export type Inside = Omit<RelayProgram, 'program' | 'pid'> & Readonly<{ program: Serving }>;

export type RelayChoice = Readonly<{ home?: string; port?: number; words?: readonly string[] }>;

/** `sallyport relay` for example.test, listening. */
export async function relayProgram(context: Context, choice: RelayChoice = {}): Promise<RelayProgram> {
  const home = choice.home ?? (await freshHome(context));
  const program = run(context, relayWords(choice), { home });
  const listening = await program.line('listening');
  return { program, pid: Number(listening['pid']), home, ...listeningAt(listening) };
}

const relayWords = ({ port = 0, words = [] }: RelayChoice): readonly string[] => [
  ...['relay', '--listen', `127.0.0.1:${port}`, '--domain', 'example.test'],
  ...words,
];

function listeningAt(listening: Line): Readonly<{ host: string; port: number; fingerprint: string }> {
  const [address = ''] = listening['addresses'] as readonly string[];
  const [host = '', port = ''] = address.split(':');
  return { host, port: Number(port), fingerprint: text(listening, 'fingerprint') };
}

/** An invitation to a name of the relay, as its operator makes it. */
export async function invitation(
  context: Context,
  relay: Pick<RelayProgram, 'home'>,
  name: string,
  ...words: readonly string[]
): Promise<string> {
  const { lines } = await runToEnd(context, ['relay', 'invite', name, ...words], { home: relay.home });
  return text(lines[0], 'code');
}

/** A home that has joined with this name; its code was given on standard input, as the careful do. */
export async function joinedHome(context: Context, code: string): Promise<string> {
  const home = await freshHome(context);
  const { code: exit, lines } = await join(context, code, home);
  if (exit !== 0) throw new Error(`join: ${JSON.stringify(lines)}`);
  return home;
}

export function join(context: Context, code: string, home: string): Promise<Ended> {
  return runToEnd(context, ['join', '-'], { home, stdin: `${code}\n` });
}

/** The same relay in the test's own process, for tests that need no process of it. */
export async function relayInside(context: Context, choice: RelayChoice = {}): Promise<Inside> {
  const home = choice.home ?? (await freshHome(context));
  const program = runInside(context, relayWords(choice), { home });
  return { program, home, ...listeningAt(await program.line('listening')) };
}

/** `sallyport http` that is ready at its relay, and what curl needs to come to it. */
export async function share(
  context: Context,
  port: number,
  words: readonly string[],
  options: ProgramOptions,
): Promise<Shared & Readonly<{ program: Program }>> {
  const program = run(context, ['http', String(port), ...words], options);
  return { ...shared(await program.line('ready')), program };
}

/** The same share in the test's own process. */
export async function shareInside(
  context: Context,
  port: number,
  words: readonly string[],
  options: Pick<ProgramOptions, 'home' | 'env'>,
): Promise<Shared & Readonly<{ program: Serving }>> {
  const program = runInside(context, ['http', String(port), ...words], options);
  return { ...shared(await program.line('ready')), program };
}

type Shared = Readonly<{ ready: Line; curlWords: readonly string[]; url: string; ca: string }>;

function shared(ready: Line): Shared {
  return { ready, curlWords: wordsFor(ready), url: text(ready, 'url'), ca: text(ready, 'ca') };
}

/** No DNS knows example.test: curl is told that it is here. */
export function wordsFor(ready: Line): readonly string[] {
  const { hostname, port } = new URL(text(ready, 'url'));
  return ['--cacert', text(ready, 'ca'), '--resolve', `${hostname}:${port}:127.0.0.1`];
}
