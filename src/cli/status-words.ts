/** What runs, in words: a table of services, their risks, and the relays. */

import { shown } from '../controlplane/records/words.ts';
import { durationWords } from '../controlplane/config/duration.ts';
import type { RelayStatus } from '../controlplane/config/running.ts';
import { backendLines } from './backend-words.ts';
import type { CliEvent } from './event.ts';
import { columnsOf } from './printable.ts';
import type { Terminal } from './terminal.ts';
import { localTime } from './local-time.ts';

export function statusWords(event: Extract<CliEvent, { event: 'status' }>, { paint, now }: Pick<Terminal, 'paint' | 'now'>): string {
  const rows = event.services.map((service) => [
    service.name,
    { ready: 'open', waiting: 'waiting', closed: 'closed', expired: 'expired' }[service.state],
    service.urls.join(' '),
    service.upstream,
    service.expires === null ? 'never' : `in ${durationWords(Date.parse(service.expires) - now())}`,
    String(service.live),
    service.access,
  ]);
  return [
    `Process ${event.pid}, since ${localTime(event.since)}`,
    ...table([['SERVICE', 'STATE', 'ADDRESS', 'BEHIND', 'CLOSES', 'LIVE', 'WHO'], ...rows]).map((line, at) =>
      at === 0 ? paint('dim', line) : line,
    ),
    ...event.services.flatMap(({ name, backends = [] }) =>
      backends.length === 0 ? [] : [`Behind ${name}:`, ...backendLines(backends, { paint })],
    ),
    ...event.services.flatMap(({ name, risks }) =>
      risks.map((risk) => `${paint('yellow', 'Risk:')} ${name} ${riskWords[risk] ?? shown(risk)}.`),
    ),
    ...event.relays.map((relay) => `Relay ${relay.relay}: ${relayState(relay, paint)}`),
  ].join('\n');
}

function relayState({ state, code, why, carriers, roundTripMs }: RelayStatus, paint: Terminal['paint']): string {
  const because = why === null ? '' : `: ${shown(why)} (${code ?? ''})`;
  if (state === 'waiting') return `${paint('yellow', 'not reached')}${because}`;
  const trip = roundTripMs === null ? '' : `, ${roundTripMs < 10 ? roundTripMs.toFixed(1) : Math.round(roundTripMs)} ms there and back`;
  return `${carriers} ${carriers === 1 ? 'carrier' : 'carriers'}${trip}${because}`;
}

const riskWords: Readonly<Record<string, string>> = {
  'source-local': 'is dialled from 127.0.0.1, as `from:` says: it may take every visitor for somebody on this machine',
  'source-shared': 'sees every visitor come from this machine: who is local must not be asked by address there',
  'certificate-failed': 'gets no new certificate of its authority: sallyport certificates list says why',
  'source-refused': 'does not take our own loopback address as it takes 127.0.0.1: its warning names the line to write',
};

/** Columns as wide as their widest cell, two spaces apart. */
function table(rows: readonly (readonly string[])[]): readonly string[] {
  const cells = rows.map((row) => row.map(shown));
  const widths = (cells[0] ?? []).map((_, column) => Math.max(...cells.map((row) => columnsOf(row[column] ?? ''))));
  return cells.map((row) =>
    row
      .map((cell, column) => cell + ' '.repeat(Math.max(0, (widths[column] ?? 0) - columnsOf(cell))))
      .join('  ')
      .trimEnd(),
  );
}
