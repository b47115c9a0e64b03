/** A terminal for tests: what was written is kept, signals are sent by hand. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { ReadStream } from 'node:tty';
import type { Terminal } from './terminal.ts';

export type ScriptedTerminal = Terminal &
  Readonly<{
    /** All that was written to standard output, and to standard error. */
    written: () => string;
    complained: () => string;
    /** Each line of standard output as the JSON that it is. */
    events: () => readonly Readonly<Record<string, unknown>>[];
    signal: (signal: 'end' | 'reload', gently?: boolean) => void;
    forget: () => void;
  }>;

export type Script = Readonly<{
  home?: string;
  env?: NodeJS.ProcessEnv;
  stdin?: string;
  cwd?: string;
  columns?: number;
  rows?: number;
  screen?: boolean;
}>;

export function scriptedTerminal(script: Script = {}): ScriptedTerminal {
  let out = '';
  let err = '';
  const listeners = new Set<(signal: 'end' | 'reload', gently: boolean) => void>();
  return {
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    screen: script.screen ?? false,
    askable: false,
    size: () => ({ columns: script.columns ?? 80, rows: script.rows ?? 24 }),
    paint: (_paint, text) => text,
    onResize: () => undefined,
    // Only read from: a stream of text does for a terminal's.
    stdin: Readable.from([script.stdin ?? '']) as unknown as ReadStream,
    // Tests may run as root, and stay who they are.
    env: { SALLYPORT_USER: 'root', ...script.env, ...(script.home === undefined ? {} : { SALLYPORT_HOME: script.home }) },
    cwd: () => script.cwd ?? '/nowhere',
    now: () => Date.now(),
    onSignal: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    written: () => out,
    complained: () => err,
    events: () =>
      out
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>),
    signal: (signal, gently = false) => {
      for (const listener of listeners) listener(signal, gently);
    },
    forget: () => {
      out = '';
      err = '';
    },
  };
}

/** A folder that goes when the test does. */
export async function temporaryFolder(context: Readonly<{ after: (end: () => Promise<unknown>) => void }>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-'));
  context.after(() => rm(folder, { recursive: true, force: true, maxRetries: 10 }));
  return folder;
}
