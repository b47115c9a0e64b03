/** `sallyport clients usage`: what clients have used, by destination. */

import { addUsage, connectPercentile, noUsage, type DayUsage, type UsageRow } from '../../controlplane/clients/usage-record.ts';
import { usageOf } from '../../controlplane/clients/usage.ts';
import { SallyportError } from '../../core/errors.ts';
import type { Cli } from '../cli.ts';
import { newCommand } from '../cli.ts';
import type { UsageEvent } from '../client-event.ts';
import { existing, withClients } from './clients-manage.ts';

type UsageOptions = Readonly<{ from?: string; to?: string; csv?: boolean; days?: boolean }>;

const dayMs = 86_400_000;

export function clientUsage(cli: Cli) {
  return newCommand({
    usage: 'usage [name]',
    summary: 'what clients used: requests, bytes, refusals and errors by destination',
    description:
      'Of one client by destination, or of all in a line each: the last thirty days unless said otherwise. What was done in the last five seconds may be missing. Of a day the hundred destinations with the most are kept by name, the rest as others; days are kept for 400 days.',
    examples: [
      'sallyport clients usage',
      'sallyport clients usage partner --from 2026-11-01 --to 2026-11-30',
      'sallyport clients usage --csv > usage.csv',
    ],
  })
    .option('--from <day>', 'the first day: 2026-11-01')
    .option('--to <day>', 'the last day')
    .option('--days', 'each day by itself')
    .option('--csv', 'as comma-separated values (RFC 4180)')
    .action((name: string | undefined, options: UsageOptions) =>
      withClients(cli, async (desk) => {
        const today = cli.terminal.now();
        const from = checkedDay('--from', options.from) ?? dayOf(today - 30 * dayMs);
        // Of a zone that is ahead of ours tomorrow has begun.
        const to = checkedDay('--to', options.to) ?? dayOf(today + dayMs);
        if (from > to)
          throw new SallyportError('usage-wrong', `From ${from} to ${to} there is no day.`, { hint: 'Say the earlier day with --from.' });
        const clients = name === undefined ? desk.clients.list() : [existing(desk, name)];
        const lines: UsageEvent[] = [];
        for (const client of clients) {
          const days = await usageOf(desk.store.records, client.name, from, to);
          const spans = options.days === true ? days.map((each) => [each] as const) : [days];
          for (const span of spans) {
            const [first, last] = [span[0]?.[0] ?? from, span.at(-1)?.[0] ?? options.to ?? dayOf(today)];
            const usage = span.reduce((sum, [, each]) => addUsage(sum, each), noUsage);
            lines.push(...linesOf(client.name, first, last, usage, name !== undefined || options.csv === true));
          }
        }
        if (options.csv === true) cli.terminal.out(csvOf(lines));
        else tell(cli, lines);
      }),
    );
}

function tell(cli: Cli, lines: readonly UsageEvent[]): void {
  const reporter = cli.reporter();
  if (lines.length === 0) reporter.note('There is no client.');
  for (const line of lines) reporter.say(line);
}

/** All of it, and with `inFull` each destination; the greatest first. */
function linesOf(client: string, from: string, to: string, usage: DayUsage, inFull: boolean): readonly UsageEvent[] {
  const p95 = connectPercentile(usage.connects, 95);
  const total: UsageEvent = { ...eventOf(client, from, to, null, usage.total), connectP95Ms: p95 };
  if (!inFull) return [total];
  const each = Object.entries(usage.destinations).map(([destination, row]) => eventOf(client, from, to, destination, row));
  return [total, ...each, ...(usage.others.requests === 0 ? [] : [eventOf(client, from, to, 'others', usage.others)])];
}

function eventOf(client: string, from: string, to: string, destination: string | null, row: UsageRow): UsageEvent {
  const { requests, bytesIn, bytesOut, refusals, errors, ours, ms, connects, connectMs } = row;
  const mean = connects === 0 ? null : Math.round(connectMs / connects);
  return {
    event: 'usage',
    client,
    from,
    to,
    destination,
    requests,
    bytesIn,
    bytesOut,
    refusals,
    errors,
    ownErrors: ours,
    ms,
    connectMs: mean,
    connectP95Ms: null,
  };
}

const columns = [
  'client',
  'from',
  'to',
  'destination',
  'requests',
  'bytesIn',
  'bytesOut',
  'refusals',
  'errors',
  'ownErrors',
  'ms',
  'connectMs',
  'connectP95Ms',
] as const;

/** RFC 4180, and no value that a spreadsheet would take for a formula: destinations are chosen by clients. */
function csvOf(lines: readonly UsageEvent[]): string {
  const named = lines.map((line) => ({ ...line, destination: line.destination ?? 'all' }));
  return [columns.join(','), ...named.map((line) => columns.map((column) => cell(line[column])).join(','))]
    .map((line) => `${line}\r\n`)
    .join('');
}

function cell(value: string | number | null): string {
  const text = value === null ? '' : String(value);
  const safe = /^[=+\-@\t]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function dayOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

/** Errors: `usage-wrong`. */
function checkedDay(option: string, text: string | undefined): string | null {
  if (text === undefined) return null;
  const at = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  if (!Number.isNaN(at) && dayOf(at) === text) return text;
  throw new SallyportError('usage-wrong', `${option} ${JSON.stringify(text.slice(0, 40))} is no day.`, {
    hint: `Write it like ${option} 2026-11-01.`,
  });
}
