/** Regular expressions in linear time: no text and no pattern takes longer than their lengths multiplied. */

import { readPattern, type PatternTree } from './pattern-tree.ts';

/** Describes whole texts. A character beyond Latin-1 is never matched. */
export interface Pattern {
  matches(text: string): boolean;
  /** The whole and its groups (an empty text for one that took no part), as a backtracking engine finds them; null without a match. */
  captures(text: string): readonly string[] | null;
  readonly groups: number;
}

export type PatternMade = Readonly<{ ok: true; pattern: Pattern }> | Readonly<{ ok: false; expected: string }>;

/** Steps of a pattern once its counted repetitions are written out: the worst text of 8 KiB then takes some 100 ms, a usual one 0.1. */
const stepsMax = 300;
/** States that are kept of one pattern: 256 KiB at most. When there are more they are forgotten and made anew. */
const statesMax = 256;

/** A regular expression; see `readPattern` for what it may hold. */
export function makePattern(source: string): PatternMade {
  const read = readPattern(source);
  return read.ok ? fromTree(read.tree, read.groups) : read;
}

/** The same of a tree that was made otherwise (a glob). */
export function fromTree(tree: PatternTree, groups = 0): PatternMade {
  const steps: Step[] = [];
  const built = build(tree, steps) && add(steps, { is: 'end' });
  if (!built) return { ok: false, expected: `a pattern of ${stepsMax} steps at most: {n,m} counts as written out` };
  return { ok: true, pattern: new Machine(steps, groups) };
}

type Step =
  | Readonly<{ is: 'set'; set: Uint8Array }>
  /** The first is tried before the second. */
  | { is: 'split'; first: number; second: number }
  | { is: 'jump'; to: number }
  | Readonly<{ is: 'mark'; slot: number }>
  | Readonly<{ is: 'end' }>;

function add(steps: Step[], step: Step): boolean {
  steps.push(step);
  return steps.length <= stepsMax;
}

/** False when it became too long. */
function build(tree: PatternTree, steps: Step[]): boolean {
  switch (tree.is) {
    case 'set':
      return add(steps, { is: 'set', set: tree.set });
    case 'sequence':
      return tree.of.every((part) => build(part, steps));
    case 'group':
      return (
        add(steps, { is: 'mark', slot: tree.index * 2 }) && build(tree.of, steps) && add(steps, { is: 'mark', slot: tree.index * 2 + 1 })
      );
    case 'either':
      return either(tree.of, steps);
    case 'repeat':
      return repeat(tree, steps);
    default:
      return tree satisfies never;
  }
}

function either(of: readonly PatternTree[], steps: Step[]): boolean {
  const jumps: { is: 'jump'; to: number }[] = [];
  for (const [index, branch] of of.entries()) {
    const split = { is: 'split' as const, first: steps.length + 1, second: 0 };
    const last = index === of.length - 1;
    if (!last && !add(steps, split)) return false;
    if (!build(branch, steps)) return false;
    if (last) continue;
    const jump = { is: 'jump' as const, to: 0 };
    jumps.push(jump);
    if (!add(steps, jump)) return false;
    split.second = steps.length;
  }
  for (const jump of jumps) jump.to = steps.length;
  return true;
}

function repeat({ of, least, most, greedy }: Extract<PatternTree, { is: 'repeat' }>, steps: Step[]): boolean {
  for (let count = 0; count < least; count += 1) if (!build(of, steps)) return false;
  const optional = (): { is: 'split'; first: number; second: number } => ({
    is: 'split',
    first: steps.length + 1,
    second: steps.length + 1,
  });
  const close = (split: { first: number; second: number }, end: number): void => {
    if (greedy) split.second = end;
    else split.first = end;
  };
  if (most === null) {
    const at = steps.length;
    const split = optional();
    if (!add(steps, split) || !build(of, steps) || !add(steps, { is: 'jump', to: at })) return false;
    close(split, steps.length);
    return true;
  }
  const splits: { first: number; second: number }[] = [];
  for (let count = least; count < most; count += 1) {
    const split = optional();
    splits.push(split);
    if (!add(steps, split) || !build(of, steps)) return false;
  }
  for (const split of splits) close(split, steps.length);
  return true;
}

type State = Readonly<{ steps: readonly number[]; ends: boolean; next: (State | null)[] }>;

/** A deterministic automaton that is made while it runs; for groups, all ways at once in their order (Pike's machine). */
class Machine implements Pattern {
  readonly groups: number;
  readonly #steps: readonly Step[];
  /** Characters that no set tells apart have one number. */
  readonly #classes = new Uint8Array(256);
  readonly #samples: readonly number[];
  readonly #states = new Map<string, State>();
  #start: State;

  constructor(steps: readonly Step[], groups: number) {
    this.#steps = steps;
    this.groups = groups;
    const sets = steps.flatMap((step) => (step.is === 'set' ? [step.set] : []));
    const known = new Map<string, number>();
    const samples: number[] = [];
    for (let octet = 0; octet < 256; octet += 1) {
      const key = sets.map((set) => set[octet]).join('');
      const found = known.get(key);
      if (found === undefined) samples.push(octet);
      this.#classes[octet] = found ?? known.size;
      known.set(key, this.#classes[octet] ?? 0);
    }
    this.#samples = samples;
    this.#start = this.#state(this.#closure([0]));
  }

  matches(text: string): boolean {
    let state = this.#start;
    for (let at = 0; at < text.length; at += 1) {
      const character = text.charCodeAt(at);
      if (character > 255) return false;
      const kind = this.#classes[character] ?? 0;
      const next = state.next[kind] ?? this.#advance(state, kind);
      if (next.steps.length === 0) return false;
      state = next;
    }
    return state.ends;
  }

  captures(text: string): readonly string[] | null {
    if (!this.matches(text)) return null;
    let threads = this.#threads([{ step: 0, marks: [] }], 0);
    for (let at = 0; at < text.length; at += 1) {
      const character = text.charCodeAt(at);
      const moved = threads.flatMap((thread) => {
        const step = this.#steps[thread.step];
        return step?.is === 'set' && step.set[character] === 1 ? [{ step: thread.step + 1, marks: thread.marks }] : [];
      });
      threads = this.#threads(moved, at + 1);
    }
    const marks = threads.find((thread) => this.#steps[thread.step]?.is === 'end')?.marks ?? [];
    const groups = Array.from({ length: this.groups }, (_, index) => {
      const [start, end] = [marks[index * 2 + 2], marks[index * 2 + 3]];
      return start === undefined || end === undefined ? '' : text.slice(start, end);
    });
    return [text, ...groups];
  }

  #advance(state: State, kind: number): State {
    const sample = this.#samples[kind] ?? 0;
    const moved: number[] = [];
    for (const at of state.steps) {
      const step = this.#steps[at];
      if (step?.is === 'set' && step.set[sample] === 1) moved.push(at + 1);
    }
    if (this.#states.size >= statesMax) {
      this.#states.clear();
      this.#start = this.#state(this.#closure([0]));
    }
    const next = this.#state(this.#closure(moved));
    state.next[kind] = next;
    return next;
  }

  #state(steps: readonly number[]): State {
    const key = steps.join(',');
    const known = this.#states.get(key);
    if (known !== undefined) return known;
    const next: (State | null)[] = Array.from(this.#samples, () => null);
    const state: State = { steps, ends: steps.some((at) => this.#steps[at]?.is === 'end'), next };
    this.#states.set(key, state);
    return state;
  }

  /** Where one can stand without reading on: steps that read, and the end, in ascending order. */
  #closure(from: readonly number[]): readonly number[] {
    return this.#threads(
      from.map((step) => ({ step, marks: [] })),
      0,
    )
      .map(({ step }) => step)
      .toSorted((left, right) => left - right);
  }

  /** The same with the order in which a backtracking engine would try them, each step once. */
  #threads(from: readonly Thread[], position: number): readonly Thread[] {
    const seen = new Uint8Array(this.#steps.length);
    const found: Thread[] = [];
    const open = from.toReversed();
    for (let thread = open.pop(); thread !== undefined; thread = open.pop()) {
      if (seen[thread.step] === 1) continue;
      seen[thread.step] = 1;
      const step = this.#steps[thread.step];
      if (step === undefined) continue;
      if (step.is === 'jump') open.push({ step: step.to, marks: thread.marks });
      else if (step.is === 'split') open.push({ step: step.second, marks: thread.marks }, { step: step.first, marks: thread.marks });
      else if (step.is === 'mark') open.push({ step: thread.step + 1, marks: marked(thread.marks, step.slot, position) });
      else found.push(thread);
    }
    return found;
  }
}

type Thread = Readonly<{ step: number; marks: readonly (number | undefined)[] }>;

function marked(marks: readonly (number | undefined)[], slot: number, position: number): readonly (number | undefined)[] {
  const next = [...marks];
  next[slot] = position;
  return next;
}
