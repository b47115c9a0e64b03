/** Says events: as words to people, as lines of JSON to scripts. */

import type { CliEvent } from './event.ts';
import type { Failure } from './failure.ts';
import { jsonLine } from './printable.ts';
import type { Terminal } from './terminal.ts';
import { eventWords } from './words.ts';

export type Reporter = Readonly<{
  json: boolean;
  say: (event: CliEvent) => void;
  /** Words for people only: nothing with `--json`. */
  note: (text: string) => void;
}>;

export function reporterFor(terminal: Terminal, json: boolean): Reporter {
  return {
    json,
    say(event) {
      if (json) return terminal.out(`${jsonLine(written(event))}\n`);
      const words = eventWords(event, terminal);
      if (words === '') return undefined;
      const aside = event.event === 'warning' || event.event === 'error';
      return aside ? terminal.err(`${words}\n`) : terminal.out(`${words}\n`);
    },
    note: (text) => (json ? undefined : terminal.out(`${text}\n`)),
  };
}

/** A proxy is no address to open. */
function written(event: CliEvent): object {
  if (event.event !== 'ready' || event.proxy !== true) return event;
  const { url, event: is, service, ...rest } = event;
  return { event: is, service, ...rest, proxy: url };
}

/** The last word of a command that failed. */
export function reportFailure(terminal: Terminal, json: boolean, { code, message, hint }: Failure): void {
  reporterFor(terminal, json).say({ event: 'error', code, message, hint });
}
