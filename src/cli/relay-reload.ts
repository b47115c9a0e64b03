/** Keeps a relay true to its file: what can change in place does, the rest by an upgrade; the whole of it, or nothing. */

import { watchConfig } from '../controlplane/config/watch.ts';
import { SallyportError } from '../core/errors.ts';
import type { Cli } from './cli.ts';
import { failureOf } from './failure.ts';
import type { RelayPlan } from './relay-plan.ts';

export type Reloading = Readonly<{
  /** Reads file and words again. */
  planned: () => Promise<RelayPlan>;
  /** What is in force. */
  current: () => RelayPlan;
  /** Puts in force what differs in `inPlace` only. Throws, and has changed nothing then. */
  apply: (plan: RelayPlan) => Promise<void>;
  /** A new process that reads the file for itself. Null where nobody holds the sockets. */
  upgrade: (() => Promise<unknown>) | null;
  /** Whether this relay is leaving: its successor follows the file. */
  leaves: () => boolean;
}>;

type Key = Exclude<keyof RelayPlan, 'file'>;

/** What needs no new process. */
const inPlace: ReadonlySet<Key> = new Set<Key>(['drainMs', 'files', 'terminate']);

/** Reads again, and does what is to be done. Errors: those of the plan, and of the upgrade. */
export async function reloadRelay(cli: Cli, reloading: Reloading): Promise<void> {
  if (reloading.leaves()) return;
  const before = reloading.current();
  const next = await reloading.planned();
  const changed = changedKeys(before, next);
  const named = next.file?.named ?? 'the file';
  // A door for WebSockets is there from the start or not at all.
  const door = (before.files === null) !== (next.files === null);
  if (!door && changed.every((key) => inPlace.has(key))) {
    await reloading.apply(next);
    cli.reporter().say({ event: 'reloaded', path: named });
    return;
  }
  if (reloading.upgrade === null)
    throw new SallyportError('config-malformed', `${named} changes ${changed.join(', ')}, which takes a restart.`, {
      hint: 'Restart the relay; until then the rest of the file waits too.',
    });
  await reloading.upgrade();
}

/** Returns how to stop. Mistakes are said, and what runs goes on. */
export function followFile(cli: Cli, reloading: Reloading): () => void {
  const { file } = reloading.current();
  if (file === null) return () => undefined;
  return watchConfig({
    path: file.path,
    text: file.text,
    changed: () => {
      reloadRelay(cli, reloading).catch((error: unknown) => {
        const { code, message, hint } = failureOf(error);
        // A successor that failed has been told already, by the words of the upgrade.
        if (code !== 'successor-failed')
          cli.reporter().say({ event: 'warning', code, message: `${message} The old configuration stays.`, hint });
      });
    },
  });
}

function changedKeys(before: RelayPlan, next: RelayPlan): readonly Key[] {
  const keys = Object.keys(before).filter((key): key is Key => key !== 'file');
  return keys.filter((key) => JSON.stringify(before[key]) !== JSON.stringify(next[key]));
}
