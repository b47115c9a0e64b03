/** What the storm counts, and the violations that it found. */

export const works = ['nonce', 'post', 'upload', 'download', 'chunked', 'drip', 'websocket'] as const;
export type Work = (typeof works)[number];

export type Outcome =
  | Readonly<{ is: 'whole' }>
  /** Nothing of a good answer was seen: a status of the gateway, or an error of the connection. */
  | Readonly<{ is: 'refused'; code: string }>
  /** A good answer had begun, and was seen to break. */
  | Readonly<{ is: 'broken'; code: string }>
  /** What must not be. */
  | Readonly<{ is: 'wrong'; why: string }>;

export type Counts = { requests: number; whole: number; retries: number; refused: number; broken: number; wrong: number };

/** Kept by their text; more are only counted. */
const violationsMax = 1_000;

export class Violations {
  readonly all: string[] = [];
  readonly #say: (line: string) => void;
  count = 0;

  constructor(say: (line: string) => void) {
    this.#say = say;
  }

  add(what: string): void {
    this.count += 1;
    if (this.all.length >= violationsMax) return;
    this.all.push(what);
    this.#say(`VIOLATION ${what}`);
  }
}

export class Tally {
  readonly by = new Map<Work, Counts>(
    works.map((work) => [work, { requests: 0, whole: 0, retries: 0, refused: 0, broken: 0, wrong: 0 }] as const),
  );
  readonly refused = new Map<string, number>();
  readonly broken = new Map<string, number>();
  readonly #violations: Violations;
  /** Of WebSockets, echoed rightly. */
  messages = 0;
  bytes = 0;

  constructor(violations: Violations) {
    this.#violations = violations;
  }

  note(work: Work, id: string, outcome: Outcome, retry: boolean): void {
    const counts = this.by.get(work);
    if (counts === undefined) return;
    counts.requests += 1;
    if (retry) counts.retries += 1;
    counts[outcome.is] += 1;
    switch (outcome.is) {
      case 'whole':
        return;
      case 'refused':
        return more(this.refused, outcome.code);
      case 'broken':
        return more(this.broken, outcome.code);
      case 'wrong':
        return this.#violations.add(`${id}: ${outcome.why}`);
      default:
        return outcome satisfies never;
    }
  }

  sum(key: keyof Counts): number {
    return [...this.by.values()].reduce((sum, counts) => sum + counts[key], 0);
  }
}

function more(map: Map<string, number>, key: string): void {
  map.set(key, (map.get(key) ?? 0) + 1);
}
