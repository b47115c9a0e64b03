/** What the storm counts, and the violations that it found. */

/** The last three are TCP through `sallyport connect`, TCP at a port of a relay, and UDP at one. */
export const works = ['nonce', 'post', 'upload', 'download', 'chunked', 'drip', 'websocket', 'connect', 'tcp', 'udp'] as const;
export type Work = (typeof works)[number];

export type Outcome =
  /** `by` is the service that says so of itself. */
  | Readonly<{ is: 'whole'; by?: string }>
  /** Nothing of a good answer was seen: a status of the gateway, or an error of the connection. */
  | Readonly<{ is: 'refused'; code: string }>
  /** A good answer had begun, and was seen to break. */
  | Readonly<{ is: 'broken'; code: string }>
  /** What must not be. */
  | Readonly<{ is: 'wrong'; why: string }>;

export type Counts = { requests: number; whole: number; retries: number; refused: number; broken: number; wrong: number };

export const noCounts: Readonly<Counts> = { requests: 0, whole: 0, retries: 0, refused: 0, broken: 0, wrong: 0 };

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
  readonly by = new Map<Work, Counts>();
  readonly refused = new Map<string, number>();
  readonly broken = new Map<string, number>();
  readonly #violations: Violations;
  /** Of WebSockets, echoed rightly. */
  messages = 0;
  /** Of UDP: sent, and of them come back. Loss is no fault. */
  datagrams = { sent: 0, back: 0 };
  bytes = 0;

  constructor(violations: Violations) {
    this.#violations = violations;
  }

  note(work: Work, id: string, outcome: Outcome, retry: boolean): void {
    const counts = this.by.get(work) ?? { ...noCounts };
    this.by.set(work, counts);
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
        return this.#violations.add(`${work} ${id}: ${outcome.why}`);
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
