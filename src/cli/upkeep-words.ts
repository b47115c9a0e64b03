/** What keeps a home in order, in words: the local CA, backups, configurations, versions. */

import { shown } from '../controlplane/records/words.ts';
import type { CliEvent } from './event.ts';
import { localTime } from './local-time.ts';

type Event<Name extends CliEvent['event']> = Extract<CliEvent, { event: Name }>;

export function upkeepWords(event: Event<'ca' | 'backup' | 'config' | 'reloaded' | 'version'>): string {
  switch (event.event) {
    case 'ca':
      return `${event.path}\nSHA-256 ${event.fingerprint}\nSigns only for: ${event.names.join(', ')}\nUntil ${localTime(event.expires)}`;
    case 'backup':
      return event.change === 'written'
        ? `${shown(event.path)} holds ${event.files} files, private keys among them: keep it safe.`
        : `Restored as of ${localTime(event.made)}.${event.replaced === null ? '' : `\nWhat was here before lies in ${shown(event.replaced)}`}`;
    case 'config':
      return configWords(event);
    case 'reloaded':
      return `${shown(event.path)} was read again.`;
    case 'version':
      return `sallyport ${event.version} (Node ${event.node})`;
    default:
      return event satisfies never;
  }
}

function configWords({ path, services }: Event<'config'>): string {
  if (services.length === 0) return `${shown(path)} is right.`;
  return `${shown(path)} is right: ${services.length === 1 ? 'one service' : `${services.length} services`} (${services.join(', ')}).`;
}
