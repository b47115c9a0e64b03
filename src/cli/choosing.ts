/** Which of several things that somebody has open a command is for: one by its id, all of a user, or all. */

import { SallyportError, type Code } from '../core/errors.ts';

type Owned = Readonly<{ id: string; subject: string }>;

export type Choice<Each extends Owned> = Readonly<{
  /** One of them, in words: `session`. */
  kind: string;
  /** The code of an id that nobody has. */
  missing: Code;
  /** The command that lists them. */
  list: string;
  /** What was said, by its words on the command line; undefined was not said. */
  said: readonly (readonly [words: string, of: ((each: Each) => boolean) | undefined])[];
}>;

/** Errors: `usage-wrong` when not one thing was said, `missing`. */
export function chooseFrom<Each extends Owned>(all: readonly Each[], id: string | undefined, choice: Choice<Each>): readonly Each[] {
  const { kind, missing, list, said } = choice;
  const hint = `See what is open: ${list}`;
  const ways = said.flatMap(([, of]) => (of === undefined ? [] : [of]));
  const [way] = ways;
  if (ways.length + (id === undefined ? 0 : 1) !== 1) {
    const words = said.map(([each]) => each);
    throw new SallyportError('usage-wrong', `Say which: the id of one ${kind}, ${words.slice(0, -1).join(', ')} or ${words.at(-1)}.`, {
      hint,
    });
  }
  const found = all.filter(way ?? ((each) => each.id === id));
  if (way === undefined && found.length === 0)
    throw new SallyportError(missing, `There is no open ${kind} ${JSON.stringify(id)}.`, { hint });
  return found;
}

/** `ana` is a user; `email:ana@example.org`, `link:3f9a0c11d2` and `pin:photos` say themselves what they are. */
export function isOf({ subject }: Pick<Owned, 'subject'>, user: string): boolean {
  return subject === (user.includes(':') ? user : `user:${user.toLowerCase()}`);
}
