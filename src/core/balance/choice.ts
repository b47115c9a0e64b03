/** Which of several backends carries the next exchange: by turns, by load, or by a key that always leads to the same one. */

/** What is chosen from. `credit` belongs to the choice by turns, which changes it. */
export type Candidate = {
  /** How much of all it takes, in proportion; above 0. */
  readonly weight: number;
  /** How many exchanges it carries now. */
  readonly live: number;
  credit: number;
};

/**
 * Smooth turns, as nginx and LVS take them: each gains its weight, the richest goes and pays what all have gained. In as
 * many choices as the sum of whole weights each was chosen as often as its weight says, and never in one bunch.
 */
export function byTurns<Each extends Candidate>(candidates: readonly Each[]): Each | null {
  let richest: Each | null = null;
  let sum = 0;
  for (const each of candidates) {
    sum += each.weight;
    each.credit += each.weight;
    if (richest === null || each.credit > richest.credit) richest = each;
  }
  if (richest !== null) richest.credit -= sum;
  return richest;
}

/** The one with the fewest exchanges for its weight; where several have as few, those take turns. */
export function byLoad<Each extends Candidate>(candidates: readonly Each[]): Each | null {
  let least = Infinity;
  let idlest: Each[] = [];
  for (const each of candidates) {
    const load = (each.live + 1) / each.weight;
    if (load > least) continue;
    if (load < least) idlest = [];
    least = load;
    idlest.push(each);
  }
  return idlest.length === 1 ? (idlest[0] ?? null) : byTurns(idlest);
}

/**
 * Rendezvous hashing with weights (Thaler and Ravishankar, 1998; Schindelhauer and Schomaker, 2005): each key has its own
 * order of all backends. When one goes only its own keys move, and when it comes back they come back.
 */
export function byKey<Each extends Candidate & Readonly<{ id: string }>>(candidates: readonly Each[], key: string): Each | null {
  let first: Each | null = null;
  let best = -Infinity;
  for (const each of candidates) {
    const score = -each.weight / Math.log(fraction(`${each.id}\n${key}`));
    if (score > best) [first, best] = [each, score];
  }
  return first;
}

/** Above 0 and below 1, spread evenly over texts. No secret and no signature: whoever chooses keys chooses a backend, as with any key. */
function fraction(text: string): number {
  // FNV-1a with the mixing of MurmurHash3 behind it, which FNV lacks for texts that differ in their last letter.
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (((hash ^ (hash >>> 16)) >>> 0) + 0.5) / 0x1_0000_0000;
}
