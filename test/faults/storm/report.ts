/** What the storm came to, as tables for people, and as a folder of logs when something was found. */

import { cp, mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { figure, table } from '../../../bench/table.ts';
import { allFaults } from './fault-list.ts';
import { filesMore, residentBytesMore } from './remains.ts';
import type { Report } from './storm.ts';
import { noCounts, works } from './tally.ts';

const shownMax = 10;

export function tablesOf(report: Report): string {
  return [faultTable(report), loadTable(report), codesOf(report), remainsTable(report), latenessOf(report), verdictOf(report)].join('\n');
}

function faultTable({ faults }: Report): string {
  const rows = allFaults.flatMap(({ name }) => {
    const record = faults.get(name);
    return record === undefined ? [] : [recoveryRow(name, record.times, record.recoveriesMs, `${record.boundMs / 1_000}`)];
  });
  const all = [...faults.values()];
  const sum = all.reduce((times, record) => times + record.times, 0);
  rows.push(
    recoveryRow(
      'all',
      sum,
      all.flatMap(({ recoveriesMs }) => recoveriesMs),
      '',
    ),
  );
  return table('Faults, and the seconds until the last address answered again', ['fault', 'times', 'p50', 'p99', 'longest', 'bound'], rows);
}

function recoveryRow(name: string, times: number, recoveriesMs: readonly number[], bound: string): readonly string[] {
  const sorted = recoveriesMs.toSorted((one, other) => one - other);
  const at = (share: number): string => {
    const ms = sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)];
    return ms === undefined ? '–' : figure(ms / 1_000, 2);
  };
  return [name, String(times), at(0.5), at(0.99), at(1), bound];
}

function loadTable({ tally }: Report): string {
  const rows = works.map((work) => {
    const counts = tally.by.get(work) ?? noCounts;
    return [work, ...[counts.requests, counts.whole, counts.retries, counts.refused, counts.broken, counts.wrong].map(String)];
  });
  const keys = ['requests', 'whole', 'retries', 'refused', 'broken', 'wrong'] as const;
  rows.push(['all', ...keys.map((key) => String(tally.sum(key)))]);
  const { sent, back } = tally.datagrams;
  const words = `${figure(tally.bytes / 1_000_000, 0)} MB of bodies and streams, ${tally.messages} messages of WebSockets, ${back} of ${sent} datagrams back`;
  return table(`Visitors: ${words}`, ['work', 'requests', 'successes', 'of them retries', 'refused', 'broken', 'wrong'], rows);
}

function codesOf({ tally }: Report): string {
  const list = (codes: ReadonlyMap<string, number>): string =>
    [...codes]
      .toSorted(([, one], [, other]) => other - one)
      .map(([code, count]) => `${code} ${count}`)
      .join(', ') || 'none';
  return `Refused by code: ${list(tally.refused)}\nBroken transfers: ${list(tally.broken)}`;
}

function remainsTable({ remains }: Report): string {
  if (remains === null) return '\nMemory and descriptors: not measured, this system has no /proc\n';
  const MB = (bytes: number): string => figure(bytes / 1_000_000, 0);
  const rows = remains.map(({ unit, survived, before, after }) => [
    unit.name,
    survived ? 'all of it' : `begun anew`,
    MB(before.residentBytes),
    MB(after.residentBytes),
    String(before.files),
    String(after.files),
  ]);
  const margin = `at most ${MB(residentBytesMore)} MB and ${filesMore} descriptors more`;
  return table(
    `Memory (MB) and descriptors, quiet before and quiet after: ${margin}`,
    ['process', 'lived through', 'memory', 'after', 'descriptors', 'after'],
    rows,
  );
}

function latenessOf({ late }: Report): string {
  return `The storm's own process, visitors and lines, was late by ${figure(late.p99, 0)} ms (p99), ${figure(late.most, 0)} ms (longest).`;
}

function verdictOf({ violations, options, tookMs, faults, tally }: Report): string {
  const blown = [...faults.values()].reduce((times, record) => times + record.times, 0);
  const what = `seed ${options.seed}, ${options.visitors} visitors, ${options.relays} relays, ${options.gateways} gateways, ${figure(tookMs / 1_000, 0)} s`;
  if (violations.count === 0) return `Nothing wrong in ${tally.sum('requests')} requests under ${blown} faults (${what}).\n`;
  const more = violations.count > shownMax ? `\n… and ${violations.count - shownMax} more` : '';
  return `${violations.count} VIOLATIONS (${what}):\n${violations.all.slice(0, shownMax).join('\n')}${more}\n`;
}

/** The storm's own log, what each process has said in each of its lives, and the records of the gateways. Returns the folder. */
export async function keepLogs(report: Report): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `sallyport-storm-${report.options.seed}-`));
  await writeFile(join(folder, 'storm.log'), `${report.log.join('\n')}\n${tablesOf(report)}\n${report.violations.all.join('\n')}\n`);
  for (const unit of report.world.units) {
    for (const [life, { program }] of unit.lives.entries()) {
      const name = `${unit.name.replace(' ', '-')}.${life + 1}.log`;
      await writeFile(join(folder, name), `${program.lines.map((line) => JSON.stringify(line)).join('\n')}\n${program.stderr()}`);
    }
  }
  for (const [name, home] of report.world.homes) {
    const to = join(folder, name.replace(' ', '-'));
    await mkdir(to);
    await cp(home, to, { recursive: true, filter: (path) => !/\.sock$|key|secret/.test(path.slice(home.length)) }).catch(() => undefined);
  }
  return folder;
}
