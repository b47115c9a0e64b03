/** Codes and passkeys of users in words. */

import { renderUnicodeCompact } from 'uqr';
import { shown } from '../controlplane/records/words.ts';
import type { FactorEvent } from './factor-event.ts';
import { localTime } from './local-time.ts';
import type { Terminal } from './terminal.ts';

export function factorWords(event: FactorEvent, terminal: Terminal): string {
  switch (event.event) {
    case 'totp':
      return codeWords(event, terminal);
    case 'invitation':
      return `${event.url}\n(for ${event.name} at ${event.service}, once, until ${localTime(event.expires)}; it is shown once)`;
    case 'passkey':
      return passkeyWords(event);
    default:
      return event satisfies never;
  }
}

function codeWords(event: Extract<FactorEvent, { event: 'totp' }>, { screen }: Terminal): string {
  switch (event.change) {
    case 'offered':
      return offerWords(event, screen);
    case 'removed':
      return `${event.name} has no codes any more, and no open session.`;
    case 'added':
    case 'changed': {
      const now = event.change === 'added' ? 'has codes now' : 'has new codes, and the old ones open nothing any more';
      const lines = event.recovery.map((code) => `  ${code}`).join('\n');
      return `${event.name} ${now}.\n\nTen recovery codes, for the day the phone is gone. Each opens once; they are shown once:\n\n${lines}\n`;
    }
    default:
      return event satisfies never;
  }
}

/** In a terminal to be photographed; elsewhere to be read. */
function offerWords({ name, secret, uri }: Readonly<{ name: string; secret: string; uri: string }>, screen: boolean): string {
  const typed = `  ${secret.replaceAll(/(.{4})(?!$)/g, '$1 ')}\n`;
  const head = `For the authenticator app of ${name}. It is a secret, and shown once.`;
  if (!screen) return `${head}\n\n  ${uri}\n\nOr type:\n\n${typed}`;
  const picture = renderUnicodeCompact(uri, { border: 1 })
    .split('\n')
    .map((line) => `  ${line}`)
    .join('\n');
  return `${head}\n\n${picture}\n\nOr type:\n\n${typed}`;
}

function passkeyWords(event: Extract<FactorEvent, { event: 'passkey' }>): string {
  const { id, name, host, label, synced, since, used, change } = event;
  if (change === 'removed') return `The passkey ${id} of ${name} opens nothing any more, and ${name} has no open session.`;
  const more = [
    ...(label === null ? [] : [shown(label)]),
    `at ${shown(host)}`,
    `since ${localTime(since)}`,
    used === null ? 'never used' : `used ${localTime(used)}`,
    ...(synced ? ['synced between devices'] : []),
  ];
  return `${id}  ${name}  ${more.join('  ')}`;
}
