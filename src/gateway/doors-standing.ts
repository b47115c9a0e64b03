/** Ends what came through a door for an address when the door is closed, and closes doors whose credential was taken away. */

import type { AddressDoors } from '../contracts/address-doors.ts';
import type { Closable } from '../contracts/stream.ts';
import type { Engine } from '../dataplane/engine.ts';

/** What ends together, all doors of a person, is looked for once: each look goes over everything that runs. */
export function cutWithDoors(doors: Pick<AddressDoors, 'watch'>, engine: Pick<Engine, 'cut'>): Closable {
  let over = new Set<string>();
  const cut = (): void => {
    const ids = over;
    over = new Set();
    engine.cut((_service, who) => who?.door !== undefined && ids.has(who.door), 'credentials-expired');
  };
  const watch = doors.watch((id) => {
    if (over.size === 0) queueMicrotask(cut);
    over.add(id);
  });
  return { close: async () => watch.close() };
}

/**
 * A link, a key, a certificate: whoever opened a door by it must show what stands. Doors of users are held against the user
 * and the session with each look. A store that is away says so elsewhere; here the doors are closed for this process already.
 */
export function closeDoorsOf(doors: Pick<AddressDoors, 'closeSubject'>, subject: string): void {
  if (!subject.startsWith('user:')) doors.closeSubject(subject).catch(() => undefined);
}
