/** Draws the status screen in place: calmly, four times a second at most, and leaves the terminal as it was. */

import type { ScreenState } from './screen.ts';
import { screenLines } from './screen.ts';
import type { Terminal } from './terminal.ts';

const redrawMs = 250;
/** The time that is left goes on by itself. */
const tickMs = 1_000;

const hideCursor = '\u001b[?25l';
const showCursor = '\u001b[?25h';
/** Synchronised output: terminals that know it show a frame as a whole, the others ignore it. */
const begin = '\u001b[?2026h';
const end = '\u001b[?2026l';
const clearLine = '\u001b[K';
const clearBelow = '\u001b[J';
const clearAll = '\u001b[2J\u001b[H';

export type LiveScreen = Readonly<{
  /** Shows this state, soon. */
  show: (state: ScreenState) => void;
  /** The last frame stays, the cursor comes back. Safe to call twice. */
  close: () => void;
}>;

export function openScreen(terminal: Terminal): LiveScreen {
  let state: ScreenState | null = null;
  let drawn: readonly string[] = [];
  let waiting: NodeJS.Timeout | null = null;
  let closed = false;

  const draw = (): void => {
    waiting = null;
    if (state === null || closed) return;
    const lines = screenLines(state, terminal);
    if (lines.length === drawn.length && lines.every((line, at) => line === drawn[at])) return;
    const up = drawn.length === 0 ? '' : `\u001b[${drawn.length}A\r`;
    terminal.out(`${begin}${hideCursor}${up}${lines.map((line) => `${line}${clearLine}\n`).join('')}${clearBelow}${end}`);
    drawn = lines;
  };
  const soon = (): void => {
    waiting ??= setTimeout(draw, redrawMs);
  };
  const ticking = setInterval(soon, tickMs);
  terminal.onResize(() => {
    if (closed) return;
    // What stood there was broken anew by the terminal: where it is now, nobody knows.
    terminal.out(clearAll);
    drawn = [];
    soon();
  });
  const close = (): void => {
    if (closed) return;
    draw();
    closed = true;
    clearInterval(ticking);
    if (waiting !== null) clearTimeout(waiting);
    terminal.out(showCursor);
  };
  return {
    show: (next) => {
      state = next;
      if (drawn.length === 0) draw();
      else soon();
    },
    close,
  };
}
