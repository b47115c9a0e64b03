/** What somebody probably meant: the known word nearest to an unknown one. */

/** Longer words cost quadratic time and are no typing mistakes. */
const wordLengthMax = 40;

/**
 * @param known the words that would have been right
 * @returns the nearest within two slips (one for short words), or null
 */
export function nearest(word: string, known: readonly string[]): string | null {
  if (word.length > wordLengthMax) return null;
  const lower = word.toLowerCase().replaceAll(/[-_]/g, '');
  let best: string | null = null;
  let bestSlips = (lower.length < 4 ? 1 : 2) + 1;
  for (const candidate of known) {
    const slips = slipsBetween(lower, candidate.toLowerCase(), bestSlips);
    if (slips < bestSlips) [best, bestSlips] = [candidate, slips];
  }
  return best;
}

/** Optimal string alignment: an insertion, deletion, substitution or swap of neighbours is one slip. */
function slipsBetween(left: string, right: string, enough: number): number {
  if (Math.abs(left.length - right.length) >= enough) return enough;
  let twoBack: number[] = [];
  let before = Array.from({ length: right.length + 1 }, (_, at) => at);
  for (let row = 1; row <= left.length; row++) {
    const now = [row];
    for (let column = 1; column <= right.length; column++) {
      const same = left[row - 1] === right[column - 1] ? 0 : 1;
      let slips = Math.min((before[column] ?? 0) + 1, (now[column - 1] ?? 0) + 1, (before[column - 1] ?? 0) + same);
      const swapped = row > 1 && column > 1 && left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1];
      if (swapped) slips = Math.min(slips, (twoBack[column - 2] ?? 0) + 1);
      now.push(slips);
    }
    [twoBack, before] = [before, now];
  }
  return before[right.length] ?? enough;
}
