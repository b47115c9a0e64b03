/** The time of day, read once a turn of the event loop: on the road of an exchange it is asked for six times. */

/**
 * A clock that stands still within a turn, which lasts milliseconds at most where nothing is wrong. It goes on before the
 * process may sleep: the check phase follows every poll phase, and a pending immediate lets no poll phase wait.
 *
 * @param now milliseconds since 1970
 */
export function turnClock(now: () => number): () => number {
  let at = 0;
  let read = false;
  const turn = (): void => {
    read = false;
  };
  return () => {
    if (!read) {
      read = true;
      at = now();
      setImmediate(turn);
    }
    return at;
  };
}
