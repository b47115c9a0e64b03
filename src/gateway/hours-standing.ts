/** Ends what users and API keys run when their hours end: looked at when a minute begins, as hours do. */

import type { Closable } from '../contracts/stream.ts';
import type { Tools } from '../contracts/tools.ts';
import { withinHours } from '../core/policy/hours.ts';
import type { Engine } from '../dataplane/engine.ts';

const minuteMs = 60_000;
/** A little after: a timer that comes early would look at the minute before. */
const afterMs = 50;

export type HoursOptions = Readonly<{
  tools: Pick<Tools, 'users' | 'keys' | 'now'>;
  engine: Pick<Engine, 'cut'>;
  /** Calls back once after so many milliseconds; returns what forgets it. A test turns the time itself. */
  later?: (run: () => void, ms: number) => () => void;
}>;

export function cutWithHours({ tools, engine, later = systemTimer }: HoursOptions): Closable {
  const look = (): void => {
    const now = tools.now();
    const out = new Set<string>();
    for (const { name, hours } of tools.users.list()) if (hours !== undefined && !withinHours(hours, now)) out.add(`user:${name}`);
    for (const { name, hours } of tools.keys.list()) if (hours !== undefined && !withinHours(hours, now)) out.add(`key:${name}`);
    if (out.size > 0) engine.cut((_service, who) => who !== null && out.has(who.subject), 'credentials-expired');
    forget = later(look, minuteMs - (now % minuteMs) + afterMs);
  };
  let forget = later(look, minuteMs - (tools.now() % minuteMs) + afterMs);
  return { close: async () => forget() };
}

function systemTimer(run: () => void, ms: number): () => void {
  const timer = setTimeout(run, ms);
  timer.unref();
  return () => clearTimeout(timer);
}
