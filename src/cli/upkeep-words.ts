/** What keeps a home in order, in words: the local CA, backups, configurations, versions. */

import { shown } from '../controlplane/records/words.ts';
import type { CliEvent } from './event.ts';
import { localTime } from './local-time.ts';

type Event<Name extends CliEvent['event']> = Extract<CliEvent, { event: Name }>;

export function upkeepWords(event: Event<'ca' | 'backup' | 'config' | 'reloaded' | 'process' | 'unit' | 'imported' | 'version'>): string {
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
    case 'process':
      return `The process ${event.pid} ${event.change === 'stopped' ? 'has ended' : 'has read its file again'}.`;
    case 'unit':
      return unitWords(event);
    case 'imported':
      return importedWords(event);
    case 'version':
      return `sallyport ${event.version} (Node ${event.node})`;
    default:
      return event satisfies never;
  }
}

function unitWords({ unit, path, change, state }: Event<'unit'>): string {
  if (change !== null) return `${shown(path)} was ${change}.`;
  return `${unit}: ${shown(path)}${state === null ? '' : `\n${shown(state)}`}`;
}

function importedWords({ path, services, unlike }: Event<'imported'>): string {
  const lines =
    unlike === 0 ? 'Every line has its counterpart.' : `${unlike} lines say something else here, or nothing: comments tell why.`;
  return `${services.length === 1 ? 'One service' : `${services.length} services`} ${path === null ? 'read' : `written to ${shown(path)}`}. ${lines}`;
}

function configWords({ path, services }: Event<'config'>): string {
  if (services.length === 0) return `${shown(path)} is right.`;
  return `${shown(path)} is right: ${services.length === 1 ? 'one service' : `${services.length} services`} (${services.join(', ')}).`;
}
