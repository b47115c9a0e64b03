/** The Mann–Whitney U test: whether two samples could be of one distribution, by the normal approximation with ties. */

/** @returns the two-sided p: small where they differ */
export function mannWhitney(one: readonly number[], other: readonly number[]): number {
  const all = [...one.map((value) => ({ value, first: true })), ...other.map((value) => ({ value, first: false }))];
  all.sort((left, right) => left.value - right.value);
  let [ranks, ties] = [0, 0];
  for (let from = 0; from < all.length;) {
    let to = from + 1;
    while (to < all.length && all[to]?.value === all[from]?.value) to += 1;
    const rank = (from + 1 + to) / 2;
    for (let at = from; at < to; at += 1) ranks += all[at]?.first === true ? rank : 0;
    ties += (to - from) ** 3 - (to - from);
    from = to;
  }
  const [n, m, both] = [one.length, other.length, all.length];
  const mean = (n * m) / 2;
  const deviation = Math.sqrt(((n * m) / 12) * (both + 1 - ties / (both * (both - 1))));
  if (deviation === 0) return 1;
  const z = Math.max(0, Math.abs(ranks - (n * (n + 1)) / 2 - mean) - 0.5) / deviation;
  return erfc(z / Math.SQRT2);
}

/** Abramowitz and Stegun 7.1.26, to 1.5e-7. */
function erfc(x: number): number {
  const t = 1 / (1 + 0.3275911 * x);
  return t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429)))) * Math.exp(-x * x);
}
