/** Several machines' worth of Sallyport on one: a relay and gateways in processes of their own, each with its own home. */

import type { Ended, Line, Program, ProgramOptions } from './program.ts';
import { freshHome, run, runToEnd } from './program.ts';
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

export type RelayChoice = Readonly<{ home?: string; port?: number; words?: readonly string[] }>;

/** `sallyport relay` for example.test, listening. */
export async function relayProgram(context: Context, choice: RelayChoice = {}): Promise<RelayProgram> {
  const home = choice.home ?? (await freshHome(context));
  const words = ['relay', '--listen', `127.0.0.1:${choice.port ?? 0}`, '--domain', 'example.test', ...(choice.words ?? [])];
  const program = run(context, words, { home });
  const listening = await program.line('listening');
  const [address = ''] = listening['addresses'] as readonly string[];
  const [host = '', port = ''] = address.split(':');
  return { program, pid: Number(listening['pid']), home, host, port: Number(port), fingerprint: text(listening, 'fingerprint') };
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

/** `sallyport http` that is ready at its relay, and what curl needs to come to it. */
export async function share(
  context: Context,
  port: number,
  words: readonly string[],
  options: ProgramOptions,
): Promise<Readonly<{ program: Program; ready: Line; curlWords: readonly string[]; url: string; ca: string }>> {
  const program = run(context, ['http', String(port), ...words], options);
  const ready = await program.line('ready');
  return { program, ready, curlWords: wordsFor(ready), url: text(ready, 'url'), ca: text(ready, 'ca') };
}

/** No DNS knows example.test: curl is told that it is here. */
export function wordsFor(ready: Line): readonly string[] {
  const { hostname, port } = new URL(text(ready, 'url'));
  return ['--cacert', text(ready, 'ca'), '--resolve', `${hostname}:${port}:127.0.0.1`];
}
