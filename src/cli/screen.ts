/** The status screen of a running share, as lines: pure, so that a test can read it. */

import { renderUnicodeCompact } from 'uqr';
import type { AuditEvent } from '../core/audit/event.ts';
import { durationWords } from '../controlplane/config/duration.ts';
import { shown } from '../controlplane/records/words.ts';
import type { AccessShown, CliEvent } from './event.ts';
import { fingerprintLines } from './fingerprint-words.ts';
import { clipped, columnsOf } from './printable.ts';
import type { Terminal } from './terminal.ts';
import { localTime } from './local-time.ts';
import { accessLines, otherRelays, reachingLines, rawLines, reachWords } from './words.ts';

type Ready = Extract<CliEvent, { event: 'ready' }>;

export type Shown = Readonly<{
  name: string;
  behind: string;
  state: 'starting' | 'waiting' | 'ready' | 'closed';
  ready: Ready | null;
  /** Why it waits or is closed. */
  why: string | null;
}>;

export type ScreenState = Readonly<{
  services: readonly Shown[];
  warnings: readonly Readonly<{ code: string; message: string; hint: string | null }>[];
  /** The last ones, the oldest first. */
  exchanges: readonly AuditEvent[];
}>;

/** How many of the last requests are kept for the screen. */
export const exchangesShown = 8;

type View = Pick<Terminal, 'size' | 'paint' | 'now'>;

/** All lines, none wider than the terminal, no more than it has rows. */
export function screenLines(state: ScreenState, view: View): readonly string[] {
  const { columns, rows } = view.size();
  const top = [...head(state, view), ...state.services.flatMap((service) => ['', ...serviceLines(service, view)])];
  const warnings = state.warnings.flatMap(({ message, hint }) => [
    '',
    `${view.paint('yellow', 'Warning:')} ${shown(message)}`,
    ...(hint === null ? [] : wrapped(shown(hint), columns - 3).map((row) => `  ${row}`)),
  ]);
  const code = qrLines(state);
  const live = liveLines(state, view);
  const body = [...top, ...warnings].flatMap((line) => wrapped(line, columns - 1));
  // The last row stays free: writing into it would scroll.
  let room = rows - 1 - body.length;
  const withLive = live.slice(0, Math.max(0, room));
  room -= withLive.length;
  const withCode = code.length <= room && code.every((line) => columnsOf(line) < columns) ? code : [];
  return [...body, ...withCode, ...withLive].slice(0, Math.max(1, rows - 1));
}

function head(state: ScreenState, { paint }: View): readonly string[] {
  const what = state.services.map(({ behind }) => behind).join(' and ');
  return ['', `${paint('bold', 'Sallyport')} shares ${shown(what)}${' '.repeat(3)}${paint('dim', 'Ctrl-C ends it')}`];
}

function serviceLines(service: Shown, view: View): readonly string[] {
  const { paint, now } = view;
  const { ready, name } = service;
  const why = service.why === null ? '' : `: ${shown(service.why)}`;
  if (ready === null)
    return [`  ${paint('bold', name)}  ${paint('yellow', service.state === 'closed' ? 'closed' : 'not reached yet')}${why}`];
  const state = {
    starting: paint('yellow', 'starting'),
    waiting: paint('yellow', `not reached any more${why}`),
    ready: paint('green', 'open'),
    closed: paint('yellow', `closed${why}`),
  }[service.state];
  const left =
    ready.expires === null
      ? []
      : fact('Closes in', `${durationWords(Date.parse(ready.expires) - now())} (${localTime(ready.expires)})`, view);
  const trust =
    ready.ca === null
      ? []
      : [
          ...fact('Certificate', 'of this machine’s own CA: browsers warn once', view),
          ...fingerprintLines(ready).flatMap((line) => fact('', line, view)),
          ...commandLines(ready, view),
        ];
  return [
    `  ${paint('bold', name)}  ${state}`,
    '',
    `  ${paint('cyan', openingUrl(ready))}`,
    '',
    ...ready.access.flatMap(accessLinesShort).flatMap((line, at) => fact(at === 0 ? 'Who' : '', line, view)),
    ...fact('Reach', reachWords(ready), view),
    ...rawLines(ready).flatMap((line) => fact('Raw', line, view)),
    ...left,
    ...otherRelays(ready).flatMap((line, at) => fact(at === 0 ? 'Relays' : '', line, view)),
    ...trust,
  ];
}

const titleColumns = 13;

/** A title with its text, which goes on below itself where the terminal is wide enough for that. */
function fact(title: string, text: string, { paint, size }: View): readonly string[] {
  const { columns } = size();
  const beside = columns >= 50;
  const rows = wrapped(text, columns - 3 - (beside ? titleColumns : 0));
  const first = `  ${paint('dim', title.padEnd(beside ? titleColumns : title.length))}`;
  if (!beside) return [...(title === '' ? [] : [first]), ...rows.map((row) => `  ${row}`)];
  return rows.map((row, at) => (at === 0 ? first : ' '.repeat(2 + titleColumns)) + row);
}

/** Whole on one line, or broken as a shell reads it: what is copied runs. */
function commandLines(ready: Ready, { size }: View): readonly string[] {
  return reachingLines(ready).flatMap((line) => {
    const whole = `${' '.repeat(2 + titleColumns)}${line}`;
    const at = line.lastIndexOf(' ');
    return columnsOf(whole) < size().columns ? [whole] : [`  ${line.slice(0, at)} \\`, `    ${line.slice(at + 1)}`];
  });
}

/** What a person opens: the link with its secret where there is one, the bare address otherwise. */
function openingUrl(ready: Ready): string {
  const link = ready.access.find((access): access is Extract<AccessShown, { kind: 'link' }> => access.kind === 'link');
  return link?.url ?? ready.url;
}

function accessLinesShort(access: AccessShown): readonly string[] {
  if (access.kind !== 'link' || access.url === null) return accessLines(access);
  return [`whoever opens the link above${access.expires === null ? '' : `, until ${localTime(access.expires)}`}`];
}

/** For a phone: only where a phone can reach it, and only for a single share. */
function qrLines(state: ScreenState): readonly string[] {
  const [only, ...others] = state.services;
  if (others.length > 0 || only?.ready === null || only?.ready === undefined || only.ready.reach === 'machine' || only.state !== 'ready')
    return [];
  return [
    '',
    ...renderUnicodeCompact(openingUrl(only.ready), { border: 1 })
      .split('\n')
      .map((line) => `  ${line}`),
  ];
}

function liveLines(state: ScreenState, { size, paint }: View): readonly string[] {
  if (state.exchanges.length === 0) return ['', paint('dim', '  No visitor yet.')];
  const { columns } = size();
  return [
    '',
    ...state.exchanges.slice(-exchangesShown).map((event) => paintRecord(event, clipped(`  ${liveWords(event)}`, columns - 1), paint)),
  ];
}

/** What matters most comes first: a narrow terminal cuts the rest. */
function liveWords(event: AuditEvent): string {
  const time = new Date(event.time).toTimeString().slice(0, 8);
  const what = event.method === null ? event.listener : `${event.method} ${event.path ?? ''}`;
  const parts = [
    time,
    String(event.status ?? '–'),
    what,
    event.who ?? event.visitor,
    `${Math.round(event.durationMs)} ms`,
    event.code ?? '',
  ];
  return shown(parts.filter((part) => part !== '').join('  '));
}

function paintRecord(event: AuditEvent, line: string, paint: View['paint']): string {
  return event.verdict === 'pass' ? line : paint(event.verdict === 'refuse' ? 'yellow' : 'red', line);
}

/**
 * Breaks a line that is too long instead of cutting it: half an address is none. Between words where
 * there are any; a word that is longer than a line is broken. Colours stay whole.
 */
export function wrapped(line: string, columns: number): readonly string[] {
  const width = Math.max(10, columns);
  if (columnsOf(line) <= width) return [line];
  const rows: string[] = [];
  let row = '';
  for (const word of line.split(/(?<= )(?=[^ ])/)) {
    if (columnsOf(row) + columnsOf(word.trimEnd()) <= width) {
      row += word;
      continue;
    }
    if (row.trim() !== '') rows.push(row.trimEnd());
    const pieces = broken(`${row.trim() === '' ? row : ''}${word}`, width);
    rows.push(...pieces.slice(0, -1));
    row = pieces.at(-1) ?? '';
  }
  return [...rows, row.trimEnd()];
}

function broken(word: string, width: number): readonly string[] {
  const rows: string[] = [];
  let row = '';
  // oxlint-disable-next-line no-control-regex -- colours are passed on whole
  for (const part of word.match(/\u001b\[\d{1,3}m|./gsu) ?? []) {
    if (columnsOf(row) + columnsOf(part) > width) {
      rows.push(row);
      row = '';
    }
    row += part;
  }
  return [...rows, row];
}
