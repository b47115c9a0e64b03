/** The command `sallyport`. */

import { run } from './run.ts';
import { processTerminal } from './terminal.ts';

// Everything is closed by now; what still runs (a dial that hangs) must not keep a person waiting.
process.exit(await run(process.argv.slice(2), processTerminal()));
