/** Certificates and checks in words. */

import { shown } from '../controlplane/records/words.ts';
import type { CliEvent } from './event.ts';
import type { Terminal } from './terminal.ts';

export function certificateWords(event: Extract<CliEvent, { event: 'certificate' | 'check' }>, { paint }: Terminal): string {
  if (event.event === 'check') {
    const mark = { ok: paint('green', 'ok     '), warning: paint('yellow', 'warning'), failed: paint('red', 'failed ') }[event.state];
    return [`${mark}  ${event.check}: ${shown(event.why)}`, ...hintLines(event.hint)].join('\n');
  }
  const { name, change, expires, authority, why, next } = event;
  const from = authority === null ? '' : ` from ${shown(authority)}`;
  const until = expires === null ? '' : `, until ${expires.slice(0, 16)}Z`;
  if (change !== null) return `The certificate of ${shown(name)} was ${change}${from}${until}.`;
  const has = expires === null ? `${shown(name)}  no certificate yet` : `${shown(name)} ${from}${until}`;
  return why === undefined || why === null
    ? has
    : `${has}\n  ${paint('yellow', 'failed:')} ${shown(why)}${next ? `\n  next try: ${next.slice(0, 16)}Z` : ''}`;
}

function hintLines(hint: string | null): readonly string[] {
  return hint === null ? [] : hint.split('\n').map((line) => `         ${shown(line)}`);
}
