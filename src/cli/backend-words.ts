/** Services and their backends that come and go, in words; and how the backends of one stand. */

import { shown } from '../controlplane/records/words.ts';
import type { BackendStatus } from '../controlplane/config/running.ts';
import type { CliEvent } from './event.ts';
import { localTime } from './local-time.ts';
import type { Terminal } from './terminal.ts';

type Turn = Extract<CliEvent, { event: 'waiting' | 'lost' | 'opened' | 'closed' | 'backend' }>;

export function turnWords(event: Turn, { paint }: Pick<Terminal, 'paint'>): string {
  const { service } = event;
  switch (event.event) {
    case 'waiting':
      return `${service} is not reached yet: ${shown(event.why)}${event.hint === null ? '' : `\n  ${shown(event.hint)}`}`;
    case 'lost':
      return paint('yellow', `${service} is not reached any more: ${shown(event.why)}`);
    case 'opened':
      return `${service} is open.`;
    case 'closed': {
      const toOpen = `; to open it: sallyport open ${service}`;
      if (event.why === 'switched') return `${service} is closed${toOpen}.`;
      return event.why === 'maintenance' ? `${service} is closed for maintenance${toOpen}.` : `${service} is closed (${shown(event.why)}).`;
    }
    case 'backend':
      if (event.state === 'up') return `${service}: ${shown(event.backend)} is back.`;
      return paint('yellow', `${service}: ${shown(event.backend)} is away: ${shown(event.why ?? '')} (${event.code ?? ''})`);
    default:
      return event satisfies never;
  }
}

/** A line for each. */
export function backendLines(backends: readonly BackendStatus[], { paint }: Pick<Terminal, 'paint'>): readonly string[] {
  return backends.map(({ backend, state, since, code, why, weight, emergency, live }) => {
    const stands = state === 'up' ? 'up' : paint('yellow', `away since ${localTime(since)}: ${shown(why ?? '')} (${code ?? ''})`);
    const takes = emergency ? 'emergency' : weight === 0 ? 'nobody new' : `weight ${weight}`;
    return `  ${shown(backend)}  ${stands}, ${takes}, ${live} live`;
  });
}
