/** The terminal that a command speaks to: handed in, so that a test is one too. */

import { closeSync, openSync } from 'node:fs';
import type { ReadStream } from 'node:tty';
import { styleText } from 'node:util';

export type Paint = 'bold' | 'dim' | 'green' | 'yellow' | 'red' | 'cyan';

export type Terminal = Readonly<{
  /** Writes to standard output, or standard error; what cannot be written (a closed pipe) is lost. */
  out: (text: string) => void;
  err: (text: string) => void;
  /** Whether a person sees standard output, so that a screen may be drawn. */
  screen: boolean;
  /** Whether a person can be asked. */
  askable: boolean;
  size: () => Readonly<{ columns: number; rows: number }>;
  paint: (paint: Paint, text: string) => string;
  /** Calls back when the size changes. */
  onResize: (listener: () => void) => void;
  stdin: NodeJS.ReadStream | ReadStream;
  env: NodeJS.ProcessEnv;
  cwd: () => string;
  now: () => number;
  /**
   * `end` when the person says so: SIGINT, SIGTERM, a window that was closed. `reload` is SIGHUP otherwise. `gently` is SIGTERM: a
   * supervisor can wait, a person at a terminal does not.
   */
  onSignal: (listener: (signal: 'end' | 'reload', gently: boolean) => void) => () => void;
}>;

/** A window that was closed sends SIGHUP too, and takes the terminal with it: what it showed must not stay open unseen. */
function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'));
    return true;
  } catch {
    return false;
  }
}

/** The terminal of this process. */
export function processTerminal(): Terminal {
  const { stdout, stderr, stdin, env } = process;
  // A pipe that nobody reads any more (`| head`) ends the output, not the program.
  for (const stream of [stdout, stderr]) stream.on('error', () => undefined);
  const screen = stdout.isTTY && env['TERM'] !== 'dumb';
  // https://no-color.org: any value that is not empty.
  const colours = stdout.isTTY && env['TERM'] !== 'dumb' && (env['NO_COLOR'] ?? '') === '';
  return {
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    screen,
    askable: stdin.isTTY && stderr.isTTY,
    size: () => ({ columns: stdout.columns > 0 ? stdout.columns : 80, rows: stdout.rows > 0 ? stdout.rows : 24 }),
    paint: (paint, text) => (colours ? styleText(paint, text, { validateStream: false }) : text),
    onResize: (listener) => void stdout.on('resize', listener),
    stdin,
    env,
    cwd: () => process.cwd(),
    now: () => Date.now(),
    onSignal(listener) {
      const end = (): void => listener('end', false);
      const leave = (): void => listener('end', true);
      const reload = (): void => listener(stdout.isTTY && !hasTerminal() ? 'end' : 'reload', false);
      process.on('SIGINT', end).on('SIGTERM', leave).on('SIGHUP', reload);
      return () => void process.off('SIGINT', end).off('SIGTERM', leave).off('SIGHUP', reload);
    },
  };
}
