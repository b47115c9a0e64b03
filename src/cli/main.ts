/** The command `sallyport`. */

import { processTerminal } from './terminal.ts';

const words = process.argv.slice(2);
// A relay's sockets are held by a process of their own, which is kept small: it loads nothing of the program.
const holds = words[0] === 'relay' && words[1]?.startsWith('-') === true && process.env['SALLYPORT_HELD'] === undefined;
const code = holds ? await (await import('./hold-relay.ts')).holdRelay() : await (await import('./run.ts')).run(words, processTerminal());

// Everything is closed by now; what still runs (a dial that hangs) must not keep a person waiting.
process.exit(code);
