/** `sallyport logs`: who came, what they asked for, and what they got. */

import { SallyportError } from '../../core/errors.ts';
import { followRecords, lastRecords } from '../../controlplane/records/read.ts';
import type { Recorded } from '../../controlplane/records/read.ts';
import { recordWords } from '../../controlplane/records/words.ts';
import type { Cli } from '../cli.ts';
import { newCommand } from '../cli.ts';

type LogsOptions = Readonly<{ follow?: boolean; lines: string }>;

const linesMax = 100_000;

export function logsCommand(cli: Cli) {
  return newCommand({
    usage: 'logs',
    summary: 'who came, what they asked for, and what they got',
    examples: ['sallyport logs', 'sallyport logs -f', 'sallyport logs --lines 1000 --json'],
  })
    .option('-f, --follow', 'go on with what comes, until Ctrl-C')
    .option('-n, --lines <count>', 'how many of the last lines', '20')
    .action(async (options: LogsOptions) => {
      const count = /^\d{1,6}$/.test(options.lines) ? Number(options.lines) : Number.NaN;
      if (!(count <= linesMax))
        throw new SallyportError('usage-wrong', `--lines ${JSON.stringify(options.lines)} is no count of lines.`, {
          hint: `Say a number up to ${linesMax}.`,
        });
      const { exchanges } = await cli.home();
      const say = (record: Recorded): void => sayRecord(cli, record);
      if (options.follow !== true) {
        const records = await lastRecords(exchanges, count);
        if (records.length === 0) cli.reporter().note('Nobody has come yet.');
        for (const record of records) say(record);
        return;
      }
      const stop = new AbortController();
      const release = cli.terminal.onSignal((signal) => (signal === 'end' ? stop.abort() : undefined));
      try {
        for await (const record of followRecords(exchanges, { last: count, signal: stop.signal })) say(record);
      } finally {
        release();
      }
    });
}

function sayRecord(cli: Cli, record: Recorded): void {
  if (!cli.reporter().json) cli.terminal.out(`${recordWords(record)}\n`);
  else if (record.is === 'event') cli.reporter().say({ event: 'exchange', record: record.event });
  else cli.reporter().say({ event: 'warning', code: 'records-dropped', message: `${record.count} records were dropped.`, hint: null });
}
